package draw

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// TestNothingIsLost: the ops of a drawing, as often as its frames say, are those of the network that
// depend on the input.
func TestNothingIsLost(t *testing.T) {
	for _, spec := range modelzoo.Specs() {
		m, err := graph.Options{NoFusion: true}.Build(spec.New(10), graph.Infer, 1, spec.Input[0], spec.Input[1], spec.Input[2])
		if err != nil {
			t.Fatal(err)
		}
		nodes := m.Nodes()
		want := map[string]int{}
		for name, varies := range newGrouping(nodes).varies {
			for _, n := range nodes {
				if n.Name == name && varies {
					want[n.Op+fmt.Sprint(n.Shape)]++
				}
			}
		}
		times, end := 1, (*cell)(nil)
		for _, c := range collapsed(cells(nodes)) {
			if c.whole != nil {
				times, end = c.times, c.whole
			}
			for _, n := range c.nodes {
				want[n.Op+fmt.Sprint(n.Shape)] -= times
			}
			if c == end {
				times = 1
			}
		}
		for op, n := range want {
			if n != 0 {
				t.Errorf("%s: %s is missing %d times", spec.Name, op, n)
			}
		}
	}
}

// chain is an input and units of nodes; each is told by the nodes before it.
func chain(n int, unit func(i int, before string) []graph.Node) []graph.Node {
	nodes := []graph.Node{{Name: "input", Shape: tensor.Shape{1, 4}}}
	for i := range n {
		nodes = append(nodes, unit(i, nodes[len(nodes)-1].Name)...)
	}
	return nodes
}

// TestCollapsed: units that are alike are drawn once, those that only look so are not.
func TestCollapsed(t *testing.T) {
	shape := tensor.Shape{1, 4}
	dense := func(i int, reads ...string) []graph.Node { // with a weight: an op that begins a box
		layer := fmt.Sprintf("dense_%d", i)
		return []graph.Node{
			{Name: layer + "/weight", Layer: layer, Shape: tensor.Shape{4, 4}},
			{Name: layer + "/Mul", Layer: layer, Op: "Mul", Shape: shape, Inputs: append([]string{layer + "/weight"}, reads...)},
		}
	}
	for _, tt := range []struct {
		name  string
		nodes []graph.Node
		cells int
		title string // of the unit, "" for none
	}{
		{"few", chain(10, func(i int, before string) []graph.Node { return dense(i, before) }), 11, ""},
		{"many", chain(20, func(i int, before string) []graph.Node { return dense(i, before) }), 2, "dense_0 to dense_19: 20 times"},
		{"each reads the input too", chain(20, func(i int, before string) []graph.Node { return dense(i, before, "input") }), 21, ""},
		{"each reads two before", chain(20, func(i int, before string) []graph.Node {
			if i < 2 {
				return dense(i, before)
			}
			return dense(i, before, fmt.Sprintf("dense_%d/Mul", i-2))
		}), 21, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := collapsed(cells(tt.nodes))
			title := ""
			for _, c := range all {
				if c.whole != nil {
					title = c.unitTitle()
				}
			}
			if len(all) != tt.cells || title != tt.title {
				t.Errorf("%d cells and the unit %q, want %d and %q", len(all), title, tt.cells, tt.title)
			}
		})
	}
}

func TestShort(t *testing.T) {
	for text, want := range map[string]string{
		"Conv2d stride 1x1 pad 1,1,1,1":          "Conv2d pad 1",
		"Conv2d stride 2x1 pad 0,0,0,0 groups 8": "Conv2d stride 2x1 groups 8",
		"Conv2d stride 2x2 pad 0,1,0,1":          "Conv2d stride 2 pad 0,1,0,1",
		"MaxPool2D 2x2 stride 2x2":               "MaxPool2D 2 stride 2",
		"MaxPool2D 4x1 stride 4x1":               "MaxPool2D 4x1 stride 4x1",
		"ReLU":                                   "ReLU",
		"stride":                                 "stride",
		"":                                       "",
		"Dense (Mul)":                            "Dense (Mul)",
		"Conv2d stride 1x1 dilation 2x2 pad 2222": "Conv2d dilation 2 pad 2222",
	} {
		if got := short(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
