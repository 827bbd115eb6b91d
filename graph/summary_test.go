package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/graphtest"
)

func TestSummaryGolden(t *testing.T) {
	m := build(t, graph.Options{}, smallCNN(), graph.Train, 2, 1, 8, 8)
	graphtest.Golden(t, *update, "small_cnn.txt", m.Summary())
}

func TestSummaryWithoutState(t *testing.T) {
	m := build(t, graph.Options{}, graph.Dense{Units: 100}, graph.Infer, 64, 1000)
	const want = `layer  output      parameters  multiply-adds per sample
input  (64, 1000)  0           0
dense  (64, 100)   100,100     100,000
total              100,100     100,000
`
	if got := m.Summary(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDOTGolden(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Eval, graph.Infer} {
		for range 20 { // the same text each time, though Gorgonia's graph is made of maps
			m := build(t, graph.Options{}, smallCNN(), mode, 2, 1, 8, 8)
			graphtest.Golden(t, *update, "small_cnn_"+mode.String()+".dot", m.DOT())
		}
	}
}

// What is drawn is the network as its author wrote it: no gradients, each
// tensor once, a frame for each layer.
func TestDOT(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
		m := build(t, graph.Options{}, smallCNN(), mode, 2, 1, 8, 8)
		run(t, m)
		dot := m.DOT()
		counts := map[string]int{"label=\"input\\n(2, 1, 8, 8)\"": 1, "label=\"Conv2d": 2, "Grad": 0, "Sequence": 0, "{": strings.Count(dot, "}")}
		for _, l := range m.Layers() {
			counts[fmt.Sprintf("label=%q; labeljust", l.Path)] = 1
		}
		if mode != graph.Infer {
			counts["label=\"CrossEntropy\""] = 1
		}
		for text, want := range counts {
			if got := strings.Count(dot, text); got != want {
				t.Errorf("%v: %q comes %d times, want %d", mode, text, got, want)
			}
		}
		for line := range strings.Lines(dot) {
			if strings.Contains(line, "->") && !strings.Contains(line, "label=\"(") {
				t.Errorf("%v: arrow without a shape: %s", mode, line)
			}
		}
	}
}

// A node that runs node by node has copies of its results, which are no part of
// the network.
func TestDOTOfGorgoniaOps(t *testing.T) {
	m := build(t, graph.Options{}, graph.Dense{Units: 2, Activation: gorgonia.Tanh}, graph.Infer, 1, 2)
	dot := m.DOT()
	if strings.Contains(dot, "Reshape") || strings.Count(dot, "tanh") != 1 {
		t.Errorf("got\n%s\nwant one tanh and no Reshape", dot)
	}
}

// The list of nodes has what the drawing has, each under a name of its own, and
// operands before those that read them.
func TestNodes(t *testing.T) {
	named := func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { // an op twice, and one whose text is no name
		return s.Binary(gorgonia.Add, s.Unary(gorgonia.Tanh, s.Unary(gorgonia.Tanh, x)), x)
	}
	for _, l := range []graph.Layer{smallCNN(), graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}, graph.LayerFunc(named)}} {
		for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
			m := build(t, graph.Options{}, l, mode, 2, 1, 8, 8)
			dot, nodes := m.DOT(), m.Nodes()
			before := map[string]graph.Node{}
			arrows := 0
			for _, n := range nodes {
				if _, twice := before[n.Name]; twice || n.Name == "" || strings.ContainsAny(n.Name, " +") {
					t.Errorf("%v: name %q, want another", mode, n.Name)
				}
				for _, in := range n.Inputs {
					from, ok := before[in]
					if !ok || !strings.Contains(dot, fmt.Sprintf("[label=\"%v\"]", from.Shape)) {
						t.Errorf("%v: %s reads %q of %v, want a node before it and an arrow of that shape", mode, n.Name, in, from.Shape)
					}
					arrows++
				}
				if n.Op != "" && (len(n.Inputs) == 0 || !strings.Contains(dot, n.Op)) {
					t.Errorf("%v: %+v, want an op of the drawing that reads something", mode, n)
				}
				before[n.Name] = n
			}
			if want := strings.Count(dot, " -> "); arrows != want || len(nodes) != strings.Count(dot, "[shape=") {
				t.Errorf("%v: %d nodes, %d arrows, want the drawing's %d arrows", mode, len(nodes), arrows, want)
			}
		}
	}
}
