package graph_test

import (
	"errors"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// TestNodeErrors: what Scope.Node is handed may be an error, nothing at all, or
// never come, as the function panics. The error names the layer.
func TestNodeErrors(t *testing.T) {
	panics := func(*gorgonia.Node) (*gorgonia.Node, error) { panic("no such shape") }
	tests := []struct {
		name  string
		build func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node
		want  string
	}{
		{"error", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Node(nil, errors.New("not today")) },
			"graph: block/mine: not today"},
		{"nothing", func(s *graph.Scope, _ *gorgonia.Node) *gorgonia.Node { return s.Node(nil, nil) },
			"graph: block/mine: a function returned no node and no error"},
		{"panic", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Node(panics(x)) },
			"graph: block/mine: the layer panicked: no such shape"},
		{"panic behind a layer", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Node(panics(s.Sub("shortcut").Apply(graph.Dense{Units: 1}, x)))
		}, "graph: block/mine: the layer panicked: no such shape"},
		{"panic within a layer", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Apply(layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Sub("inner").Node(panics(x)) }), x)
		}, "graph: block/mine/inner: the layer panicked: no such shape"},
		{"a nil node of Gorgonia's after an error", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			y := s.Apply(graph.Dense{}, x)
			return s.Node(gorgonia.Mul(y, x)) // panics: y is nil
		}, "graph: block/mine/dense: units is 0, want a positive number"},
		{"a nil node of package op after an error", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			y := s.Node(op.Mul(s.Apply(graph.Dense{}, x), x, nil))
			return s.Node(op.ReLU(s.Node(op.Reshape(y, 1, 8))))
		}, "graph: block/mine/dense: units is 0, want a positive number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := graph.Build(layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				s = s.Sub("block")
				y := s.Apply(layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return tt.build(s.Sub("mine"), x) }), x)
				return s.Apply(graph.Flatten{}, y)
			}), graph.Train, 2, 4)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestLossNodePanics: a loss has no Apply around it; its panic becomes an error
// all the same, unless there was one before.
func TestLossNodePanics(t *testing.T) {
	for want, l := range map[string]graph.Loss{
		"graph: build panicked: runtime error: invalid memory address or nil pointer dereference": badLoss{
			cost: func(s *graph.Scope, _ *gorgonia.Node) *gorgonia.Node { return s.Node(gorgonia.Sum(nil)) }},
		"graph: loss: the first": badLoss{cost: func(s *graph.Scope, _ *gorgonia.Node) *gorgonia.Node {
			return s.Node(gorgonia.Sum(s.Errorf("the first")))
		}},
	} {
		_, err := graph.Options{Loss: l}.Build(graph.Dense{Units: 2}, graph.Eval, 2, 3)
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestOpsRefuseNil: Scope.Node relies on it that the functions of package op
// return an error for a missing operand, whatever else they are given.
func TestOpsRefuseNil(t *testing.T) {
	x := gorgonia.NewMatrix(gorgonia.NewGraph(), gorgonia.Float32, gorgonia.WithShape(2, 4), gorgonia.WithName("x"))
	window := op.Pool{KH: 1, KW: 1}
	for name, call := range map[string]func() (*gorgonia.Node, error){
		"Add":                      func() (*gorgonia.Node, error) { return op.Add(x, nil) },
		"AvgPool2D":                func() (*gorgonia.Node, error) { return op.AvgPool2D(nil, window) },
		"BatchNorm":                func() (*gorgonia.Node, error) { return op.BatchNorm(nil, x, x, x, x, op.Norm{Epsilon: 1}) },
		"Concat":                   func() (*gorgonia.Node, error) { return op.Concat(1, nil, x) },
		"Conv2d":                   func() (*gorgonia.Node, error) { return op.Conv2d(nil, x, nil, op.Conv{}) },
		"CrossEntropy":             func() (*gorgonia.Node, error) { return op.CrossEntropy(nil, x, x, 0) },
		"Dropout":                  func() (*gorgonia.Node, error) { return op.Dropout(nil, 0.5, op.Random{}) },
		"ELU":                      func() (*gorgonia.Node, error) { return op.ELU(nil, 1) },
		"Expand":                   func() (*gorgonia.Node, error) { return op.Expand(nil, 2) },
		"BinaryCrossEntropy":       func() (*gorgonia.Node, error) { return op.BinaryCrossEntropy(nil, x, x) },
		"BinaryCrossEntropyOfSets": func() (*gorgonia.Node, error) { return op.BinaryCrossEntropyOfSets(nil, x, x, [][]int{{0}}) },
		"Focal":                    func() (*gorgonia.Node, error) { return op.Focal(nil, x, x, 2) },
		"GELU":                     func() (*gorgonia.Node, error) { return op.GELU(nil) },
		"Gather":                   func() (*gorgonia.Node, error) { return op.Gather(nil, op.Picks{Blocks: 1, Index: []int32{0}}, 1) },
		"GeneralizedCrossEntropy":  func() (*gorgonia.Node, error) { return op.GeneralizedCrossEntropy(nil, x, x, 1) },
		"Hadamard":                 func() (*gorgonia.Node, error) { return op.Hadamard(nil, x) },
		"LayerNorm":                func() (*gorgonia.Node, error) { return op.LayerNorm(nil, x, x, 1) },
		"LeakyReLU":                func() (*gorgonia.Node, error) { return op.LeakyReLU(nil, 1) },
		"LogSoftMax":               func() (*gorgonia.Node, error) { return op.LogSoftMax(nil) },
		"MSE":                      func() (*gorgonia.Node, error) { return op.MSE(nil, x, x) },
		"Map":                      func() (*gorgonia.Node, error) { return op.Map(nil, op.Function{}) },
		"MaxPool2D":                func() (*gorgonia.Node, error) { return op.MaxPool2D(nil, window) },
		"Mul":                      func() (*gorgonia.Node, error) { return op.Mul(nil, x, nil) },
		"PadChannels":              func() (*gorgonia.Node, error) { return op.PadChannels(nil, 5) },
		"Patches":                  func() (*gorgonia.Node, error) { return op.Patches(nil, 1) },
		"ReLU":                     func() (*gorgonia.Node, error) { return op.ReLU(nil) },
		"ReLU6":                    func() (*gorgonia.Node, error) { return op.ReLU6(nil) },
		"Reshape":                  func() (*gorgonia.Node, error) { return op.Reshape(nil, 1, 8) },
		"SiLU":                     func() (*gorgonia.Node, error) { return op.SiLU(nil) },
		"Sigmoid":                  func() (*gorgonia.Node, error) { return op.Sigmoid(nil) },
		"SoftMax":                  func() (*gorgonia.Node, error) { return op.SoftMax(nil) },
		"Tanh":                     func() (*gorgonia.Node, error) { return op.Tanh(nil) },
		"Transpose":                func() (*gorgonia.Node, error) { return op.Transpose(nil) },
	} {
		operand := "0"
		if name == "Add" {
			operand = "1"
		}
		if n, err := call(); n != nil || err == nil || err.Error() != name+": operand "+operand+" is nil, want a node" {
			t.Errorf("%s: %v, %v, want the error that an operand is nil", name, n, err)
		}
	}
}
