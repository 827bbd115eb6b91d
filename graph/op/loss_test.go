package op_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestSoftMax(t *testing.T) {
	for _, shape := range []tensor.Shape{{5}, {3, 4}, {3, 1}, {1, 4}, {2, 3, 4}, {2, 1, 2, 3}} {
		t.Run(fmt.Sprint(shape), func(t *testing.T) {
			x := graphtest.Random("x", 3, shape...)
			classes := shape[len(shape)-1]
			var want []float64
			for i := range x.Float64s() {
				var sum float64
				for k := range classes {
					sum += math.Exp(x.Float64s()[i/classes*classes+k])
				}
				want = append(want, math.Exp(x.Float64s()[i])/sum)
			}
			o := graphtest.Op{F: softMax, In: []dense{x}}
			checkForward(t, o, want, shape...)
			o.Gradient(t)
		})
	}
}

func softMax(in ...node) (node, error) { return op.SoftMax(in[0]) }

// TestSoftMaxStable: each row is exact, whatever the others hold.
func TestSoftMaxStable(t *testing.T) {
	x := filled([]float64{10000, 0, 0, -10000, -10000, -10000, 0, 1, 2, 100, 0, 0, -10, -11, -12}, 5, 3)
	e := math.E
	row := []float64{1 / (1 + e + e*e), e / (1 + e + e*e), e * e / (1 + e + e*e)}
	want := []float64{1, 0, 0, 1. / 3, 1. / 3, 1. / 3, row[0], row[1], row[2], 1, 0, 0, row[2], row[1], row[0]}
	for _, p := range precisions {
		y, err := in(p.dtype, graphtest.Op{F: softMax, In: []dense{x}}).Run()
		if err != nil {
			t.Fatal(err)
		}
		checkNear(t, p.dtype.String(), floats(y), want, p.limit)
	}
}

func TestCrossEntropy(t *testing.T) {
	tests := []struct {
		name      string
		labels    []float64
		weights   []float64
		classes   int
		smoothing float64
	}{
		{"plain", []float64{0, 3, 1}, []float64{1, 1, 1}, 4, 0},
		{"smoothed", []float64{0, 3, 1}, []float64{1, 1, 1}, 4, 0.1},
		{"weights", []float64{2, 0, 2}, []float64{0.5, 2, 1}, 3, 0},
		{"a weight of 0", []float64{2, 0, 1}, []float64{1, 0, 3}, 3, 0.2},
		{"all weights 0", []float64{2, 0}, []float64{0, 0}, 3, 0.2},
		{"batch of one", []float64{1}, []float64{1}, 2, 0.3},
		{"one class", []float64{0, 0}, []float64{1, 1}, 1, 0.3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			logits := graphtest.Random("logits", 3, len(test.labels), test.classes)
			o := crossEntropy(test.smoothing, logits, vector(test.labels...), vector(test.weights...))
			mean := naiveCrossEntropy(test.smoothing, o.In...)
			checkForward(t, o, []float64{mean})
			o.Gradient(t)
			total := 0.0
			for _, w := range test.weights {
				total += w
			}
			o.F = func(in ...node) (node, error) { return op.CrossEntropySum(in[0], in[1], in[2], test.smoothing) }
			checkForward(t, o, []float64{mean * total})
			o.Gradient(t)
		})
	}
}

func crossEntropy(smoothing float64, logits, labels, weights dense) graphtest.Op {
	return graphtest.Op{
		F:        func(in ...node) (node, error) { return op.CrossEntropy(in[0], in[1], in[2], smoothing) },
		In:       []dense{logits, labels, weights},
		Constant: []int{1, 2},
	}
}

// naiveCrossEntropy takes the logarithm of probabilities.
func naiveCrossEntropy(smoothing float64, in ...dense) float64 {
	classes := in[0].Shape()[1]
	var loss, total float64
	for n, weight := range in[2].Float64s() {
		row := in[0].Float64s()[n*classes:][:classes]
		var sum float64
		for _, v := range row {
			sum += math.Exp(v)
		}
		for k, v := range row {
			target := smoothing / float64(classes)
			if k == int(in[1].Float64s()[n]) {
				target += 1 - smoothing
			}
			loss -= weight * target * math.Log(math.Exp(v)/sum)
		}
		total += weight
	}
	if total == 0 {
		return 0
	}
	return loss / total
}

// TestCrossEntropyStable: logits of ±10,000 give the exact loss and gradient.
// The rows: right beyond doubt, wrong beyond doubt, undecided, ordinary.
func TestCrossEntropyStable(t *testing.T) {
	logits := filled([]float64{10000, -10000, 10000, -10000, -10000, -10000, 0, math.Log(3)}, 4, 2)
	want := (0 + 20000 + math.Ln2 + math.Log(4)) / 4
	gradient := []float64{0, 0, 0.25, -0.25, 0.125, -0.125, -0.1875, 0.1875}
	for _, p := range precisions {
		o := in(p.dtype, crossEntropy(0, logits, vector(0, 1, 1, 0), vector(1, 1, 1, 1)))
		y, grads, err := o.Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		checkNear(t, "loss", floats(y), []float64{want}, p.limit)
		checkNear(t, "gradient", floats(grads[0]), gradient, p.limit)
	}
}

