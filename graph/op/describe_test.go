package op_test

import (
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

func TestDescribe(t *testing.T) {
	g := gorgonia.NewGraph()
	of := func(shape ...int) node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...))
	}
	image, filters, vector := of(2, 3, 4, 4), of(5, 3, 3, 3), of(3)
	norm := op.Norm{Epsilon: 1e-3, Momentum: 0.5}
	tests := []struct {
		kind     op.Kind
		node     func() (node, error)
		operands []node
		params   any
	}{
		{op.KindConv2d, func() (node, error) { return op.Conv2d(image, filters, nil, op.Conv{Pad: op.Padding{Left: 1}}) },
			[]node{image, filters}, op.Conv{StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, Pad: op.Padding{Left: 1}}},
		{op.KindMaxPool2D, func() (node, error) { return op.MaxPool2D(image, op.Pool{KH: 2, KW: 3}) },
			[]node{image}, op.Pool{KH: 2, KW: 3, StrideH: 2, StrideW: 3}},
		{op.KindBatchNorm, func() (node, error) { return op.BatchNorm(image, vector, vector, vector, vector, norm) },
			[]node{image, vector, vector, vector, vector}, norm},
		{op.KindLeakyReLU, func() (node, error) { return op.LeakyReLU(image, 0.1) }, []node{image}, 0.1},
		{op.KindReLU, func() (node, error) { return op.ReLU(image) }, []node{image}, nil},
		{op.KindConcat, func() (node, error) { return op.Concat(1, image, image) }, []node{image, image}, 1},
		{op.KindPatches, func() (node, error) { return op.Patches(image, 2) }, []node{image}, 2},
	}
	for _, tt := range tests {
		t.Run(string(tt.kind), func(t *testing.T) {
			n, err := tt.node()
			if err != nil {
				t.Fatal(err)
			}
			d, ok := op.Describe(n)
			if !ok || d.Kind != tt.kind || !slices.Equal(d.Operands, tt.operands) || d.Params != tt.params {
				t.Errorf("got %v, %v, want operands %v and params %v", d, ok, tt.operands, tt.params)
			}
		})
	}
	if d, ok := op.Describe(image); ok {
		t.Errorf("a bound tensor is described as %v", d)
	}
	exp, err := gorgonia.Exp(image)
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := op.Describe(exp); ok {
		t.Errorf("Gorgonia's op is described as %v", d)
	}
}
