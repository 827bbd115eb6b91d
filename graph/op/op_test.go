package op_test

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
)

type (
	node  = *gorgonia.Node
	dense = *tensor.Dense
)

// random returns the operands of one op: tensors of the given shapes, values
// from -1 to 1.
func random(shapes ...tensor.Shape) []dense {
	in := make([]dense, len(shapes))
	for i, s := range shapes {
		in[i] = graphtest.Random(string(rune('a'+i)), 1, s...)
	}
	return in
}

// vector returns a float64 tensor (n).
func vector(v ...float64) dense {
	return tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(v))
}

// filled returns a float64 tensor of the given shape.
func filled(v []float64, shape ...int) dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

// to returns a copy of x in the given precision.
func to(dtype tensor.Dtype, x dense) dense {
	c := tensor.New(tensor.Of(dtype), tensor.WithShape(x.Shape()...))
	for i, v := range floats(x) {
		if dtype == tensor.Float32 {
			c.Float32s()[i] = float32(v)
		} else {
			c.Float64s()[i] = v
		}
	}
	return c
}

// in returns an op on copies of its operands in the given precision.
func in(dtype tensor.Dtype, o graphtest.Op) graphtest.Op {
	o.In = slices.Clone(o.In)
	for i, x := range o.In {
		o.In[i] = to(dtype, x)
	}
	return o
}

// floats returns a copy of the elements of a contiguous tensor.
func floats(x dense) []float64 {
	if x.Dtype() == tensor.Float64 {
		return slices.Clone(x.Float64s())
	}
	v := make([]float64, x.Size())
	for i, f := range x.Float32s() {
		v[i] = float64(f)
	}
	return v
}

// precision is a data type and how exact results in it are, relative to the
// largest of them.
type precision struct {
	dtype tensor.Dtype
	limit float64
}

var precisions = []precision{{tensor.Float64, 1e-12}, {tensor.Float32, 1e-5}}

// checkForward runs an op in both precisions and compares its output.
func checkForward(t *testing.T, o graphtest.Op, want []float64, shape ...int) {
	t.Helper()
	for _, p := range precisions {
		y, err := in(p.dtype, o).Run()
		if err != nil {
			t.Fatal(err)
		}
		if !y.Shape().Eq(tensor.Shape(shape)) {
			t.Fatalf("output is %v, want %v", y.Shape(), shape)
		}
		checkNear(t, p.dtype.String(), floats(y), want, p.limit)
	}
}

// checkNear reports the first element that is off by more than limit times the
// largest.
func checkNear(t *testing.T, name string, got, want []float64, limit float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	var top float64
	for _, w := range want {
		top = max(top, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= limit*top) && got[i] != w {
			t.Errorf("%s: element %d is %v, want %v", name, i, got[i], w)
			return
		}
	}
}
