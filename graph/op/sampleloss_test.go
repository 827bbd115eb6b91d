package op_test

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// powers is Σ_k (target+1)·sin(x[k])·(k+1).
func powers(x []float64, target float64, gradient []float64) (sum float64) {
	for k, v := range x {
		sum += (target + 1) * math.Sin(v) * float64(k+1)
		gradient[k] = (target + 1) * math.Cos(v) * float64(k+1)
	}
	return sum
}

func sampleLoss(in ...node) (node, error) { return op.SampleLoss(in[0], in[1], powers) }

func TestSampleLoss(t *testing.T) {
	x := graphtest.Random("x", 1, 3, 4)
	targets := []float64{2, 0, 5}
	var want float64
	for i, v := range x.Float64s() {
		want += (targets[i/4] + 1) * math.Sin(v) * float64(i%4+1)
	}
	o := graphtest.Op{F: sampleLoss, In: []dense{x, vector(targets...)}, Constant: []int{1}}
	checkForward(t, o, []float64{want})
	o.Gradient(t)
}

// TestSampleLossOfOne: a sample's gradient is the same in any batch.
func TestSampleLossOfOne(t *testing.T) {
	x := graphtest.Random("x", 1, 3, 4)
	_, all, err := graphtest.Op{F: sampleLoss, In: []dense{x, vector(2, 0, 5)}, Constant: []int{1}}.Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	one := tensor.New(tensor.WithShape(1, 4), tensor.WithBacking(x.Float64s()[4:8:8]))
	_, alone, err := graphtest.Op{F: sampleLoss, In: []dense{one, vector(0)}, Constant: []int{1}}.Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "gradient", floats(alone[0]), floats(all[0])[4:8], 0)
}

func TestSampleLossErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	of := func(name string, shape ...int) node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	}
	for _, tt := range []struct {
		name            string
		logits, targets node
		f               op.Criterion
		want            string
	}{
		{"a vector", of("a", 3), of("b", 3), powers, "SampleLoss: logits are (3) and targets (3), want (N,classes) and (N)"},
		{"one-hot targets", of("c", 2, 3), of("d", 2, 3), powers, "SampleLoss: logits are (2, 3) and targets (2, 3), want (N,classes) and (N)"},
		{"no function", of("e", 2, 3), of("f", 2), nil, "SampleLoss: the criterion is nil, want a function"},
		{"no targets", of("g", 2, 3), nil, powers, "SampleLoss: operand 1 is nil, want a node"},
	} {
		if _, err := op.SampleLoss(tt.logits, tt.targets, tt.f); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
}
