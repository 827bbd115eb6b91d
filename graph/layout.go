package graph

import (
	"cmp"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// layout is where a drawing has a network's ops: each in a row below its
// operands, and in a lane, one for each branch. It is made for networks that
// are chains with a few branches.
type layout struct {
	cells []*cell // operands first
	lines []line
	taken map[slot]bool
}

type slot struct{ lane, row int }

// cell is the input or an op, with the tensors that it reads besides.
type cell struct {
	slot
	node   *gorgonia.Node
	layer  string // path of the layer that it is part of, "" for none
	beside gorgonia.Nodes
}

// line goes from a cell down to one that reads it, through a lane of its own in
// the rows between.
type line struct {
	from, to *cell
	lane     int
}

// layout places what Model.DOT shows. A tensor that two ops read stands beside
// both.
func (m *Model) layout() *layout {
	l := &layout{taken: map[slot]bool{}}
	cells := map[*gorgonia.Node]*cell{}
	for _, n := range m.drawn() {
		if n.Op() == nil && n != m.input && n != m.output {
			continue
		}
		c := &cell{node: n, layer: m.layerOf(n)}
		var above []*cell
		for _, operand := range op.Operands(n) {
			if o := cells[operand]; o != nil {
				above = append(above, o)
				c.row = max(c.row, o.row+1)
			} else {
				c.beside = append(c.beside, operand)
			}
		}
		l.place(c, above)
		cells[n] = c
	}
	return l
}

// place puts a cell below one of those that it reads, if its row is free there,
// and draws the lines to it.
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

// firstFree is the first such lane from a given one on.
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
		case c.layer == "":
		case i > 0 && cells[i-1].layer == c.layer && cells[i-1].lane == c.lane:
			last := len(frames) - 1
			frames[last] = append(frames[last], c)
		default:
			frames = append(frames, []*cell{c})
		}
	}
	return frames
}
