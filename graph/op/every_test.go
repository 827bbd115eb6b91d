package op_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// every is each op of the package once, for what holds of all of them.
// The operands' last dimensions are larger than 1.
var every = []struct {
	name string
	op   graphtest.Op
}{
	{"Conv2d", graphtest.Op{F: conv2d(op.Conv{StrideW: 2, Pad: op.Padding{Top: 1}}), In: random(tensor.Shape{9, 2, 4, 5}, tensor.Shape{3, 2, 3, 2}, tensor.Shape{3})}},
	{"Conv2d pointwise", graphtest.Op{F: conv2d(op.Conv{}), In: random(tensor.Shape{3, 2, 4, 5}, tensor.Shape{3, 2, 1, 1})}},
	{"MaxPool2D", graphtest.Op{F: func(in ...node) (node, error) { return op.MaxPool2D(in[0], op.Pool{KH: 2, KW: 2}) }, In: random(tensor.Shape{3, 2, 4, 4})}},
	{"AvgPool2D", graphtest.Op{F: func(in ...node) (node, error) { return op.AvgPool2D(in[0], op.Pool{KH: 2, KW: 2}) }, In: random(tensor.Shape{3, 2, 4, 4})}},
	{"Mul", graphtest.Op{F: mul, In: random(tensor.Shape{5, 4}, tensor.Shape{4, 3}, tensor.Shape{3})}},
	{"Mul in parallel", graphtest.Op{F: mul, In: random(tensor.Shape{70, 64}, tensor.Shape{64, 65}, tensor.Shape{65})}},
	{"ReLU", graphtest.Op{F: func(in ...node) (node, error) { return op.ReLU(in[0]) }, In: random(tensor.Shape{4, 5})}},
	{"ReLU6", graphtest.Op{F: func(in ...node) (node, error) { return op.ReLU6(in[0]) }, In: random(tensor.Shape{4, 5})}},
	{"GELU", graphtest.Op{F: func(in ...node) (node, error) { return op.GELU(in[0]) }, In: random(tensor.Shape{4, 5})}},
	{"BatchNorm training", batchNorm(op.Norm{Epsilon: 1e-3, Momentum: 0.9, Training: true}, tensor.Shape{4, 3, 2, 2})},
	{"BatchNorm inference", batchNorm(op.Norm{Epsilon: 1e-3}, tensor.Shape{4, 3})},
	{"LayerNorm", graphtest.Op{F: layerNorm(1e-3), In: random(tensor.Shape{4, 3, 5}, tensor.Shape{5}, tensor.Shape{5})}},
	{"Dropout", graphtest.Op{F: dropout(0.4, 1, new(uint64)), In: random(tensor.Shape{4, 5})}},
	{"SoftMax", graphtest.Op{F: softMax, In: random(tensor.Shape{4, 5})}},
	{"CrossEntropy", crossEntropy(0.1, graphtest.Random("logits", 1, 3, 4), vector(0, 3, 1), vector(1, 0, 2))},
	{"CrossEntropySum", graphtest.Op{F: func(in ...node) (node, error) { return op.CrossEntropySum(in[0], in[1], in[2], 0.1) },
		In: append(random(tensor.Shape{3, 4}), vector(0, 3, 1), vector(1, 0, 2)), Constant: []int{1, 2}}},
	{"GeneralizedCrossEntropy", generalized(0.7, graphtest.Random("logits", 1, 3, 4), vector(0, 3, 1), vector(1, 0, 2))},
	{"GeneralizedCrossEntropySum", graphtest.Op{F: func(in ...node) (node, error) { return op.GeneralizedCrossEntropySum(in[0], in[1], in[2], 0.7) },
		In: append(random(tensor.Shape{3, 4}), vector(0, 3, 1), vector(1, 0, 2)), Constant: []int{1, 2}}},
	{"Focal", focal(2, graphtest.Random("logits", 1, 3, 4), vector(0, 3, 1), vector(1, 0, 2))},
	{"FocalSum", graphtest.Op{F: func(in ...node) (node, error) { return op.FocalSum(in[0], in[1], in[2], 2) },
		In: append(random(tensor.Shape{3, 4}), vector(0, 3, 1), vector(1, 0, 2)), Constant: []int{1, 2}}},
	{"BinaryCrossEntropy", binaryCrossEntropy(op.BinaryCrossEntropy, graphtest.Random("logits", 1, 3, 4))},
	{"BinaryCrossEntropySum", binaryCrossEntropy(op.BinaryCrossEntropySum, graphtest.Random("logits", 1, 3, 4))},
	{"BinaryCrossEntropyOfSets", ofSets(op.BinaryCrossEntropyOfSets, graphtest.Random("logits", 1, 3, 4))},
	{"BinaryCrossEntropyOfSetsSum", ofSets(op.BinaryCrossEntropyOfSetsSum, graphtest.Random("logits", 1, 3, 4))},
	{"MSE", graphtest.Op{F: func(in ...node) (node, error) { return op.MSE(in[0], in[1], in[2]) },
		In: append(random(tensor.Shape{3, 4}, tensor.Shape{3, 4}), vector(1, 0, 2)), Constant: []int{1, 2}}},
	{"SampleLoss", graphtest.Op{F: sampleLoss, In: append(random(tensor.Shape{3, 4}), vector(0, 3, 1)), Constant: []int{1}}},
	{"Add", graphtest.Op{F: add, In: random(tensor.Shape{4, 5}, tensor.Shape{4, 5}, tensor.Shape{4, 5})}},
	{"Concat", graphtest.Op{F: func(in ...node) (node, error) { return op.Concat(1, in...) }, In: random(tensor.Shape{4, 5}, tensor.Shape{4, 2})}},
	{"Reshape", graphtest.Op{F: func(in ...node) (node, error) { return op.Reshape(in[0], 5, 4) }, In: random(tensor.Shape{4, 5})}},
	{"Patches", graphtest.Op{F: func(in ...node) (node, error) { return op.Patches(in[0], 2) }, In: random(tensor.Shape{2, 2, 4, 4})}},
	{"Transpose", graphtest.Op{F: func(in ...node) (node, error) { return op.Transpose(in[0]) }, In: random(tensor.Shape{3, 2, 4})}},
	{"Gather", graphtest.Op{F: func(in ...node) (node, error) {
		return op.Gather(in[0], op.Picks{Blocks: 3, Index: []int32{2, -1, 0, 2, 1, 5}, Fill: 0.5}, 3, 2, 3)
	}, In: random(tensor.Shape{3, 2, 4})}},
	{"Expand", graphtest.Op{F: func(in ...node) (node, error) { return op.Expand(in[0], 2, 3, 4) }, In: random(tensor.Shape{3, 1})}},
	{"Expand samples", graphtest.Op{F: func(in ...node) (node, error) { return op.Expand(in[0], 3, 5, 4) }, In: random(tensor.Shape{3, 1, 4})}},
	{"Hadamard", graphtest.Op{F: func(in ...node) (node, error) { return op.Hadamard(in[0], in[1]) }, In: random(tensor.Shape{4, 5}, tensor.Shape{4, 5})}},
	{"Map", graphtest.Op{F: func(in ...node) (node, error) {
		return op.Map(in[0], op.Function{Name: "sin", F: math.Sin, DF: math.Cos})
	}, In: random(tensor.Shape{4, 5})}},
	{"LogSoftMax", graphtest.Op{F: func(in ...node) (node, error) { return op.LogSoftMax(in[0]) }, In: random(tensor.Shape{4, 5})}},
	{"Across", graphtest.Op{F: across(1), In: random(tensor.Shape{3, 4, 2})}},
	{"Abs", intervalOps["Abs"]},
	{"Combine", intervalOps["Combine"]},
	{"ReLUCentre", intervalOps["ReLUCentre"]},
	{"ReLURadius", intervalOps["ReLURadius"]},
	{"Margins", intervalOps["Margins"]},
	{"PadChannels", graphtest.Op{F: func(in ...node) (node, error) { return op.PadChannels(in[0], 5) }, In: random(tensor.Shape{2, 3, 2, 2})}},
}

