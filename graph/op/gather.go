package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// The kinds of the ops that pick and repeat elements.
const (
	KindGather Kind = "Gather"
	KindExpand Kind = "Expand"
)

// Picks are the parameters of [Gather].
type Picks struct {
	Blocks int     // x falls into so many blocks, which are treated alike: the batch size, or 1
	Index  []int32 // for each element of a result's block its place in x's, or negative for Fill
	Fill   float64
}

// Gather picks elements of x, block by block, for any rearrangement: a
// transposition, a padding, a cut, an image with zeros between its pixels.
//
//	y[n,i] = x[n,Index[i]], or Fill where Index[i] is negative
//
// The result has the given shape. Index is not copied.
func Gather(x *gorgonia.Node, p Picks, shape ...int) (*gorgonia.Node, error) {
	if err := check(KindGather, x); err != nil {
		return nil, err
	}
	to, size := tensor.Shape(shape).Clone(), x.Shape().TotalSize()
	if p.Blocks < 1 || size%p.Blocks != 0 || len(p.Index) == 0 || to.TotalSize() != p.Blocks*len(p.Index) {
		return nil, fmt.Errorf("Gather: %d elements in each of %d blocks of %v, want %v", len(p.Index), p.Blocks, x.Shape(), to)
	}
	if most := slices.Max(p.Index); int(most) >= size/p.Blocks {
		return nil, fmt.Errorf("Gather: element %d of blocks of %d", most, size/p.Blocks)
	}
	return p.apply(KindGather, size/p.Blocks, x, to)
}

// apply adds the op; step is the distance of the operand's blocks.
func (p Picks) apply(kind Kind, step int, x *gorgonia.Node, to tensor.Shape) (*gorgonia.Node, error) {
	return apply(spec{kind: kind, shape: to, dyOnly: true, params: p},
		kernel.NewGather[float32](p.Blocks, step, p.Index, p.Fill), kernel.NewGather[float64](p.Blocks, step, p.Index, p.Fill), x)
}

// Expand repeats x along its dimensions of size 1, and along new ones before
// its first, so that it has the given shape, as NumPy broadcasts.
func Expand(x *gorgonia.Node, shape ...int) (*gorgonia.Node, error) {
	if err := check(KindExpand, x); err != nil {
		return nil, err
	}
	from, to := x.Shape(), tensor.Shape(shape).Clone()
	if len(from) > len(to) || len(to) == 0 {
		return nil, fmt.Errorf("Expand: %v to %v, want no fewer dimensions", from, to)
	}
	from = append(slices.Repeat([]int{1}, len(to)-len(from)), from...)
	for i, d := range from {
		if to[i] < 1 || d != to[i] && d != 1 {
			return nil, fmt.Errorf("Expand: %v to %v, want dimensions that are equal or 1", x.Shape(), to)
		}
	}
	p := Picks{Blocks: to[0], Index: expansion(from[1:], to[1:])}
	step := from[1:].TotalSize()
	if from[0] == 1 {
		step = 0
	}
	return p.apply(KindExpand, step, x, to)
}

// Picks returns the parameters of a [Gather].
func (d Description) Picks() Picks {
	p, _ := d.paramsOf(KindGather).(Picks)
	return p
}

// expansion is, for each element of shape to, its place in shape from, of as many
// dimensions.
func expansion(from, to tensor.Shape) []int32 {
	index, stride := []int32{0}, 1
	for i, d := range slices.Backward(to) {
		step := stride
		if from[i] == 1 {
			step = 0
		}
		inner := index
		index = make([]int32, 0, d*len(inner))
		for j := range d {
			for _, k := range inner {
				index = append(index, k+int32(j*step))
			}
		}
		stride *= from[i]
	}
	return index
}
