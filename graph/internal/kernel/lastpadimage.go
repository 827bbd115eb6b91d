package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// LastPadImage is PadImage for images channels last, for inference. A border pixel has
// the value in all of its channels, and zeros beyond them.
//
//	b b b b b     b is a pixel of the border: F F F 0 0 0 0 0
//	b p p p b     p a pixel of the image: c₀ c₁ c₂ 0 0 0 0 0
//	b p p p b
//
// This border is a part of the result, whatever border of zeros its layout has around it.
type LastPadImage[T cpu.Float] struct {
	plain   *PadImage[T]
	in, out pixel.Layout
	y, x    []T
	rows    func(lo, hi int)
}

// Lastly returns the kernel for images channels last.
func (p *PadImage[T]) Lastly() (last any, ok bool) { return &LastPadImage[T]{plain: p}, true }

// Lay takes an image channels last if it lies so.
func (p *LastPadImage[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	l := in[0]
	if !l.Last {
		return nil, out, false
	}
	h, w := p.plain.size()
	want = []pixel.Want{{Layout: pixel.Planes(l.N, l.C, l.H, l.W).Lastly(pixel.Border{})}}
	return want, pixel.Planes(l.N, l.C, h, w).Lastly(pixel.Border{}), true
}

// Place tells the layouts.
func (p *LastPadImage[T]) Place(in []pixel.Layout, out pixel.Layout) {
	p.in, p.out, p.rows = in[0], out, p.someRows
}

// Forward computes y from in[0].
func (p *LastPadImage[T]) Forward(y []T, in [][]T) {
	if !p.out.Last {
		p.plain.Forward(y, in)
		return
	}
	p.y, p.x = y, in[0]
	cpu.Parallel(p.out.N*p.out.H, p.rows)
}

// someRows computes the rows [lo,hi) of all images' rows.
func (p *LastPadImage[T]) someRows(lo, hi int) {
	o := p.plain
	for r := lo; r < hi; r++ {
		n, i := r/p.out.H, r%p.out.H-o.Top
		if i < 0 || i >= o.H {
			p.fill(n, i+o.Top, 0, p.out.W)
			continue
		}
		p.fill(n, i+o.Top, 0, o.Left)
		p.fill(n, i+o.Top, o.Left+o.W, o.Right)
		y, x, width := p.y[p.out.At(n, i+o.Top, o.Left):], p.x[p.in.At(n, i, 0):], p.out.Width()
		if p.in.Stride == width && p.out.Stride == width {
			copy(y[:o.W*width], x)
			continue
		}
		for j := range o.W { // the pixels are parts of wider ones
			copy(y[j*p.out.Stride:][:width], x[j*p.in.Stride:])
		}
	}
}

// fill sets n pixels of a row to the border's value, from column j on.
func (p *LastPadImage[T]) fill(image, i, j, n int) {
	for ; n > 0; j, n = j+1, n-1 {
		pixel := p.y[p.out.At(image, i, j):][:p.out.Width()]
		p.plain.fill(pixel[:p.out.C])
		clear(pixel[p.out.C:])
	}
}

// Backward is not there: nobody asks for a gradient of it.
func (p *LastPadImage[T]) Backward([][]T, []T, [][]T) {
	panic("kernel: LastPadImage has no gradient")
}
