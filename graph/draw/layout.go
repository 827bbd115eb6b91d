package draw

import "slices"

// layout says where a network's cells stand in a drawing: each in a row below those that
// it reads, and in a lane of its branch. It suits networks that are chains with
// a few branches.
type layout struct {
	cells []*cell // operands first
	lines []line
	taken map[slot]bool
}

// slot is a place in the drawing.
type slot struct{ lane, row int }

// line goes from a cell down to one that reads it, through a lane of its own in
// the rows between.
type line struct {
	from, to *cell
	lane     int
}

// newLayout places all cells.
func newLayout(all []*cell) *layout {
	l := &layout{taken: map[slot]bool{}}
	for _, c := range all {
		for _, o := range c.inputs {
			c.row = max(c.row, o.row+1)
		}
		l.place(c, c.inputs)
	}
	return l
}

// place puts a cell into the lane of a cell above that it reads, or if its row
// is taken in all their lanes into the first free lane, and draws lines from
// them.
func (l *layout) place(c *cell, above []*cell) {
	c.lane = -1
	for _, o := range above {
		if c.lane < 0 && l.free(o.lane, c.row, c.row) {
			c.lane = o.lane
		}
	}
	if c.lane < 0 {
		c.lane = l.firstFree(0, c.row, c.row)
	}
	l.taken[c.slot] = true
	l.cells = append(l.cells, c)
	for _, o := range above {
		lo, hi := o.row+1, c.row-1
		lane := o.lane
		if !l.free(lane, lo, hi) {
			lane = c.lane
		}
		if !l.free(lane, lo, hi) {
			lane = l.firstFree(max(o.lane, c.lane)+1, lo, hi)
		}
		for row := lo; row <= hi; row++ {
			l.taken[slot{lane, row}] = true
		}
		l.lines = append(l.lines, line{o, c, lane})
	}
}

// free reports whether a lane is empty in the rows from lo to hi.
func (l *layout) free(lane, lo, hi int) bool {
	for row := lo; row <= hi; row++ {
		if l.taken[slot{lane, row}] {
			return false
		}
	}
	return true
}

// firstFree returns the first lane from a given one on that is empty in the
// rows from lo to hi.
func (l *layout) firstFree(lane, lo, hi int) int {
	for !l.free(lane, lo, hi) {
		lane++
	}
	return lane
}

// frame is cells that are drawn in a box, with a title.
type frame struct {
	title       string
	unit        bool // it is drawn once
	cells       []*cell
	first, last int // row
	left, right int // lane
}

// frames are the layers that are made of others, such as a Residual, and the units that are
// drawn once.
func (l *layout) frames() (all []*frame) {
	made := map[string]*frame{} // by the layer's path
	composite := map[string]bool{}
	for _, c := range l.cells {
		for _, n := range c.nodes {
			if top, rest := split(n.Layer); rest != "" {
				composite[top] = true
			}
		}
	}
	var unit *frame
	end := (*cell)(nil)
	for _, c := range l.cells {
		if c.whole != nil {
			unit, end = &frame{title: c.unitTitle(), unit: true}, c.whole
			all = append(all, unit)
		}
		top, _ := split(c.first().Layer)
		switch f := made[top]; {
		case unit != nil:
			unit.cells = append(unit.cells, c)
		case !composite[top]:
		case f == nil:
			f = &frame{title: top}
			made[top], all = f, append(all, f)
			fallthrough
		default:
			made[top].cells = append(made[top].cells, c)
		}
		if c == end {
			unit = nil
		}
	}
	for _, f := range all {
		f.bound(l.lines)
	}
	return slices.DeleteFunc(slices.Clone(all), func(f *frame) bool {
		return slices.ContainsFunc(all, func(other *frame) bool { return f.yields(other) })
	})
}

// yields reports whether a frame is not drawn as another one, of fewer rows or drawn once, is in its place.
func (f *frame) yields(other *frame) bool {
	apart := f.last < other.first || other.last < f.first || f.right < other.left || other.right < f.left
	if f == other || apart || f.unit {
		return false
	}
	return other.unit || f.last-f.first > other.last-other.first
}

// bound finds the rows and lanes of a frame: those of its cells, and of lines between them.
func (f *frame) bound(lines []line) {
	f.first, f.left = f.cells[0].row, f.cells[0].lane
	for _, c := range f.cells {
		f.first, f.last = min(f.first, c.row), max(f.last, c.row)
		f.left, f.right = min(f.left, c.lane), max(f.right, c.lane)
	}
	for _, l := range lines {
		if slices.Contains(f.cells, l.to) && l.to.row > l.from.row+1 {
			f.left, f.right = min(f.left, l.lane), max(f.right, l.lane)
		}
	}
}
