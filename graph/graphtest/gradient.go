package graphtest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"
)

const (
	step        = 1e-5 // of the central differences
	tolerance   = 1e-6 // of the largest central difference, between it and the gradient
	noise       = 1e-9 // rounding of the central differences
	tolerance32 = 1e-4 // of the largest gradient, between float32 and float64
)

// Gradient fails the test unless the gradients of f at the given operands are
// right; see [Op.Check]. For operands that have no gradient use an [Op].
func Gradient(t testing.TB, f Func, in ...*tensor.Dense) {
	t.Helper()
	Op{F: f, In: in}.Gradient(t)
}

// Gradient fails the test unless the gradients are right; see [Op.Check].
func (o Op) Gradient(t testing.TB) {
	t.Helper()
	if err := o.Check(); err != nil {
		t.Error(err)
	}
}

// Check returns an error unless, at the given operands,
//
//   - the gradients that gorgonia.Grad derives agree with central differences, to
//     1e-6 of the operand's largest, in float64;
//   - float32 gives the same gradients, to 1e-4 of the largest;
//   - running leaves the operands as they were, those in State excepted.
//
// Choose operands away from the function's kinks, such as the 0 of a ReLU. F
// builds several graphs, in float64 and in float32; it must not keep state.
func (o Op) Check() error {
	o = o.as(tensor.Float64)
	grads, err := o.checked(tensor.Float64)
	if err != nil {
		return err
	}
	grads32, err := o.checked(tensor.Float32)
	if err != nil {
		return fmt.Errorf("float32: %w", err)
	}
	bound := o.as(tensor.Float64)
	forward, err := bound.compile(nil, false)
	if err != nil {
		return err
	}
	for i, g := range grads {
		if g == nil {
			continue
		}
		want, err := o.differences(forward, bound, i)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("operand %d", i)
		if err := compare(name, "central difference", values(g), want, tolerance); err != nil {
			return err
		}
		if err := compare(name+" in float32", "float64", values(grads32[i]), values(g), tolerance32); err != nil {
			return err
		}
	}
	return nil
}

// checked returns the gradients in the given precision, or an error if the run
// changes its operands.
func (o Op) checked(dtype tensor.Dtype) ([]*tensor.Dense, error) {
	bound := o.as(dtype)
	_, grads, err := bound.Gradients(nil)
	if err != nil {
		return nil, err
	}
	for i, x := range o.as(dtype).In {
		if slices.Contains(o.State, i) {
			continue
		}
		name := fmt.Sprintf("operand %d", i)
		if err := (named{name: values(bound.In[i])}).differs(named{name: values(x)}, 0); err != nil {
			return nil, fmt.Errorf("graphtest: running changes its operands: %w", err)
		}
	}
	return grads, nil
}

// as returns the Op on copies of its operands in the given precision.
func (o Op) as(dtype tensor.Dtype) Op {
	in := make([]*tensor.Dense, len(o.In))
	for i, x := range o.In {
		in[i] = as(dtype, x)
	}
	o.In = in
	return o
}

// differences returns the central differences of operand i. The machine runs
// on the operands of bound; all of them are set anew before each run.
func (o Op) differences(m *machine, bound Op, i int) ([]float64, error) {
	cost := func(x []float64) (float64, error) {
		for j, original := range o.In {
			assign(bound.In[j], values(original))
		}
		assign(bound.In[i], x)
		return m.cost()
	}
	x := values(o.In[i])
	d := make([]float64, len(x))
	for k := range x {
		var err error
		if d[k], err = difference(x, k, cost); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// difference is the central difference of f by x[k].
func difference(x []float64, k int, f func(x []float64) (float64, error)) (float64, error) {
	at := x[k]
	defer func() { x[k] = at }()
	x[k] = at + step
	above, err := f(x)
	if err != nil {
		return 0, err
	}
	x[k] = at - step
	below, err := f(x)
	return (above - below) / (2 * step), err
}

// compare returns an error for the first element of a gradient that is off by
// more than limit times the largest.
func compare(name, reference string, got, want []float64, limit float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("graphtest: the gradient of %s has %d elements, want %d", name, len(got), len(want))
	}
	top := largest(want)
	for i, w := range want {
		if off := math.Abs(got[i] - w); !(off <= limit*top+noise) {
			return fmt.Errorf("graphtest: the gradient of %s is wrong: element %d is %.9g, want %.9g (%s): off by %.1e of the largest, want at most %.0e",
				name, i, got[i], w, reference, off/top, limit)
		}
	}
	return nil
}
