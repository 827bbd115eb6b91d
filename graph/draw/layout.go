package draw

import (
	"cmp"
	"slices"

	"tapenet/graph"
)

// layout says where a network's ops stand in a drawing: each in a row below its
// operands, and in a lane of its branch. It suits networks that are chains with
// a few branches.
type layout struct {
	cells []*cell // operands first
	lines []line
	taken map[slot]bool
}

// slot is a place in the drawing.
type slot struct{ lane, row int }

// cell is the input or an op, together with the tensors that the op reads.
type cell struct {
	slot
	node   graph.Node
	beside []graph.Node
}

// line goes from a cell down to one that reads it, through a lane of its own in
// the rows between.
type line struct {
	from, to *cell
	lane     int
}

// newLayout places all nodes. A tensor that two ops read stands beside both;
// the input has a cell of its own, and so has a tensor that nobody reads: it is
// the output.
func newLayout(nodes []graph.Node) *layout {
	l := &layout{taken: map[slot]bool{}}
	named, read := map[string]graph.Node{}, map[string]bool{}
	for _, n := range nodes {
		named[n.Name] = n
		for _, operand := range n.Inputs {
			read[operand] = true
		}
	}
	cells := map[string]*cell{}
	for _, n := range nodes {
		if isTensor(n) && n.Name != "input" && read[n.Name] {
			continue
		}
		c := &cell{node: n}
		var above []*cell
		for _, operand := range n.Inputs {
			if o := cells[operand]; o != nil {
				above = append(above, o)
				c.row = max(c.row, o.row+1)
			} else {
				c.beside = append(c.beside, named[operand])
			}
		}
		l.place(c, above)
		cells[n.Name] = c
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

// frames groups the cells of one layer that follow each other in one lane.
func (l *layout) frames() (frames [][]*cell) {
	cells := slices.SortedFunc(slices.Values(l.cells), func(a, b *cell) int {
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.row, b.row))
	})
	for i, c := range cells {
		switch {
		case c.node.Layer == "":
		case i > 0 && cells[i-1].node.Layer == c.node.Layer && cells[i-1].lane == c.lane:
			last := len(frames) - 1
			frames[last] = append(frames[last], c)
		default:
			frames = append(frames, []*cell{c})
		}
	}
	return frames
}
