package main

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// cost is what one op does.
type cost struct {
	mulAdds int // multiply-adds
	bytes   int // of the values that it reads and writes, its workspace left out
}

// forwardCost is the cost of an op of the forward graph, and what its gradient's
// depends on.
type forwardCost struct {
	text string // of the op
	cost
	result int  // bytes of its value
	first  bool // no parameter is before its first operand, which needs no gradient
}

// gradientMulAdds are those of the gradients of an op's operands.
func (c forwardCost) gradientMulAdds() int {
	if c.first {
		return c.mulAdds
	}
	return 2 * c.mulAdds
}

// forwardCosts lists the ops of a model's forward graph, operands first.
func forwardCosts(m *graph.Model) []forwardCost {
	known := knownMulAdds(m)
	learned := map[string]bool{} // nodes that a parameter is in
	for _, p := range m.Params() {
		learned[p.Name] = true
	}
	element := int(m.Input.Dtype().Size())
	shapes := map[string][]int{}
	var all []forwardCost
	for _, n := range m.Nodes() {
		shapes[n.Name] = n.Shape
		if n.Op == "" {
			continue
		}
		c := forwardCost{text: n.Op, result: elements(n.Shape) * element, first: !learned[n.Inputs[0]]}
		c.bytes = c.result
		var operands [][]int
		for _, in := range n.Inputs {
			c.bytes += elements(shapes[in]) * element
			operands = append(operands, shapes[in])
			learned[n.Name] = learned[n.Name] || learned[in]
		}
		c.mulAdds = known[signature(n.Op, operands, n.Shape)]
		all = append(all, c)
	}
	return all
}

// knownMulAdds are the multiply-adds of ops by what is known of them in
// graph.Node too.
func knownMulAdds(m *graph.Model) map[string]int {
	known := map[string]int{}
	for _, n := range m.Graph().AllNodes() {
		if o, ok := n.Op().(interface{ MulAdds() int }); ok {
			known[signature(n.Op().String(), shapesOf(op.Operands(n)), n.Shape())] = o.MulAdds()
		}
	}
	return known
}

func shapesOf(nodes gorgonia.Nodes) (shapes [][]int) {
	for _, n := range nodes {
		shapes = append(shapes, slices.Clone(n.Shape()))
	}
	return shapes
}

func signature(text string, operands [][]int, result []int) string {
	return fmt.Sprint(text, operands, result)
}
