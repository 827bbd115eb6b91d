package op_test

import (
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// TestValues: a tensor's elements, what ops make of tensors, and neither for what
// depends on an input or is no float32.
func TestValues(t *testing.T) {
	g := gorgonia.NewGraph()
	leaf := func(name string, v tensor.Tensor) node { return gorgonia.NodeFromAny(g, v, gorgonia.WithName(name)) }
	w := leaf("layer/w", tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, 3, 4})))
	v := leaf("layer/v", tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 1, 0, 1})))
	x := leaf("input", tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 1, 0, 1})))
	must := func(n node, err error) node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	product := must(op.Mul(w, v, nil))
	turned := must(op.Gather(product, op.Picks{Blocks: 1, Index: []int32{2, 0, 3, 1}}, 4))
	for _, tt := range []struct {
		name string
		n    node
		want []float32
		leaf string
	}{
		{"tensor", w, []float32{1, 2, 3, 4}, "layer/w"},
		{"computed", turned, []float32{3, 1, 7, 3}, "layer/w"}, // of (1,3; 3,7)
		{"input", x, nil, "input"},
		{"of the input", must(op.Mul(w, x, nil)), nil, "layer/w"},
		{"another package's op", must(gorgonia.Add(w, v)), nil, "layer/w"},
		{"float64", leaf("double", tensor.New(tensor.WithShape(1), tensor.WithBacking([]float64{1}))), nil, "double"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := op.Values(tt.n); ok != (tt.want != nil) || !slices.Equal(got, tt.want) {
				t.Errorf("got %v and %v, want %v", got, ok, tt.want)
			}
			if got := op.Leaf(tt.n).Name(); got != tt.leaf {
				t.Errorf("the leaf is %s, want %s", got, tt.leaf)
			}
		})
	}
}