// TestProcessors: any number of processors gives the same bits.
func TestProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, test := range every {
		for _, p := range precisions {
			var want [][]float64
			for _, processors := range []int{1, 2, 3} {
				runtime.GOMAXPROCS(processors)
				y, grads, err := in(p.dtype, test.op).Gradients(nil)
				if err != nil {
					t.Fatalf("%s: %v", test.name, err)
				}
				got := [][]float64{floats(y)}
				for _, g := range grads {
					if g != nil {
						got = append(got, floats(g))
					}
				}
				if want == nil {
					want = got
				}
				if !slices.EqualFunc(got, want, slices.Equal[[]float64]) {
					t.Errorf("%s: %d processors give other bits than one in %v", test.name, processors, p.dtype)
				}
			}
		}
	}
}

// TestInPlaceAfterReshape: Gorgonia's Reshape shares memory with the op's
// output, and its Tanh works in place if it may. Neither spoils a gradient.
func TestInPlaceAfterReshape(t *testing.T) {
	for _, test := range every {
		t.Run(test.name, func(t *testing.T) {
			o := test.op
			o.F = func(in ...node) (node, error) {
				y, err := test.op.F(in...)
				if err != nil || y.IsScalar() {
					return y, err
				}
				if y, err = gorgonia.Reshape(y, tensor.Shape{y.Shape().TotalSize()}); err != nil {
					return nil, err
				}
				return gorgonia.Tanh(y)
			}
			if test.name == "Mul in parallel" {
				t.Skip("the smaller Mul is the same")
			}
			o.Gradient(t)
		})
	}
}

