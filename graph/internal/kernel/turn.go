package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// Turn gives images another layout. A program puts it where a value's layout is not
// the one that a reader wants: planes at the input and in front of a dense layer,
// pixels of another distance, or with another border.
//
//	planes (N,C,H,W)  ─▶ pixels   rows of pixels, a transposition each; zeros beyond C
//	pixels ─▶ planes              the same back
//	pixels ─▶ pixels              row by row, a copy if both are tight
//
// Of a result's border it writes nothing: that is the program's.
type Turn[T cpu.Float] struct {
	from, to pixel.Layout
	y, x     []T
	rows     func(lo, hi int)
}

// NewTurn returns the kernel. Its layouts come by Place.
func NewTurn[T cpu.Float]() *Turn[T] {
	t := &Turn[T]{}
	t.rows = t.turnRows
	return t
}

// Lay is not asked: the program that makes a Turn knows both layouts.
func (t *Turn[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	return nil, out, false
}

// Place tells the two layouts.
func (t *Turn[T]) Place(in []pixel.Layout, out pixel.Layout) { t.from, t.to = in[0], out }

// Forward computes y, in the other layout, from in[0].
func (t *Turn[T]) Forward(y []T, in [][]T) {
	t.y, t.x = y, in[0]
	cpu.Parallel(t.to.N*t.to.H, t.rows)
}

// turnRows turns the rows [lo,hi) of all images' rows.
func (t *Turn[T]) turnRows(lo, hi int) {
	for r := lo; r < hi; r++ {
		n, i := r/t.to.H, r%t.to.H
		switch {
		case t.to.Last && t.from.Last:
			t.copyRow(n, i)
		case t.to.Last:
			t.load(n, i)
		default:
			pixel.ToPlanes(t.y[t.plane(n, i):], t.to.H*t.to.W, t.x[t.from.At(n, i, 0):], t.from.Stride, t.to.C, t.to.W)
		}
	}
}

// plane is where row i of the first channel of image n begins, as planes.
func (t *Turn[T]) plane(n, i int) int { return (n*t.to.C*t.to.H + i) * t.to.W }

// load reads a row from planes.
func (t *Turn[T]) load(n, i int) {
	row := t.y[t.to.At(n, i, 0):]
	pixel.FromPlanes(row, t.to.Stride, t.x[t.plane(n, i):], t.to.H*t.to.W, t.to.C, t.to.W)
}

// copyRow reads a row of pixels. Their distances may differ, and so may the room that
// there is for channels beyond C: what has none in x becomes zero in y.
func (t *Turn[T]) copyRow(n, i int) {
	y, x := t.y[t.to.At(n, i, 0):], t.x[t.from.At(n, i, 0):]
	width := min(t.to.Width(), t.from.Width())
	if t.to.Stride == t.from.Stride && width == t.to.Stride {
		copy(y[:t.to.W*width], x)
		return
	}
	for j := range t.to.W {
		pixel := y[j*t.to.Stride:][:t.to.Width()]
		clear(pixel[copy(pixel[:t.to.C], x[j*t.from.Stride:]):])
	}
}

// Backward is not there: nobody asks for a gradient of it.
func (t *Turn[T]) Backward([][]T, []T, [][]T) { panic("kernel: Turn has no gradient") }
