package op_test

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestBatchNorm(t *testing.T) {
	shapes := []struct {
		name string
		x    tensor.Shape
	}{
		{"images", tensor.Shape{3, 2, 2, 3}},
		{"vectors", tensor.Shape{5, 3}},
		{"batch of one image", tensor.Shape{1, 2, 3, 3}},
		{"batch of one vector", tensor.Shape{1, 3}},
		{"1x1 images", tensor.Shape{4, 2, 1, 1}},
		{"one channel", tensor.Shape{2, 1, 2, 2}},
	}
	for _, test := range shapes {
		for _, training := range []bool{true, false} {
			mode := map[bool]string{true: ", training", false: ", inference"}[training]
			t.Run(test.name+mode, func(t *testing.T) {
				norm := op.Norm{Epsilon: 1e-3, Momentum: 0.75, Training: training}
				o := batchNorm(norm, test.x)
				want := naiveNorm(norm, o.In...)
				checkForward(t, o, want["y"], test.x...)
				for _, p := range precisions {
					o := in(p.dtype, o)
					if _, err := o.Run(); err != nil {
						t.Fatal(err)
					}
					checkNear(t, "running mean", floats(o.In[3]), want["mean"], p.limit)
					checkNear(t, "running variance", floats(o.In[4]), want["variance"], p.limit)
				}
				o.Gradient(t)
			})
		}
	}
}

// batchNorm returns the op with operands for an input of the given shape.
func batchNorm(n op.Norm, x tensor.Shape) graphtest.Op {
	c := tensor.Shape{x[1]}
	o := graphtest.Op{
		F: func(in ...node) (node, error) {
			return op.BatchNorm(in[0], in[1], in[2], in[3], in[4], n)
		},
		In:    random(x, c, c, c, c),
		State: []int{3, 4},
	}
	for i, v := range o.In[4].Float64s() { // a variance
		o.In[4].Float64s()[i] = v*v + 0.5
	}
	return o
}

// naiveNorm returns y and the running statistics after one run.
func naiveNorm(o op.Norm, in ...dense) map[string][]float64 {
	x, s := in[0].Float64s(), in[0].Shape()
	pixels := len(x) / s[0] / s[1]
	y := make([]float64, len(x))
	mean, variance := floats(in[3]), floats(in[4])
	for c := range s[1] {
		var channel []int // the positions of its elements
		for i := range x {
			if i/pixels%s[1] == c {
				channel = append(channel, i)
			}
		}
		m, v := mean[c], variance[c]
		if o.Training {
			count := float64(len(channel))
			m, v = 0, 0
			for _, i := range channel {
				m += x[i] / count
			}
			for _, i := range channel {
				v += (x[i] - m) * (x[i] - m) / count
			}
			mean[c] = o.Momentum*mean[c] + (1-o.Momentum)*m
			unbiased := 0. // of a single value
			if count > 1 {
				unbiased = v * count / (count - 1)
			}
			variance[c] = o.Momentum*variance[c] + (1-o.Momentum)*unbiased
		}
		for _, i := range channel {
			y[i] = in[1].Float64s()[c]*(x[i]-m)/math.Sqrt(v+o.Epsilon) + in[2].Float64s()[c]
		}
	}
	return map[string][]float64{"y": y, "mean": mean, "variance": variance}
}

// TestBatchNormFarFromZero: a mean that is large against the deviation must
// not swallow it, as it would in a variance computed from squares.
func TestBatchNormFarFromZero(t *testing.T) {
	x := graphtest.Random("x", 1, 4, 1, 8, 8)
	for i := range x.Float64s() {
		x.Float64s()[i] += 1000
	}
	norm := op.Norm{Epsilon: 1e-5, Momentum: 0.9, Training: true}
	o := batchNorm(norm, x.Shape())
	o.In[0] = to(tensor.Float64, to(tensor.Float32, x))
	want := naiveNorm(norm, o.In...)["y"]
	y, err := in(tensor.Float32, o).Run()
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "output", floats(y), want, 1e-3)
}

func TestDropout(t *testing.T) {
	const n, rate = 100_000, 0.3
	x := graphtest.Random("x", 1, n)
	step := uint64(7)
	o := graphtest.Op{F: dropout(rate, 1, &step), In: []dense{x}}
	first := drop(t, o)
	kept, scale := 0, 1/(1-rate)
	for i, v := range first {
		if v != 0 {
			kept++
		}
		if v != 0 && math.Abs(v-scale*x.Float64s()[i]) > 1e-12 {
			t.Fatalf("element %d is %v, want 0 or %v", i, v, scale*x.Float64s()[i])
		}
	}
	if share, deviation := float64(kept)/n, math.Sqrt(rate*(1-rate)/n); math.Abs(share-(1-rate)) > 5*deviation {
		t.Errorf("%v of the elements are kept, want %v within %v", share, 1-rate, 5*deviation)
	}
	checkNear(t, "the same step and seed", drop(t, o), first, 0)
	o32 := in(tensor.Float32, o)
	for i, v := range drop(t, o32) {
		if (v == 0) != (first[i] == 0) {
			t.Fatalf("element %d is %v in float32 and %v in float64, want the same mask", i, v, first[i])
		}
	}
	// Masks of other steps and seeds agree by chance only: on a share of
	// rate² + (1-rate)² of the elements.
	o.F = dropout(rate, 2, &step)
	checkIndependent(t, "another seed", first, drop(t, o), rate)
	o.F = dropout(rate, 1, &step)
	step++
	checkIndependent(t, "another step", first, drop(t, o), rate)
	checkIndependent(t, "the next element", first[1:], first[:n-1], rate)
}

func dropout(rate float64, seed uint64, step *uint64) graphtest.Func {
	return func(in ...node) (node, error) {
		return op.Dropout(in[0], rate, op.Random{Seed: seed, Step: step})
	}
}

func drop(t *testing.T, o graphtest.Op) []float64 {
	t.Helper()
	y, err := o.Run()
	if err != nil {
		t.Fatal(err)
	}
	return floats(y)
}

func checkIndependent(t *testing.T, name string, a, b []float64, rate float64) {
	t.Helper()
	same := 0
	for i := range a {
		if (a[i] == 0) == (b[i] == 0) {
			same++
		}
	}
	want := rate*rate + (1-rate)*(1-rate)
	if got := float64(same) / float64(len(a)); math.Abs(got-want) > 0.01 {
		t.Errorf("%s: the masks agree on %v of the elements, want %v as by chance", name, got, want)
	}
}

func TestDropoutGradient(t *testing.T) {
	step := uint64(3)
	for _, rate := range []float64{0, 0.2, 0.5, 0.9} {
		graphtest.Gradient(t, dropout(rate, 5, &step), graphtest.Random("x", 1, 3, 2, 2, 3))
	}
}

func TestDropoutRateZero(t *testing.T) {
	step := uint64(0)
	x := graphtest.Random("x", 1, 4, 5)
	checkForward(t, graphtest.Op{F: dropout(0, 1, &step), In: []dense{x}}, x.Float64s(), 4, 5)
}
