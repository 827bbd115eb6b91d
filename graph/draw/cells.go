package draw

import (
	"fmt"
	"slices"
	"strings"

	"tapenet/graph"
)

// cell is what a drawing shows in one place: the input, or ops that follow each other and
// leave the shape as it is, such as a convolution, its normalisation and its activation.
type cell struct {
	slot
	nodes  []graph.Node // in their order
	params []graph.Node // tensors that the first one reads beside what comes from the input
	inputs []*cell      // above it
	whole  *cell        // it begins a unit that is drawn once, of the cells from it to this one; nil for none
	times  int          // that the unit comes in the network
	last   string       // layer of the last cell of its last time
}

func (c *cell) first() graph.Node  { return c.nodes[0] }
func (c *cell) result() graph.Node { return c.nodes[len(c.nodes)-1] }

// cells groups the nodes. What does not depend on the input, as filters that are turned copies
// of others, is drawn as the tensors that it is made of. The tensors of BatchNorm are left out.
func cells(nodes []graph.Node) (all []*cell) {
	g := newGrouping(nodes)
	of := map[string]*cell{} // by the nodes' names
	for _, n := range nodes {
		if !g.varies[n.Name] && g.readers[n.Name] > 0 {
			continue
		}
		c := &cell{nodes: []graph.Node{n}}
		c.params = g.params(n)
		if strings.Contains(n.Op, "BatchNorm") {
			c.params = slices.DeleteFunc(c.params, isNorm)
		}
		for _, operand := range n.Inputs {
			if above := of[operand]; above != nil {
				c.inputs = append(c.inputs, above)
			}
		}
		if g.goesOn(c) {
			above := c.inputs[0]
			above.nodes = append(above.nodes, n)
			of[n.Name] = above
			continue
		}
		of[n.Name] = c
		all = append(all, c)
	}
	return all
}

// grouping knows who reads a node, and which ones depend on the input.
type grouping struct {
	named   map[string]graph.Node
	readers map[string]int
	varies  map[string]bool
}

func newGrouping(nodes []graph.Node) *grouping {
	g := &grouping{map[string]graph.Node{}, map[string]int{}, map[string]bool{}}
	for _, n := range nodes { // operands first
		g.named[n.Name] = n
		g.varies[n.Name] = n.Name == "input" || slices.ContainsFunc(n.Inputs, func(operand string) bool { return g.varies[operand] })
		for _, operand := range n.Inputs {
			g.readers[operand]++
		}
	}
	return g
}

// params are the tensors that a node's other operands are made of, each once.
func (g *grouping) params(n graph.Node) (all []graph.Node) {
	for _, operand := range n.Inputs {
		from := g.named[operand]
		if g.varies[operand] {
			continue
		}
		found := []graph.Node{from}
		if !isTensor(from) {
			found = g.params(from)
		}
		for _, p := range found {
			if !slices.ContainsFunc(all, func(other graph.Node) bool { return other.Name == p.Name }) {
				all = append(all, p)
			}
		}
	}
	return all
}

// isNorm reports whether a tensor is one of the four of a BatchNorm.
func isNorm(n graph.Node) bool {
	return slices.Contains([]string{"gamma", "beta", "mean", "variance"}, baseName(n.Name))
}

// goesOn reports whether a cell of one op belongs to the one above: that has no other reader,
// and the op changes no shape and has no tensors to be shown.
func (g *grouping) goesOn(c *cell) bool {
	if len(c.inputs) != 1 || len(c.params) > 0 {
		return false
	}
	above := c.inputs[0].result()
	return !isTensor(above) && g.readers[above.Name] == 1 && slices.Contains(c.first().Inputs, above.Name) && above.Shape.Eq(c.first().Shape)
}

// many is the number of cells from which on a drawing shows what repeats once.
const many = 16

// collapsed draws units that follow each other and are alike once, in a drawing of many cells.
func collapsed(all []*cell) []*cell {
	if len(all) <= many {
		return all
	}
	signs := signatures(all)
	for {
		at, period, times := longest(all, signs)
		if times == 0 {
			return all
		}
		end := at + period
		begin, last := all[at], all[at+period*times-1]
		begin.whole, begin.times = all[end-1], times
		begin.last = last.first().Layer
		for _, c := range all[at+period*times:] {
			for i, above := range c.inputs {
				if above == last {
					c.inputs[i] = begin.whole
				}
			}
		}
		for i := at; i < end; i++ {
			signs[i] = fmt.Sprint("unit ", i) // it is not to be part of another one
		}
		all = slices.Delete(all, end, at+period*times)
		signs = slices.Delete(signs, end, at+period*times)
	}
}

// signatures say what cells are, but for their names: cells that have equal ones do the same.
func signatures(all []*cell) (signs []string) {
	at := map[*cell]int{}
	for i, c := range all {
		at[c] = i
		var b strings.Builder
		for _, n := range c.nodes {
			fmt.Fprintln(&b, n.Op, n.Shape)
		}
		for _, p := range c.params {
			fmt.Fprintln(&b, baseName(p.Name), p.Shape)
		}
		for _, above := range c.inputs {
			fmt.Fprintln(&b, i-at[above])
		}
		signs = append(signs, b.String())
	}
	return signs
}

// longest finds the unit that repeats right behind itself and whose collapse saves the most;
// times is 0 if none does.
func longest(all []*cell, signs []string) (at, period, times int) {
	saved := 0
	for p := 1; p <= len(all)/2; p++ {
		same := 0 // cells up to i that are as those a period before
		for i := p; i <= len(all); i++ {
			if i < len(all) && signs[i] == signs[i-p] {
				same++
				continue
			}
			for begin := i - same - p; begin <= i-2*p && same >= p; begin++ {
				n := (i - begin) / p
				if p*(n-1) > saved && closed(all, begin, p, n) {
					at, period, times, saved = begin, p, n, p*(n-1)
				}
			}
			same = 0
		}
	}
	return at, period, times
}

// closed reports whether each time of a unit reads what is before it from the cell right in
// front alone, and is read through its last cell alone: it can be drawn once.
func closed(all []*cell, begin, period, times int) bool {
	if begin == 0 {
		return false // the input
	}
	at := map[*cell]int{}
	for i, c := range all {
		at[c] = i
	}
	for i := begin; i < len(all); i++ {
		start := begin + (i-begin)/period*period // of the time that the cell is in
		if i >= begin+period*times {
			start = begin + period*times
		}
		for _, above := range all[i].inputs {
			from := at[above]
			if from < start && from != start-1 && (i < begin+period*times || from >= begin) {
				return false
			}
		}
	}
	return true
}
