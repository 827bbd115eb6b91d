package op_test

import (
	"math"
	"strings"
	"testing"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// binaryCrossEntropy is an op for logits (3,4), with a sample that has no class, and one that has no
// weight.
func binaryCrossEntropy(f func(logits, targets, weights node) (node, error), logits dense) graphtest.Op {
	return graphtest.Op{
		F:        func(in ...node) (node, error) { return f(in[0], in[1], in[2]) },
		In:       []dense{logits, filled([]float64{1, 0, 1, 0.25, 0, 0, 0, 0, 1, 1, 0, 1}, 3, 4), vector(1, 0.5, 0)},
		Constant: []int{1, 2},
	}
}

// ofSets is an op for logits (3,4), whose samples have two classes, none, and all.
func ofSets(f func(logits, targets, weights node, sets [][]int) (node, error), logits dense) graphtest.Op {
	sets := [][]int{{}, {0, 1, 2, 3}, {2, 0}}
	return graphtest.Op{
		F:        func(in ...node) (node, error) { return f(in[0], in[1], in[2], sets) },
		In:       []dense{logits, vector(2, 0, 1), vector(1, 0.5, 2)},
		Constant: []int{1, 2},
	}
}

// TestBinaryCrossEntropyOfSets: indices of sets mean what the targets of each class do.
func TestBinaryCrossEntropyOfSets(t *testing.T) {
	logits := graphtest.Random("logits", 3, 3, 4)
	o := ofSets(op.BinaryCrossEntropyOfSets, logits)
	same := binaryCrossEntropy(op.BinaryCrossEntropy, logits)
	same.In[1], same.In[2] = filled([]float64{1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1}, 3, 4), o.In[2]
	want, wantGrads, err := same.Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, grads, err := o.Gradients(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "loss", floats(got), floats(want), 1e-15)
	checkNear(t, "gradient", floats(grads[0]), floats(wantGrads[0]), 1e-15)
	o.Gradient(t)
	o.In[1] = vector(2, 3, 1)
	if _, err := o.Run(); err == nil || !strings.Contains(err.Error(), "label 3 is not one of the classes 0 to 2") {
		t.Errorf("error %v, want one that names the index", err)
	}
}

// TestBinaryCrossEntropy holds the loss against its formula and its gradient against differences.
func TestBinaryCrossEntropy(t *testing.T) {
	logits := graphtest.Random("logits", 3, 3, 4)
	o := binaryCrossEntropy(op.BinaryCrossEntropy, logits)
	var sum float64
	for i, x := range logits.Float64s() {
		p, y, w := 1/(1+math.Exp(-x)), o.In[1].Float64s()[i], o.In[2].Float64s()[i/4]
		sum -= w * (y*math.Log(p) + (1-y)*math.Log(1-p)) / 4
	}
	checkForward(t, o, []float64{sum / 1.5})
	o.Gradient(t)
	o = binaryCrossEntropy(op.BinaryCrossEntropySum, logits)
	checkForward(t, o, []float64{sum})
	o.Gradient(t)
}

// TestBinaryCrossEntropyStable: logits of ±10,000 give the exact loss and gradient.
func TestBinaryCrossEntropyStable(t *testing.T) {
	o := graphtest.Op{
		F:        func(in ...node) (node, error) { return op.BinaryCrossEntropy(in[0], in[1], in[2]) },
		In:       []dense{filled([]float64{10000, -10000, 10000, -10000}, 2, 2), filled([]float64{1, 0, 0, 1}, 2, 2), vector(1, 1)},
		Constant: []int{1, 2},
	}
	for _, p := range precisions {
		y, grads, err := in(p.dtype, o).Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		checkNear(t, "loss", floats(y), []float64{5000}, p.limit)
		checkNear(t, "gradient", floats(grads[0]), []float64{0, 0, 0.25, -0.25}, p.limit)
	}
}
