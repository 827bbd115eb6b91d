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
