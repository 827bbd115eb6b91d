package bound

import (
	"context"
	"errors"
	"math"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/graph/op"
	"tapenet/graph/raster"
)

// layerOf is a layer of one op.
func layerOf(f func(s *graph.Scope, x node) (node, error)) graph.Layer {
	return graph.LayerFunc(func(s *graph.Scope, x node) node {
		s = s.Sub("own")
		return s.Node(f(s, x))
	})
}

// constantOf is a node that does not depend on the input, of both signs.
func constantOf(s *graph.Scope, name string, shape ...int) node {
	size := 1
	for _, d := range shape {
		size *= d
	}
	v := make([]float32, size)
	for i, x := range graphtest.Random(name, 2, size).Float64s() {
		v[i] = float32(x)
	}
	return s.Constant(name, v, shape...)
}

// oneOp are ops each of whose results only rises, or only falls, with what it depends on:
// the bounds are what the op makes of one of the two ends. Inputs are (2,3,4,4).
var oneOp = map[op.Kind]func(s *graph.Scope, x node) (node, error){
	op.KindReLU:        func(_ *graph.Scope, x node) (node, error) { return op.ReLU(x) },
	op.KindReLU6:       func(_ *graph.Scope, x node) (node, error) { return op.ReLU6(x) },
	op.KindSigmoid:     func(_ *graph.Scope, x node) (node, error) { return op.Sigmoid(x) },
	op.KindTanh:        func(_ *graph.Scope, x node) (node, error) { return op.Tanh(x) },
	op.KindLeakyReLU:   func(_ *graph.Scope, x node) (node, error) { return op.LeakyReLU(x, 0.2) },
	op.KindELU:         func(_ *graph.Scope, x node) (node, error) { return op.ELU(x, 0.7) },
	op.KindHardSigmoid: func(_ *graph.Scope, x node) (node, error) { return op.HardSigmoid(x, op.Line{Slope: 0.5, Offset: 0.5}) },
	op.KindMap:         func(_ *graph.Scope, x node) (node, error) { return op.Map(x, op.LimitFunction(0.2, 0.6)) },
	op.KindMaxPool2D: func(_ *graph.Scope, x node) (node, error) {
		return op.MaxPool2D(x, op.Pool{KH: 3, KW: 2, StrideH: 1, StrideW: 2})
	},
	op.KindAvgPool2D: func(_ *graph.Scope, x node) (node, error) {
		return op.AvgPool2D(x, op.Pool{KH: 3, KW: 2, StrideH: 1, Pad: op.Padding{Top: 1}})
	},
	op.KindConv2d: func(s *graph.Scope, x node) (node, error) {
		return op.Conv2d(x, constantOf(s, "w", 6, 1, 1, 1), constantOf(s, "b", 6), op.Conv{Groups: 3, StrideW: 2})
	},
	op.KindBatchNorm: func(s *graph.Scope, x node) (node, error) {
		variance := s.Constant("variance", []float32{1, 2, 0.5}, 3)
		return op.BatchNorm(x, constantOf(s, "gamma", 3), constantOf(s, "beta", 3), constantOf(s, "mean", 3), variance, op.Norm{Epsilon: 1e-3})
	},
	op.KindHadamard: func(s *graph.Scope, x node) (node, error) { return op.Hadamard(constantOf(s, "k", 2, 3, 4, 4), x) },
	op.KindScale:    func(s *graph.Scope, x node) (node, error) { return op.Scale(x, constantOf(s, "k", 3, 1, 1)) },
	op.KindShift:    func(s *graph.Scope, x node) (node, error) { return op.Shift(x, constantOf(s, "k", 3, 1, 1)) },
	op.KindAdd:      func(s *graph.Scope, x node) (node, error) { return op.Add(x, constantOf(s, "k", 2, 3, 4, 4), x) },
	op.KindConcat:   func(s *graph.Scope, x node) (node, error) { return op.Concat(1, constantOf(s, "k", 2, 1, 4, 4), x) },
	op.KindMul: func(s *graph.Scope, x node) (node, error) {
		diagonal := s.Constant("diagonal", []float32{1, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, 0, 0, 0, -4}, 4, 4)
		return op.Mul(x, diagonal, constantOf(s, "b", 4))
	},

	op.KindReshape:     func(_ *graph.Scope, x node) (node, error) { return op.Reshape(x, 2, 48) },
	op.KindPadChannels: func(_ *graph.Scope, x node) (node, error) { return op.PadChannels(x, 5) },
	op.KindPatches:     func(_ *graph.Scope, x node) (node, error) { return op.Patches(x, 2) },
	op.KindTranspose: func(_ *graph.Scope, x node) (node, error) {
		y, err := op.Reshape(x, 2, 12, 4)
		if err != nil {
			return nil, err
		}
		return op.Transpose(y)
	},
	op.KindExpand: func(_ *graph.Scope, x node) (node, error) {
		y, err := op.Reshape(x, 2, 1, 48)
		if err != nil {
			return nil, err
		}
		return op.Expand(y, 2, 3, 48)
	},
	op.KindGather: func(_ *graph.Scope, x node) (node, error) {
		return op.Gather(x, op.Picks{Blocks: 2, Index: []int32{5, -1, 47}, Fill: 0.5}, 2, 3)
	},
	op.KindPadImage: func(_ *graph.Scope, x node) (node, error) {
		return op.PadImage(x, op.Border{Padding: op.Padding{Top: 1, Right: 2}, Fill: 3})
	},
	op.KindStrided: func(_ *graph.Scope, x node) (node, error) {
		return op.Strided(x, op.View{Shape: []int{2, 3, 2}, Steps: []int{48, 16, 4}})
	},
	op.KindPermute:      func(_ *graph.Scope, x node) (node, error) { return op.Permute(x, 0, 3, 1, 2) },
	op.KindPickChannels: func(_ *graph.Scope, x node) (node, error) { return op.PickChannels(x, 2, 0) },
	op.KindRoll:         func(_ *graph.Scope, x node) (node, error) { return op.Roll(x, 0, 1, -1, 2) },
}

