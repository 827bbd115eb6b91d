package draw_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/draw"
	"tapenet/graph/graphtest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// build builds a network that has to build.
func build(t *testing.T, o graph.Options, l graph.Layer, mode graph.Mode, shape ...int) *graph.Model {
	t.Helper()
	m, err := o.Build(l, mode, shape...)
	if err != nil {
		t.Fatalf("Build(%v, %v): %v", mode, shape, err)
	}
	return m
}

// smallCNN has one layer of each kind that behaves in a way of its own.
func smallCNN() graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same, Activation: graph.ReLU},
		graph.Residual{Body: graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same, NoBias: true}, graph.BatchNorm{}}},
		graph.MaxPool2D{},
		graph.Flatten{},
		graph.Dropout{Rate: 0.25},
		graph.Dense{Units: 3},
	}
}

func TestDOTGolden(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Eval, graph.Infer} {
		for range 20 { // the same text each time, though Gorgonia's graph is made of maps
			m := build(t, graph.Options{}, smallCNN(), mode, 2, 1, 8, 8)
			graphtest.Golden(t, *update, "small_cnn_"+mode.String()+".dot", draw.DOT(m.Nodes()))
		}
	}
}

// What is drawn is the network as its author wrote it: no gradients, each
// tensor once, a frame for each layer.
func TestDOT(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
		m := build(t, graph.Options{}, smallCNN(), mode, 2, 1, 8, 8)
		if err := m.Run(); err != nil {
			t.Fatal(err)
		}
		dot := draw.DOT(m.Nodes())
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
	dot := draw.DOT(m.Nodes())
	if strings.Contains(dot, "Reshape") || strings.Count(dot, "tanh") != 1 {
		t.Errorf("got\n%s\nwant one tanh and no Reshape", dot)
	}
}

// TestDOTWithoutEmptyFrames: in training the pooling's op does the work of the activation,
// a layer of its own here, whose frame would be empty.
func TestDOTWithoutEmptyFrames(t *testing.T) {
	relu := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Sub("activation").Unary(graph.ReLU, x)
	})
	l := graph.Sequential{graph.Conv2D{Filters: 2, Kernel: 3}, relu, graph.MaxPool2D{}, graph.Flatten{}}
	for _, tt := range []struct {
		noFusion bool
		frames   int
	}{{false, 3}, {true, 4}} {
		dot := draw.DOT(build(t, graph.Options{NoFusion: tt.noFusion}, l, graph.Train, 1, 1, 8, 8).Nodes())
		if got := strings.Count(dot, "subgraph"); got != tt.frames || strings.Contains(dot, "\n\t\tlabel=\"activation\"") != tt.noFusion {
			t.Errorf("fusion %t: %d frames, want %d, the activation's only without fusion:\n%s", !tt.noFusion, got, tt.frames, dot)
		}
	}
}
