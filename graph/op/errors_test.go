package op_test

import (
	"math"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// TestErrors: what does not fit is refused when the graph is built, with a text
// that says what came and what was expected.
func TestErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	of := func(dtype tensor.Dtype, shape ...int) node {
		return gorgonia.NewTensor(g, dtype, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName("x"))
	}
	f := func(shape ...int) node { return of(tensor.Float32, shape...) }
	image, filters, step := f(2, 4, 5, 6), f(6, 4, 3, 3), uint64(0)
	scalar := gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName("scalar"))
	other := gorgonia.NewTensor(gorgonia.NewGraph(), tensor.Float32, 4, gorgonia.WithShape(6, 4, 3, 3), gorgonia.WithName("other"))

	conv := func(x, w, b node, o op.Conv) func() (node, error) {
		return func() (node, error) { return op.Conv2d(x, w, b, o) }
	}
	pool := func(x node, o op.Pool) func() (node, error) {
		return func() (node, error) { return op.MaxPool2D(x, o) }
	}
	mul := func(x, w, b node) func() (node, error) {
		return func() (node, error) { return op.Mul(x, w, b) }
	}
	norm := func(x, p node, o op.Norm) func() (node, error) {
		return func() (node, error) { return op.BatchNorm(x, p, p, p, p, o) }
	}
	dropout := func(rate float64, r op.Random) func() (node, error) {
		return func() (node, error) { return op.Dropout(image, rate, r) }
	}
	crossEntropy := func(logits, labels, weights node, smoothing float64) func() (node, error) {
		return func() (node, error) { return op.CrossEntropy(logits, labels, weights, smoothing) }
	}
	generalized := func(logits, labels, weights node, exponent float64) func() (node, error) {
		return func() (node, error) { return op.GeneralizedCrossEntropy(logits, labels, weights, exponent) }
	}
	focalOf := func(logits, labels, weights node, gamma float64) func() (node, error) {
		return func() (node, error) { return op.Focal(logits, labels, weights, gamma) }
	}
	mse := func(x, target, weights node) func() (node, error) {
		return func() (node, error) { return op.MSE(x, target, weights) }
	}
	add := func(xs ...node) func() (node, error) {
		return func() (node, error) { return op.Add(xs...) }
	}
	concat := func(axis int, xs ...node) func() (node, error) {
		return func() (node, error) { return op.Concat(axis, xs...) }
	}
	reshape := func(shape ...int) func() (node, error) {
		return func() (node, error) { return op.Reshape(image, shape...) }
	}
	patches := func(x node, size int) func() (node, error) {
		return func() (node, error) { return op.Patches(x, size) }
	}

	layerNorm := func(x, gamma, beta node, epsilon float64) func() (node, error) {
		return func() (node, error) { return op.LayerNorm(x, gamma, beta, epsilon) }
	}
	padChannels := func(x node, channels int) func() (node, error) {
		return func() (node, error) { return op.PadChannels(x, channels) }
	}

	tests := []struct {
		name string
		f    func() (node, error)
		want string
	}{
		{"integers", add(of(tensor.Int, 2), of(tensor.Int, 2)), "Add: operand of int, want float32 or float64"},
		{"two precisions", mul(f(2, 3), of(tensor.Float64, 3, 4), nil), "Mul: operands of float32 and float64, want one precision"},
		{"bias of another precision", mul(f(2, 3), f(3, 4), of(tensor.Float64, 4)), "Mul: operands of float32 and float64"},
		{"no input", conv(nil, filters, nil, op.Conv{}), "Conv2d: operand 0 is nil, want a node"},
		{"no filters", conv(image, nil, nil, op.Conv{}), "Conv2d: operand 1 is nil, want a node"},
		{"no weight", mul(image, nil, nil), "Mul: operand 1 is nil, want a node"},
		{"no sample weights", mse(f(2, 3), f(2, 3), nil), "MSE: operand 2 is nil, want a node"},
		{"nothing to add", add(image, nil), "Add: operand 1 is nil, want a node"},
		{"another graph", conv(image, other, nil, op.Conv{}), "same graph"},

		{"Conv2d of a matrix", conv(f(2, 3), filters, nil, op.Conv{}), "Conv2d: input is (2, 3) and filters are (6, 4, 3, 3), want (N,C,H,W) and (F,C,KH,KW)"},
		{"Conv2d with a matrix", conv(image, f(2, 3), nil, op.Conv{}), "filters are (2, 3), want"},
		{"Conv2d, stride", conv(image, filters, nil, op.Conv{StrideH: -1}), "Conv2d: stride -1x1, want positive numbers"},
		{"Conv2d, dilation", conv(image, filters, nil, op.Conv{DilationW: -2}), "Conv2d: stride 1x1 dilation 1x-2, want positive numbers"},
		{"Conv2d, groups", conv(image, filters, nil, op.Conv{Groups: -1}), "groups -1, want positive numbers"},
		{"Conv2d, channels in groups", conv(image, filters, nil, op.Conv{Groups: 3}), "Conv2d: 4 channels and 6 filters do not fall into 3 groups"},
		{"Conv2d, filters in groups", conv(image, f(5, 2, 3, 3), nil, op.Conv{Groups: 2}), "Conv2d: 4 channels and 5 filters do not fall into 2 groups"},
		{"Conv2d, channels", conv(image, f(6, 3, 3, 3), nil, op.Conv{}), "Conv2d: filters are (6, 3, 3, 3), want (F,4,KH,KW) for input (2, 4, 5, 6) in 1 groups"},
		{"Conv2d, padding", conv(image, filters, nil, op.Conv{Pad: op.Padding{Left: -1}}), "Conv2d: padding 0,0,-1,0 is negative"},
		{"Conv2d, kernel too high", conv(image, f(6, 4, 6, 3), nil, op.Conv{}), "Conv2d: kernel 6x3 does not fit input (2, 4, 5, 6) with padding 0,0,0,0"},
		{"Conv2d, kernel too wide", conv(image, f(6, 4, 3, 9), nil, op.Conv{Pad: op.Padding{Left: 1, Right: 1}}), "Conv2d: kernel 3x9 does not fit input (2, 4, 5, 6) with padding 0,0,1,1"},
		{"Conv2d, dilated kernel", conv(image, filters, nil, op.Conv{DilationH: 3}), "Conv2d: kernel 7x3 does not fit"},
		{"Conv2d, bias", conv(image, filters, f(4), op.Conv{}), "Conv2d: bias is (4), want (6) for 6 filters"},
		{"Conv2d, bias matrix", conv(image, filters, f(1, 6), op.Conv{}), "Conv2d: bias is (1, 6), want (6) for 6 filters"},

		{"pool of a matrix", pool(f(2, 3), op.Pool{KH: 2, KW: 2}), "MaxPool2D: input is (2, 3), want (N,C,H,W)"},
		{"pool without window", pool(image, op.Pool{}), "MaxPool2D: window 0x0 stride 0x0, want positive numbers"},
		{"pool, stride", pool(image, op.Pool{KH: 2, KW: 2, StrideH: -2}), "MaxPool2D: window 2x2 stride -2x2, want positive numbers"},
		{"pool, negative padding", pool(image, op.Pool{KH: 2, KW: 2, Pad: op.Padding{Top: -1}}), "MaxPool2D: padding -1,0,0,0 is negative"},
		{"pool, all padding", pool(image, op.Pool{KH: 2, KW: 2, Pad: op.Padding{Right: 2}}), "MaxPool2D: padding 0,0,0,2 is not smaller than the window 2x2"},
		{"pool, window", pool(image, op.Pool{KH: 6, KW: 2}), "MaxPool2D: kernel 6x2 does not fit input (2, 4, 5, 6)"},
		{"AvgPool2D", func() (node, error) { return op.AvgPool2D(f(3), op.Pool{KH: 1, KW: 1}) }, "AvgPool2D: input is (3), want (N,C,H,W)"},

		{"Mul of a vector", mul(f(3), f(3, 2), nil), "Mul: operands are (3) and (3, 2), want (…,K) and (K,N)"},
		{"Mul with a vector", mul(f(2, 3), f(3), nil), "Mul: operands are (2, 3) and (3), want (…,K) and (K,N)"},
		{"Mul, inner dimensions", mul(f(2, 3), f(2, 3), nil), "Mul: operands are (2, 3) and (2, 3), want (…,K) and (K,N)"},
		{"Mul, bias", mul(f(2, 3), f(3, 4), f(3)), "Mul: bias is (3), want (4)"},

		{"BatchNorm of rank 3", norm(f(2, 3, 4), f(3), op.Norm{Epsilon: 1}), "BatchNorm: input is (2, 3, 4), want (N,C,H,W) or (N,C)"},
		{"BatchNorm, epsilon", norm(image, f(4), op.Norm{}), "BatchNorm: epsilon 0 and momentum 0, want above 0 and within 0 to 1"},
		{"BatchNorm, momentum", norm(image, f(4), op.Norm{Epsilon: 1e-3, Momentum: 1.5}), "BatchNorm: epsilon 0.001 and momentum 1.5, want"},
		{"BatchNorm, parameter", norm(image, f(5), op.Norm{Epsilon: 1}), "BatchNorm: parameter x is (5), want (4) for input (2, 4, 5, 6)"},

		{"Dropout of all", dropout(1, op.Random{Step: &step}), "Dropout: rate 1, want 0 or more and less than 1"},
		{"Dropout, negative", dropout(-0.1, op.Random{Step: &step}), "Dropout: rate -0.1, want"},
		{"Dropout without step", dropout(0.5, op.Random{Seed: 1}), "Dropout: Random.Step is nil, want a counter of the training steps"},

		{"SoftMax of a scalar", func() (node, error) { return op.SoftMax(scalar) }, "SoftMax: input is a scalar, want (…,classes)"},
		{"CrossEntropy of a vector", crossEntropy(f(3), f(3), f(3), 0), "CrossEntropy: logits are (3), want (N,classes)"},
		{"CrossEntropy, one-hot labels", crossEntropy(f(2, 3), f(2, 3), f(2), 0), "CrossEntropy: labels are (2, 3) and weights (2), want (2) for logits (2, 3)"},
		{"CrossEntropy, weights", crossEntropy(f(2, 3), f(2), f(3), 0), "CrossEntropy: labels are (2) and weights (3), want (2) for logits (2, 3)"},
		{"CrossEntropy, smoothing", crossEntropy(f(2, 3), f(2), f(2), 1), "CrossEntropy: smoothing 1, want 0 or more and less than 1"},
		{"GeneralizedCrossEntropy of a vector", generalized(f(3), f(3), f(3), 0.7), "GeneralizedCrossEntropy: logits are (3), want (N,classes)"},
		{"GeneralizedCrossEntropy, exponent 0", generalized(f(2, 3), f(2), f(2), 0), "GeneralizedCrossEntropy: exponent 0, want more than 0 and at most 1"},
		{"GeneralizedCrossEntropy, exponent above 1", generalized(f(2, 3), f(2), f(2), 1.5), "GeneralizedCrossEntropy: exponent 1.5, want more than 0 and at most 1"},
		{"Focal of a vector", focalOf(f(3), f(3), f(3), 2), "Focal: logits are (3), want (N,classes)"},
		{"Focal, γ 0", focalOf(f(2, 3), f(2), f(2), 0), "Focal: γ 0, want more than 0 and at most 100"},
		{"Focal, γ NaN", focalOf(f(2, 3), f(2), f(2), math.NaN()), "Focal: γ NaN, want more than 0 and at most 100"},
		{"BinaryCrossEntropy, class indices", func() (node, error) { return op.BinaryCrossEntropy(f(2, 3), f(2), f(2)) },
			"BinaryCrossEntropy: logits are (2, 3), targets (2) and weights (2), want (N,classes), the same and (N)"},
		{"BinaryCrossEntropyOfSets, a class too many", func() (node, error) { return op.BinaryCrossEntropyOfSets(f(2, 3), f(2), f(2), [][]int{{0}, {1, 3}}) },
			"BinaryCrossEntropyOfSets: set 1 has class 3, want 0 to 2"},
		{"BinaryCrossEntropyOfSets, no sets", func() (node, error) { return op.BinaryCrossEntropyOfSets(f(2, 3), f(2), f(2), nil) },
			"BinaryCrossEntropyOfSets: logits are (2, 3), for 0 sets, want (N,classes) and one set or more"},
		{"BinaryCrossEntropyOfSets, targets", func() (node, error) { return op.BinaryCrossEntropyOfSets(f(2, 3), f(2, 3), f(2), [][]int{{0}}) },
			"BinaryCrossEntropyOfSets: logits are (2, 3), targets (2, 3) and weights (2), want (N,classes), (N) and (N)"},
		{"MSE of vectors", mse(f(3), f(3), f(3)), "MSE: operands are (3) and (3), want (N,…) and the same"},
		{"MSE, target", mse(f(2, 3), f(2, 4), f(2)), "MSE: operands are (2, 3) and (2, 4), want"},
		{"MSE, weights", mse(f(2, 3), f(2, 3), f(3)), "MSE: weights are (3), want (2)"},

		// Gorgonia takes vectors for rows and columns; these ops do not.
		{"Add, vector and row", add(f(3), f(1, 3)), "Add: operands are (3) and (1, 3), want one shape"},
		{"MSE, vector and column", mse(f(3, 1), f(3), f(3)), "MSE: operands are (3, 1) and (3), want"},
		{"MSE, weights in a column", mse(f(3, 1), f(3, 1), f(3, 1)), "MSE: weights are (3, 1), want (3)"},
		{"CrossEntropy, labels in a column", crossEntropy(f(2, 3), f(2, 1), f(2), 0), "CrossEntropy: labels are (2, 1)"},
		{"BatchNorm, parameter in a row", norm(image, f(1, 4), op.Norm{Epsilon: 1}), "BatchNorm: parameter x is (1, 4), want (4)"},
		{"Mul, bias in a row", mul(f(2, 3), f(3, 4), f(1, 4)), "Mul: bias is (1, 4), want (4)"},

		{"Add of one", add(image), "Add: got 1 operands, want two or more"},
		{"Add, shapes", add(f(2, 3), f(2, 3), f(3, 2)), "Add: operands are (2, 3) and (3, 2), want one shape"},
		{"Concat of none", concat(0), "Concat: got no operands, want one or more"},
		{"Concat, axis", concat(2, f(2, 3), f(2, 3)), "Concat: axis 2, want 0 to 1 for operands (2, 3)"},
		{"Concat, negative axis", concat(-1, f(2, 3), f(2, 3)), "Concat: axis -1, want 0 to 1"},
		{"Concat of scalars", concat(0, scalar, scalar), "Concat: axis 0 of scalars"},
		{"Concat, shapes", concat(1, f(2, 3), f(3, 3)), "Concat: operands are (2, 3) and (3, 3), want the same but for axis 1"},
		{"Concat, ranks", concat(1, f(2, 3), f(2, 3, 1)), "Concat: operands are (2, 3) and (2, 3, 1), want"},
		{"Reshape, size", reshape(2, 4), "Reshape: (2, 4, 5, 6) has 240 elements, (2, 4) has 8"},
		{"Reshape, negative", reshape(-2, -120), "Reshape: to (-2, -120), want positive dimensions"},
		{"Patches of a matrix", patches(f(2, 3), 1), "Patches: input is (2, 3), want (N,C,H,W)"},
		{"Patches, height", patches(image, 3), "Patches: input (2, 4, 5, 6) does not fall into blocks of 3x3"},
		{"Patches, width", patches(f(1, 1, 4, 6), 4), "Patches: input (1, 1, 4, 6) does not fall into blocks of 4x4"},
		{"Patches, size", patches(image, 0), "does not fall into blocks of 0x0"},
		{"LayerNorm of a vector", layerNorm(f(3), f(3), f(3), 1), "LayerNorm: input is (3), want (N,…,C)"},
		{"LayerNorm, gamma", layerNorm(f(2, 3), f(2), f(3), 1), "LayerNorm: parameter x is (2), want (3) for input (2, 3)"},
		{"LayerNorm, beta", layerNorm(f(2, 3), f(3), f(3, 1), 1), "LayerNorm: parameter x is (3, 1), want (3)"},
		{"LayerNorm, epsilon", layerNorm(f(2, 3), f(3), f(3), 0), "LayerNorm: epsilon 0, want above 0"},
		{"Transpose of an image", func() (node, error) { return op.Transpose(image) }, "Transpose: input is (2, 4, 5, 6), want (N,A,B)"},
		{"PadChannels of a matrix", padChannels(f(2, 3), 5), "PadChannels: input is (2, 3) and channels 5, want (N,C,H,W)"},
		{"PadChannels, fewer", padChannels(image, 3), "PadChannels: input is (2, 4, 5, 6) and channels 3, want (N,C,H,W) and at least C"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := test.f()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v and error %v, want an error with %q", n, err, test.want)
			}
		})
	}
}