// TestRules: every rule there is gives the op's own results of the ends, in float64.
func TestRules(t *testing.T) {
	for kind := range rules {
		if oneOp[kind] == nil {
			t.Errorf("no test of the rule of %s", kind)
		}
	}
	for kind, f := range oneOp {
		t.Run(string(kind), func(t *testing.T) {
			epsilon := 0.25
			x := graphtest.Random("x", 0.6, 2, 3, 4, 4).Float64s()
			run := func(l graph.Layer, move float64) []float64 {
				m, err := graph.Options{Float64: true, Loss: graph.Score{}}.Build(l, graph.Infer, 2, 3, 4, 4)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range x {
					v = (v + 1) / 2 // pixels
					m.Input.Float64s()[i] = min(max(v+move, 0), 1)
				}
				if err := m.Run(); err != nil {
					t.Fatal(err)
				}
				return append([]float64{}, m.Output().Float64s()...)
			}
			l := layerOf(f)
			got, low, high := run(flat{twoSided{l, &epsilon, nil}}, 0), run(l, -epsilon), run(l, epsilon)
			n := len(low)
			if len(got) != 2*n {
				t.Fatalf("%d bounds of %d results, want two of each", len(got), n)
			}
			for i := range n {
				want := [2]float64{min(low[i], high[i]), max(low[i], high[i])}
				sample, at := i/(n/2), i%(n/2) // lower and upper bounds follow each other in a sample
				for k, w := range want {
					if g := got[(2*sample+k)*n/2+at]; math.Abs(g-w) > 1e-12 {
						t.Errorf("bounds of element %d: %d is %g, want %g", i, k, g, w)
					}
				}
			}
		})
	}
}

// flat makes the output (N,elements).
type flat struct{ twoSided }

func (l flat) Build(s *graph.Scope, x node) node {
	l.Layer = graph.Sequential{l.Layer, graph.Flatten{}}
	return l.twoSided.Build(s, x)
}