// TestCrossEntropyInfiniteSample: a sample of weight 0 does not spoil the loss,
// whatever it holds.
func TestCrossEntropyInfiniteSample(t *testing.T) {
	logits := filled([]float64{0, 0, math.Inf(1), math.NaN()}, 2, 2)
	for _, p := range precisions {
		o := in(p.dtype, crossEntropy(0.1, logits, vector(0, 1), vector(1, 0)))
		y, grads, err := o.Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		checkNear(t, "loss", floats(y), []float64{math.Ln2}, p.limit)
		checkNear(t, "gradient", floats(grads[0]), []float64{-0.45, 0.45, 0, 0}, p.limit)
	}
}

// TestCrossEntropyLabels: a label that is no class is an error of the run.
func TestCrossEntropyLabels(t *testing.T) {
	for _, label := range []float64{-1, 3, 0.5, 1e30, -1e30, math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, p := range precisions {
			o := in(p.dtype, crossEntropy(0, graphtest.Random("logits", 1, 2, 3), vector(1, label), vector(1, 1)))
			_, err := o.Run()
			if want := "is not one of the classes 0 to 2"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("label %v: got error %v, want %q", label, err, want)
			}
		}
	}
}

// TestGeneralizedCrossEntropy holds the loss against its formula, its gradient against differences, and both
// against the cross-entropy, which is the limit for an exponent to 0.
func TestGeneralizedCrossEntropy(t *testing.T) {
	for _, test := range []struct {
		name     string
		labels   []float64
		weights  []float64
		classes  int
		exponent float64
	}{
		{"the paper's exponent", []float64{0, 3, 1}, []float64{1, 1, 1}, 4, 0.7},
		{"absolute error", []float64{0, 3, 1}, []float64{1, 1, 1}, 4, 1},
		{"weights", []float64{2, 0, 2}, []float64{0.5, 2, 1}, 3, 0.3},
		{"a weight of 0", []float64{2, 0, 1}, []float64{1, 0, 3}, 3, 0.7},
		{"all weights 0", []float64{2, 0}, []float64{0, 0}, 3, 0.7},
		{"batch of one", []float64{1}, []float64{1}, 2, 0.5},
		{"one class", []float64{0, 0}, []float64{1, 1}, 1, 0.7},
	} {
		t.Run(test.name, func(t *testing.T) {
			logits := graphtest.Random("logits", 3, len(test.labels), test.classes)
			o := generalized(test.exponent, logits, vector(test.labels...), vector(test.weights...))
			mean := naiveGeneralized(test.exponent, o.In...)
			checkForward(t, o, []float64{mean})
			o.Gradient(t)
			total := 0.0
			for _, w := range test.weights {
				total += w
			}
			o.F = func(in ...node) (node, error) {
				return op.GeneralizedCrossEntropySum(in[0], in[1], in[2], test.exponent)
			}
			checkForward(t, o, []float64{mean * total})
			o.Gradient(t)
		})
	}
}

func TestGeneralizedCrossEntropyLimit(t *testing.T) {
	in := []dense{graphtest.Random("logits", 3, 3, 4), vector(0, 3, 1), vector(1, 2, 1)}
	want, wantGrads, err := crossEntropy(0, in[0], in[1], in[2]).Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, grads, err := generalized(1e-9, in[0], in[1], in[2]).Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "loss", floats(got), floats(want), 1e-7)
	checkNear(t, "gradient", floats(grads[0]), floats(wantGrads[0]), 1e-7)
}

// TestGeneralizedCrossEntropyStable: logits of ±10,000 give the exact loss and gradient. The rows: right
// beyond doubt, wrong beyond doubt, undecided, and one whose probability of the label is too small for
// float32, its root is not.
func TestGeneralizedCrossEntropyStable(t *testing.T) {
	const q = 0.25
	logits := filled([]float64{10000, -10000, 10000, -10000, -10000, -10000, -120, 0}, 4, 2)
	root, tiny := math.Pow(0.5, q), math.Exp(-120*q)
	want := (0 + 1 + (1 - root) + (1 - tiny)) / q / 4
	gradient := []float64{0, 0, 0, 0, root / 8, -root / 8, -tiny / 4, tiny / 4}
	for _, p := range precisions {
		y, grads, err := in(p.dtype, generalized(q, logits, vector(0, 1, 1, 0), vector(1, 1, 1, 1))).Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		checkNear(t, "loss", floats(y), []float64{want}, p.limit)
		checkNear(t, "gradient", floats(grads[0]), gradient, p.limit)
		if g := floats(grads[0])[7] / (tiny / 4); !(math.Abs(g-1) < 1e-5) {
			t.Errorf("%v: the smallest gradient is %v times what it should be", p.dtype, g)
		}
	}
}

