package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// The kinds of the ops whose second operand repeats.
const (
	KindScale Kind = "Scale"
	KindShift Kind = "Shift"
)

// Scale is x·s, element by element, where s repeats along the dimensions that it
// has as 1 or, at the front, has not: as NumPy broadcasts it, but x alone has the
// result's shape. With s of (N,C,1,1) it gives each channel of an image a factor of
// its own (squeeze-and-excitation, Hu et al. 2017).
//
// [Hadamard] is the product of two nodes of one shape.
func Scale(x, s *gorgonia.Node) (*gorgonia.Node, error) { return broadcast(KindScale, true, x, s) }

// Shift is x + s, where s repeats as in [Scale]: a bias (C) of vectors (…,C), or
// a position's embedding (L,E) for samples (N,L,E). [Add] is the sum of nodes of
// one shape.
func Shift(x, s *gorgonia.Node) (*gorgonia.Node, error) { return broadcast(KindShift, false, x, s) }

func broadcast(kind Kind, multiply bool, x, s *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(kind, x, s); err != nil {
		return nil, err
	}
	shape := x.Shape()
	with, ok := aligned(s.Shape(), shape)
	if !ok {
		return nil, fmt.Errorf("%s: operands are %v and %v, want the second's dimensions those of the first from the end, or 1", kind, shape, s.Shape())
	}
	return apply(spec{kind: kind, shape: shape, dyOnly: !multiply},
		kernel.NewBroadcast[float32](multiply, shape, with), kernel.NewBroadcast[float64](multiply, shape, with), x, s)
}

// aligned is shape s with as many dimensions as to, 1 in front. ok is false if it
// does not repeat to the shape to.
func aligned(s, to tensor.Shape) (with []int, ok bool) {
	if len(s) > len(to) || len(to) == 0 {
		return nil, false
	}
	with = append(slices.Repeat([]int{1}, len(to)-len(s)), s...)
	for i, d := range with {
		if d != to[i] && d != 1 {
			return nil, false
		}
	}
	return with, true
}