// Networks without bounds are refused, with the layer that stands in the way.
func TestNoBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		layer graph.Layer
		want  []string
	}{
		"an activation that falls": {graph.Conv2D{Filters: 2, Kernel: 1, Activation: graph.GELU}, []string{"bound: graph: bounds: no interval bounds of GELU in conv2d: there is no rule for it; want convolutions"}},
		"a slope below 0":          {graph.LeakyReLU(-0.5), []string{"of LeakyReLU", "in activation", "with -0.5 it falls somewhere"}},
		"a function of one's own": {layerOf(func(_ *graph.Scope, x node) (node, error) {
			return op.Map(x, op.Function{Name: "sine", F: math.Sin, DF: math.Cos})
		}), []string{"of Map sine", "in own", "not known to rise"}},
		"a product": {layerOf(func(_ *graph.Scope, x node) (node, error) { return op.Hadamard(x, x) }), []string{"of Hadamard", "both factors depend on the input"}},
		"weights from the input": {layerOf(func(_ *graph.Scope, x node) (node, error) {
			k, err := op.Strided(x, op.View{Shape: []int{2, 3, 1, 1}, Steps: []int{0, 1, 1, 1}})
			if err != nil {
				return nil, err
			}
			return op.Conv2d(x, k, nil, op.Conv{})
		}), []string{"of Conv2d", "its weights depend on the input"}},
		"another package's op": {layerOf(func(_ *graph.Scope, x node) (node, error) { return gorgonia.Sin(x) }), []string{"of sin", "in own", "no rule"}},
		"attention":            {graph.Sequential{graph.Patches{Size: 2}, graph.LayerNorm{}}, []string{"of LayerNorm", "in layernorm"}},
		"no logits":            {graph.Conv2D{Filters: 2, Kernel: 1}, []string{"the output is (1, 2, 4, 4), want logits"}},
		"no input": {layerOf(func(s *graph.Scope, x node) (node, error) {
			return constantOf(s, "k", x.Shape()[0], 3), nil
		}), []string{"does not depend on the input"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := tt.layer
			if name != "no logits" && name != "no input" {
				l = graph.Sequential{l, graph.Flatten{}, graph.Dense{Units: 3}}
			}
			_, err := NewVerifier(l, &graph.Weights{}, [3]int{3, 4, 4}, nil)
			checkError(t, err, tt.want...)
		})
	}
}

// falling is an op of one's own, which knows its bounds: -x.
type falling struct{ gorgonia.Op }

func (falling) Bounds(s *graph.Scope, in []Interval) Interval {
	return Interval{s.Unary(gorgonia.Neg, in[0].Centre), in[0].Radius}
}

// TestOwnOp: an op of another package can have bounds.
func TestOwnOp(t *testing.T) {
	l := layerOf(func(_ *graph.Scope, x node) (node, error) {
		elsewhere := gorgonia.NewTensor(gorgonia.NewGraph(), x.Dtype(), x.Dims(), gorgonia.WithShape(x.Shape()...), gorgonia.WithName("x"))
		y, err := gorgonia.Neg(elsewhere) // in a graph of its own: Gorgonia has equal nodes once
		if err != nil {
			return nil, err
		}
		return gorgonia.ApplyOp(falling{y.Op()}, x)
	})
	epsilon := 0.25
	m, err := graph.Options{Loss: graph.Score{}}.Build(flat{twoSided{l, &epsilon, nil}}, graph.Infer, 1, 1, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	copy(m.Input.Float32s(), []float32{0.5, 0.875})
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{-0.75, -1, -0.25, -0.625} {
		if got := m.Output().Float32s()[i]; got != want {
			t.Errorf("bound %d is %g, want %g", i, got, want)
		}
	}
}

// The Verifier says what it was given.
func TestVerifierErrors(t *testing.T) {
	l := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}
	net, err := graph.NewNetwork(l, []int{1, 2, 2}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(l, net.Weights, [3]int{1, 2, 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	pixels := func(x ...float32) [][]float32 { return [][]float32{x} }
	for want, call := range map[string]struct {
		images  [][]float32
		classes []int
		epsilon float64
	}{
		"1 images and 0 classes":       {pixels(0, 0, 0, 1), nil, 0.1},
		"radius 2, want 0 to 1":        {pixels(0, 0, 0, 1), []int{0}, 2},
		"radius NaN":                   {pixels(0, 0, 0, 1), []int{0}, math.NaN()},
		"class 3, want 0 to 2":         {pixels(0, 0, 0, 1), []int{3}, 0.1},
		"image 0 has 2 values, want 4": {pixels(0, 0), []int{0}, 0.1},
		"image 0 has the value 2":      {pixels(0, 0, 2, 0), []int{0}, 0.1},
	} {
		_, err := v.Margins(t.Context(), call.images, call.classes, call.epsilon)
		checkError(t, err, "bound: ", want)
	}
	for want, n := range map[string]raster.Normalisation{
		"a normalisation of 2 channels, want 1": soundScale, "a normalisation by -1, want a factor above 0": {{Scale: -1}},
	} {
		_, err := NewVerifier(l, net.Weights, [3]int{1, 2, 2}, n)
		checkError(t, err, "bound: ", want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Margins(ctx, pixels(0, 0, 0, 1), []int{0}, 0.1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a cancelled call, want context.Canceled", err)
	}
}
