package op_test

import (
	"math"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// cubes is Σ k·x[k]³, counted from 1: a function that tells its numbers apart.
var cubes = op.Reduction{
	Name: "cubes",
	F: func(x []float64) (sum float64) {
		for k, v := range x {
			sum += float64(k+1) * v * v * v
		}
		return sum
	},
	D: func(x, d []float64) {
		for k, v := range x {
			d[k] = 3 * float64(k+1) * v * v
		}
	},
}

func across(axis int) func(in ...node) (node, error) {
	return func(in ...node) (node, error) { return op.Across(in[0], axis, cubes) }
}

// TestAcross holds every axis against plain loops, and the gradients.
func TestAcross(t *testing.T) {
	s := tensor.Shape{3, 4, 2}
	for axis, d := range s {
		o := graphtest.Op{F: across(axis), In: random(s)}
		o.Gradient(t)
		y, _, err := o.Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		x, inner := o.In[0].Float64s(), s[axis+1:].TotalSize()
		for i, got := range floats(y) {
			var want float64
			for k := range d {
				want += float64(k+1) * math.Pow(x[(i/inner*d+k)*inner+i%inner], 3)
			}
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("axis %d, element %d: %g, want %g", axis, i, got, want)
			}
		}
	}
	if _, err := op.Across(nil, 0, cubes); err == nil {
		t.Error("no operand, and no error")
	}
	for name, f := range map[string]func(in ...node) (node, error){
		"Across: axis 3 of (3, 4, 2)": across(3),
		"Across: function is nil":     func(in ...node) (node, error) { return op.Across(in[0], 0, op.Reduction{}) },
	} {
		if _, _, err := (graphtest.Op{F: f, In: random(s)}).Gradients(nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %s", err, name)
		}
	}
}