// TestEveryOpChecksItsOperands: each refuses integers and missing operands by
// an error that names it.
func TestEveryOpChecksItsOperands(t *testing.T) {
	step := uint64(0)
	ops := map[string]func(x node) (node, error){
		"Conv2d":                      func(x node) (node, error) { return op.Conv2d(x, x, nil, op.Conv{}) },
		"MaxPool2D":                   func(x node) (node, error) { return op.MaxPool2D(x, op.Pool{KH: 1, KW: 1}) },
		"AvgPool2D":                   func(x node) (node, error) { return op.AvgPool2D(x, op.Pool{KH: 1, KW: 1}) },
		"Mul":                         func(x node) (node, error) { return op.Mul(x, x, nil) },
		"ReLU":                        op.ReLU,
		"ReLU6":                       op.ReLU6,
		"LeakyReLU":                   func(x node) (node, error) { return op.LeakyReLU(x, 0.1) },
		"ELU":                         func(x node) (node, error) { return op.ELU(x, 1) },
		"GELU":                        op.GELU,
		"SiLU":                        op.SiLU,
		"Sigmoid":                     op.Sigmoid,
		"Tanh":                        op.Tanh,
		"BatchNorm":                   func(x node) (node, error) { return op.BatchNorm(x, x, x, x, x, op.Norm{Epsilon: 1}) },
		"Dropout":                     func(x node) (node, error) { return op.Dropout(x, 0.5, op.Random{Step: &step}) },
		"SoftMax":                     op.SoftMax,
		"CrossEntropy":                func(x node) (node, error) { return op.CrossEntropy(x, x, x, 0) },
		"CrossEntropySum":             func(x node) (node, error) { return op.CrossEntropySum(x, x, x, 0) },
		"MSE":                         func(x node) (node, error) { return op.MSE(x, x, x) },
		"GeneralizedCrossEntropy":     func(x node) (node, error) { return op.GeneralizedCrossEntropy(x, x, x, 1) },
		"GeneralizedCrossEntropySum":  func(x node) (node, error) { return op.GeneralizedCrossEntropySum(x, x, x, 1) },
		"BinaryCrossEntropy":          func(x node) (node, error) { return op.BinaryCrossEntropy(x, x, x) },
		"BinaryCrossEntropySum":       func(x node) (node, error) { return op.BinaryCrossEntropySum(x, x, x) },
		"BinaryCrossEntropyOfSets":    func(x node) (node, error) { return op.BinaryCrossEntropyOfSets(x, x, x, [][]int{{0}}) },
		"BinaryCrossEntropyOfSetsSum": func(x node) (node, error) { return op.BinaryCrossEntropyOfSetsSum(x, x, x, [][]int{{0}}) },
		"Focal":                       func(x node) (node, error) { return op.Focal(x, x, x, 2) },
		"FocalSum":                    func(x node) (node, error) { return op.FocalSum(x, x, x, 2) },
		"Add":                         func(x node) (node, error) { return op.Add(x, x) },
		"Concat":                      func(x node) (node, error) { return op.Concat(0, x) },
		"Reshape":                     func(x node) (node, error) { return op.Reshape(x, 1) },
		"Patches":                     func(x node) (node, error) { return op.Patches(x, 1) },
		"LayerNorm":                   func(x node) (node, error) { return op.LayerNorm(x, x, x, 1) },
		"Transpose":                   op.Transpose,
		"PadChannels":                 func(x node) (node, error) { return op.PadChannels(x, 1) },
	}
	integers := gorgonia.NewTensor(gorgonia.NewGraph(), tensor.Int, 4, gorgonia.WithShape(1, 1, 1, 1), gorgonia.WithName("x"))
	for name, f := range ops {
		t.Run(name, func(t *testing.T) {
			for _, test := range []struct {
				x    node
				want string
			}{{integers, name + ": operand of int, want float32 or float64"}, {nil, name + ": operand 0 is nil, want a node"}} {
				if _, err := f(test.x); err == nil || err.Error() != test.want {
					t.Errorf("got error %v, want %q", err, test.want)
				}
			}
		})
	}
}