// TestFocal holds the loss against its formula and its gradient against differences.
func TestFocal(t *testing.T) {
	for _, gamma := range []float64{0.5, 1, 2, 5} {
		for name, weights := range map[string][]float64{"equal weights": {1, 1, 1}, "weights": {0.5, 0, 2}, "all weights 0": {0, 0, 0}} {
			logits, labels := graphtest.Random("logits", 3, 3, 4), vector(0, 3, 1)
			o := focal(gamma, logits, labels, vector(weights...))
			var loss, total float64
			for n, w := range weights {
				row, sum := logits.Float64s()[4*n:][:4], 0.0
				for _, v := range row {
					sum += math.Exp(v)
				}
				p := math.Exp(row[int(labels.Float64s()[n])]) / sum
				loss -= w * math.Pow(1-p, gamma) * math.Log(p)
				total += w
			}
			t.Run(fmt.Sprintf("%g, %s", gamma, name), func(t *testing.T) {
				checkForward(t, o, []float64{loss / max(total, 1e-300)})
				o.Gradient(t)
				o.F = func(in ...node) (node, error) { return op.FocalSum(in[0], in[1], in[2], gamma) }
				checkForward(t, o, []float64{loss})
				o.Gradient(t)
			})
		}
	}
}

// TestFocalStable: for γ to 0 it is the cross-entropy, and logits of ±10,000 give the exact loss and
// gradient. The rows: right beyond doubt, wrong beyond doubt, undecided.
func TestFocalStable(t *testing.T) {
	in3 := []dense{graphtest.Random("logits", 3, 3, 4), vector(0, 3, 1), vector(1, 2, 1)}
	want, wantGrads, err := crossEntropy(0, in3[0], in3[1], in3[2]).Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, grads, err := focal(1e-9, in3[0], in3[1], in3[2]).Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "loss", floats(got), floats(want), 1e-7)
	checkNear(t, "gradient", floats(grads[0]), floats(wantGrads[0]), 1e-7)

	const half = 0.25 + 0.5*math.Ln2 // (1-p)^γ + γ·p·c·(1-p)^(γ-1) of the undecided one
	for _, p := range precisions {
		y, grads, err := in(p.dtype, focal(2, filled([]float64{10000, -10000, 10000, -10000, 7, 7}, 3, 2), vector(0, 1, 1), vector(1, 1, 1))).Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		checkNear(t, "loss", floats(y), []float64{(0 + 20000 + 0.25*math.Ln2) / 3}, p.limit*2e4)
		checkNear(t, "gradient", floats(grads[0]), []float64{0, 0, 1.0 / 3, -1.0 / 3, half / 6, -half / 6}, p.limit)
	}
}

func focal(gamma float64, logits, labels, weights dense) graphtest.Op {
	return graphtest.Op{
		F:        func(in ...node) (node, error) { return op.Focal(in[0], in[1], in[2], gamma) },
		In:       []dense{logits, labels, weights},
		Constant: []int{1, 2},
	}
}

func generalized(exponent float64, logits, labels, weights dense) graphtest.Op {
	return graphtest.Op{
		F:        func(in ...node) (node, error) { return op.GeneralizedCrossEntropy(in[0], in[1], in[2], exponent) },
		In:       []dense{logits, labels, weights},
		Constant: []int{1, 2},
	}
}

// naiveGeneralized takes the powers of probabilities.
func naiveGeneralized(exponent float64, in ...dense) float64 {
	classes := in[0].Shape()[1]
	var loss, total float64
	for n, weight := range in[2].Float64s() {
		row := in[0].Float64s()[n*classes:][:classes]
		var sum float64
		for _, v := range row {
			sum += math.Exp(v)
		}
		p := math.Exp(row[int(in[1].Float64s()[n])]) / sum
		loss += weight * (1 - math.Pow(p, exponent)) / exponent
		total += weight
	}
	if total == 0 {
		return 0
	}
	return loss / total
}

func TestMSE(t *testing.T) {
	tests := []struct {
		name    string
		x       tensor.Shape
		weights []float64
	}{
		{"vectors", tensor.Shape{3, 4}, []float64{1, 1, 1}},
		{"images", tensor.Shape{2, 2, 3, 2}, []float64{1, 1}},
		{"weights", tensor.Shape{3, 2}, []float64{0.5, 0, 2}},
		{"all weights 0", tensor.Shape{2, 2}, []float64{0, 0}},
		{"one value", tensor.Shape{1, 1}, []float64{3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := graphtest.Op{
				F:        func(in ...node) (node, error) { return op.MSE(in[0], in[1], in[2]) },
				In:       append(random(test.x, test.x), vector(test.weights...)),
				Constant: []int{1, 2},
			}
			x, target := o.In[0].Float64s(), o.In[1].Float64s()
			var loss, total float64
			size := len(x) / test.x[0]
			for i := range x {
				loss += test.weights[i/size] * (x[i] - target[i]) * (x[i] - target[i]) / float64(size)
				total += test.weights[i/size] / float64(size)
			}
			if total > 0 {
				loss /= total
			}
			checkForward(t, o, []float64{loss})
			o.Gradient(t)
		})
	}
}