// TestBetweenGorgonia: ops of both kinds mix.
func TestBetweenGorgonia(t *testing.T) {
	graphtest.Gradient(t, func(in ...node) (node, error) {
		x, err := gorgonia.Exp(in[0])
		if err != nil {
			return nil, err
		}
		y, err := op.Mul(x, in[1], in[2])
		if err != nil {
			return nil, err
		}
		if y, err = gorgonia.Sigmoid(y); err != nil {
			return nil, err
		}
		if y, err = op.SoftMax(y); err != nil {
			return nil, err
		}
		return gorgonia.Mean(y, 0)
	}, random(tensor.Shape{3, 4}, tensor.Shape{4, 2}, tensor.Shape{2})...)
}

// TestSliced and TestTransposed: operands that Gorgonia passes as views of
// something larger, or turned, are read right.
func TestSliced(t *testing.T) {
	testViews(t, func(x dense) dense { // one more column
		s := x.Shape()
		wide := filled(nil, append(s[:len(s)-1].Clone(), s[len(s)-1]+1)...)
		for i, v := range x.Float64s() {
			n := s[len(s)-1]
			wide.Float64s()[i/n*(n+1)+i%n] = v
		}
		return wide
	}, func(x node) (node, error) {
		slices := make([]tensor.Slice, x.Dims())
		slices[len(slices)-1] = gorgonia.S(0, x.Shape()[x.Dims()-1]-1)
		return gorgonia.Slice(x, slices...)
	})
}

func TestTransposed(t *testing.T) {
	testViews(t, func(x dense) dense {
		turned := x.Clone().(dense)
		if err := turned.T(); err != nil {
			t.Fatal(err)
		}
		return turned.Materialize().(dense)
	}, func(x node) (node, error) {
		axes := make([]int, x.Dims())
		for i := range axes {
			axes[i] = len(axes) - 1 - i
		}
		return gorgonia.Transpose(x, axes...)
	})
}

// testViews runs every op on operands that went through there and come back by
// a node, and compares it with the op on the operands themselves.
func testViews(t *testing.T, there func(x dense) dense, back func(x node) (node, error)) {
	for _, test := range every {
		t.Run(test.name, func(t *testing.T) {
			want, grads, err := in(tensor.Float64, test.op).Gradients(nil)
			if err != nil {
				t.Fatal(err)
			}
			o := test.op
			o.In = slices.Clone(o.In)
			for i, x := range o.In {
				if x.Dims() > 1 && x.Shape()[x.Dims()-1] > 1 {
					o.In[i] = there(x)
				}
			}
			o.F = func(in ...node) (node, error) {
				in = slices.Clone(in)
				for i, x := range in {
					if slices.Equal(x.Shape(), test.op.In[i].Shape()) {
						continue
					}
					var err error
					if in[i], err = back(x); err != nil {
						return nil, err
					}
				}
				return test.op.F(in...)
			}
			got, gotGrads, err := in(tensor.Float64, o).Gradients(nil)
			if err != nil {
				t.Fatal(err)
			}
			checkNear(t, "output", floats(got), floats(want), 1e-15)
			for i, g := range grads {
				if g != nil && slices.Equal(gotGrads[i].Shape(), g.Shape()) {
					checkNear(t, fmt.Sprint("gradient ", i), floats(gotGrads[i]), floats(g), 1e-15)
				}
			}
		})
	}
}

// TestSecondDerivative: it is refused, by an error.
func TestSecondDerivative(t *testing.T) {
	for _, test := range every {
		t.Run(test.name, func(t *testing.T) {
			o := test.op
			o.F = func(in ...node) (node, error) {
				y, err := test.op.F(in...)
				if err != nil {
					return nil, err
				}
				if y, err = gorgonia.Sum(y); err != nil {
					return nil, err
				}
				grads, err := gorgonia.Grad(y, in[0])
				if err != nil {
					return nil, err
				}
				return op.ReLU(grads[0])
			}
			_, _, err := in(tensor.Float64, o).Gradients(nil)
			if want := "gradients are first-order"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v, want %q", err, want)
			}
		})
	}
}
