package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// LastPool pools images channels last, for inference: a window takes the largest
// pixel or the mean of those inside the image.
//
// Padding is not there: neither a zero nor a lowest number would do for both. So windows
// at the edges are cut to what lies inside, each by a call of its own, and those between
// the left and the right edge, which are all alike, are one call for a row.
//
//	columns of the output   0   1 2 3 4 5   6      window 3, stride 1, padding 1
//	                        cut one call    cut
//
// A mean divides by the pixels that are inside, as in planes: so a window's sum comes
// first, and the factor behind it depends on how it is cut. A window holds at least one
// pixel; PoolShape says who has checked that. A NaN among a window's pixels makes its
// result NaN, of both kinds.
type LastPool[T cpu.Float] struct {
	PoolShape
	kind    pixel.WindowKind
	plain   interface{ Forward(y []T, in [][]T) }
	ending  conv.Ending
	in, out pixel.Layout
	y, x    []T
	none    []T              // a shift of zeros
	sums    []T              // of the rows of an image that is one window
	rows    func(lo, hi int) // computes rows of the output
	lines   func(lo, hi int) // and sums rows of the image
}

// Lastly returns the kernel for images channels last.
func (m *MaxPool2D[T]) Lastly() (last any, ok bool) {
	return &LastPool[T]{PoolShape: m.PoolShape, kind: pixel.Max, plain: m, ending: m.Ending()}, true
}

// Ending is that of a convolution, if the windows lie side by side.
func (m *MaxPool2D[T]) Ending() conv.Ending {
	if !m.SideBySide() {
		return conv.Ending{}
	}
	return conv.Ending{Pool: &conv.Pool{KH: m.KH, KW: m.KW}}
}

// Lastly returns the kernel for images channels last.
func (a *AvgPool2D[T]) Lastly() (last any, ok bool) {
	return &LastPool[T]{PoolShape: a.PoolShape, kind: pixel.Sum, plain: a}, true
}

// Ending is that of a convolution, if the windows are pairs that lie side by side.
func (a *AvgPool2D[T]) Ending() conv.Ending {
	if !a.Pairs() {
		return conv.Ending{}
	}
	return conv.Ending{Pool: &conv.Pool{KH: 2, KW: 2, Mean: true}}
}

// Ending is that of a convolution.
func (p *LastPool[T]) Ending() conv.Ending { return p.ending }

