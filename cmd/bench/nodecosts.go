package main

import (
	"strings"

	"tapenet/graph"
)

// gradient is the cost of the op's gradient: it reads the gradient of the result
// and the operands, and writes the gradients of the operands.
func (c forwardCost) gradient() cost {
	return cost{c.gradientMulAdds(), c.result + 2*(c.bytes-c.result)}
}

// costs are those of the ops that a profile lists. graph.NodeTime does not have
// them, so that they are put together from the nodes of the graph: an op is told
// by its text, and where several have the same the order decides.
func costs(m *graph.Model, times []graph.NodeTime) []cost {
	left := map[string][]forwardCost{} // by text, of those whose turn is still to come
	for _, c := range forwardCosts(m) {
		left[c.text] = append(left[c.text], c)
	}
	done := map[string][]forwardCost{} // gradients come in the other order
	all := make([]cost, len(times))
	for i, t := range times {
		if forward, ok := gradientOf(t.Op); ok {
			if n := len(done[forward]); n > 0 {
				all[i] = done[forward][n-1].gradient()
				done[forward] = done[forward][:n-1]
			}
			continue
		}
		if next := left[t.Op]; len(next) > 0 {
			all[i] = next[0].cost
			left[t.Op], done[t.Op] = next[1:], append(done[t.Op], next[0])
		}
	}
	return all
}

// gradientOf returns the text of the op whose gradients an op computes.
func gradientOf(text string) (forward string, ok bool) {
	name, detail, _ := strings.Cut(text, " ")
	name, ok = strings.CutSuffix(name, "Grad")
	if detail != "" {
		name += " " + detail
	}
	return name, ok
}

// picks reports whether an op does nothing but hand out a gradient that another
// has computed.
func picks(text string) bool { return strings.Contains(text, " of operand ") }
