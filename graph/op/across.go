package op

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// KindAcross is the kind of [Across].
const KindAcross Kind = "Across"

// Reduction is a function of several numbers, in whatever order it wants them: the
// place of the largest, a quotient of two, a choice between two by a third.
type Reduction struct {
	Name string                    // for people
	F    func(x []float64) float64 // safe for concurrent use; it does not keep or change x

	// D sets d, which is zero, to F's derivatives. It is nil for a function that has
	// none but 0, such as a comparison.
	D func(x, d []float64)

	// Operator is how a translator of the graph writes the function; nil if it cannot.
	// An operator of ONNX whose name begins with Reduce or Arg works along the axis; any
	// other one takes the numbers as its operands, one after the other.
	Operator *Operator
}

// Across applies a function to the numbers along one axis of x, at every position of
// the others:
//
//	y[n,i] = F(x[n,0,i], x[n,1,i], …)
//
// The result is without that axis, and (1) for an x of one dimension. Operands that
// [Concat] puts side by side make it a function of several tensors. It computes number
// by number: where an op of this package does the same, that is faster.
func Across(x *gorgonia.Node, axis int, f Reduction) (*gorgonia.Node, error) {
	if err := check(KindAcross, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if axis < 0 || axis >= len(s) {
		return nil, fmt.Errorf("Across: axis %d of %v, want one that it has", axis, s)
	}
	if f.F == nil {
		return nil, errors.New("Across: function is nil")
	}
	outer, inner := s[:axis].TotalSize(), s[axis+1:].TotalSize()
	to := slices.Delete(s.Clone(), axis, axis+1)
	if len(to) == 0 {
		to = tensor.Shape{1}
	}
	return apply(spec{kind: KindAcross, detail: f.Name, shape: to, params: Along{axis, f}},
		&kernel.Across[float32]{Outer: outer, Size: s[axis], Inner: inner, F: f.F, D: f.D},
		&kernel.Across[float64]{Outer: outer, Size: s[axis], Inner: inner, F: f.F, D: f.D}, x)
}

// Along is what an [Across] was made with.
type Along struct {
	Axis int
	Reduction
}

// Along returns the axis and the function of an [Across].
func (d Description) Along() Along {
	p, _ := d.paramsOf(KindAcross).(Along)
	return p
}