// Lay takes an image channels last if it lies so. It asks for no border: windows at the
// edges are cut.
func (p *LastPool[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	l := in[0]
	if !l.Last {
		return nil, out, false
	}
	want = []pixel.Want{{Layout: pixel.Planes(l.N, l.C, l.H, l.W).Lastly(pixel.Border{})}}
	return want, pixel.Planes(l.N, l.C, p.OH, p.OW).Lastly(pixel.Border{}), true
}

// Place tells the layouts. Neither kind has a shift. But windows end with one, as those
// of a convolution do.
func (p *LastPool[T]) Place(in []pixel.Layout, out pixel.Layout) {
	p.in, p.out = in[0], out
	p.none = make([]T, out.Width())
	p.rows, p.lines = p.someRows, p.sumLines
}

// Forward computes y from in[0].
func (p *LastPool[T]) Forward(y []T, in [][]T) {
	if !p.out.Last {
		p.plain.Forward(y, in)
		return
	}
	p.y, p.x = y, in[0]
	if p.kind == pixel.Sum && p.OH == 1 && p.OW == 1 && p.KH-p.PadTop >= p.H && p.KW-p.PadLeft >= p.W {
		p.global()
		return
	}
	cpu.Parallel(p.out.N*p.OH, p.rows)
}

// window is a window of kh×kw pixels, whose result is multiplied by nothing yet.
// XPixel leads to the next window, XColumn and XRow to the next pixel inside of one; with
// a border XRow is longer than the image's own pixels. The limits are infinite: nothing
// is clipped.
func (p *LastPool[T]) window(kh, kw int) pixel.Window[T] {
	return pixel.Window[T]{
		Kind: p.kind, Width: p.out.Width(), KH: kh, KW: kw,
		XPixel: p.StrideW * p.in.Stride, XColumn: p.in.Stride, XRow: p.in.Row(), YPixel: p.out.Stride,
		Shift: p.none, Low: T(math.Inf(-1)), High: T(math.Inf(1)),
	}
}

// someRows computes the rows [lo,hi) of all images' rows.
func (p *LastPool[T]) someRows(lo, hi int) {
	first, last := p.inside()
	for r := lo; r < hi; r++ {
		n, i := r/p.OH, r%p.OH
		for j := 0; j < p.OW; j++ {
			if count := last - first; j == first && count > 0 {
				p.windows(n, i, j, count)
				j = last - 1
				continue
			}
			p.windows(n, i, j, 1)
		}
	}
}

// inside returns the columns [first,last) of the output whose windows lie between the
// left and right edges of the image.
func (p *LastPool[T]) inside() (first, last int) {
	// j·StrideW - PadLeft ≥ 0, and its window's end, KW further on, at most W.
	first = (p.PadLeft + p.StrideW - 1) / p.StrideW
	last = min(p.OW, (p.W+p.PadLeft-p.KW)/p.StrideW+1)
	return first, max(first, last)
}

// windows computes n windows from column j of row i on, which have as many columns
// inside the image: all of one row have as many rows. The first window is cut as all of
// them are: n is 1 at an edge.
func (p *LastPool[T]) windows(image, i, j, n int) {
	h0, h1, w0, w1 := p.PoolShape.window(i, j)
	w := p.window(h1-h0, w1-w0)
	y := p.y[p.out.At(image, i, j):]
	w.Slide(n, y, p.x[p.in.At(image, h0, w0):], nil)
	if p.kind == pixel.Sum {
		p.divide(y, n, (h1-h0)*(w1-w0))
	}
}

// divide turns sums of so many pixels into means. It multiplies by the rounded
// 1/pixels, which is exact for powers of two alone. Results may differ from those of
// planes in their last digit. Pixels that follow each other without a gap are one
// vector.
func (p *LastPool[T]) divide(y []T, n, pixels int) {
	share, width, stride := 1/T(pixels), p.out.Width(), p.out.Stride
	if stride == width {
		n, width = 1, n*width
	}
	for j := range n {
		pixel := y[j*stride:][:width]
		vector.ScaleBy(pixel, pixel, share)
	}
}

// global takes the mean of whole images: first of each row, so that no sum has many
// terms, and so that one image is work for all processors. The sums of the rows are then
// an image of one column.
func (p *LastPool[T]) global() {
	p.sums = cpu.Sized(p.sums, p.in.N*p.H*p.out.Width())
	cpu.Parallel(p.in.N*p.H, p.lines)
	width := p.out.Width()
	for n := range p.in.N {
		// Its pixels are the sums of H rows, Width elements apart, without a border.
		w := p.window(p.H, 1)
		w.XColumn, w.XRow = width, width
		y := p.y[p.out.At(n, 0, 0):]
		w.Slide(1, y, p.sums[n*p.H*width:], nil)
		p.divide(y, 1, p.H*p.W)
	}
}

// sumLines adds up the rows [lo,hi) of all images' rows. A row's sum goes to p.sums
// (N,H,Width), which calls for other rows do not touch.
func (p *LastPool[T]) sumLines(lo, hi int) {
	w := p.window(1, p.W)
	for r := lo; r < hi; r++ {
		w.Slide(1, p.sums[r*w.Width:], p.x[p.in.At(r/p.H, r%p.H, 0):], nil)
	}
}

// Backward is not there: programs for training keep planes.
func (p *LastPool[T]) Backward([][]T, []T, [][]T) { panic("kernel: LastPool has no gradient") }

// Bytes is the memory that the kernel keeps, and the one that it stands for.
func (p *LastPool[T]) Bytes() int { return p.ownBytes() + bytesOf(p.plain) }

// ownBytes is what it keeps itself.
func (p *LastPool[T]) ownBytes() int { return cpu.BytesOf(p.none, p.sums) }
