package conv

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// windowed is the engine for one filter a channel: a window slides over each
// channel, and a vector of channels is worked on at once.
//
//	y[n,i,j,c] = end( Σ_u Σ_v w[u,v,c] · x[n, i·stride+u·dilation-pad, j·stride+v·dilation-pad, c] )
//
// There are KH·KW products for each element that is read, too few to be worth a
// product of matrices; memory decides. So the limits and the shift are part of the
// loop, and only a residual takes a second walk over the row, which is in the cache.
type windowed[T cpu.Float] struct {
	Shape
	filter []T // (KH,KW,Width(C))
	window pixel.Window[T]
	layer  *Layer[T]
	none   []T // zeros
	do     func(lo, hi int)
}

// border is that of the engine sliding: what the filters see beyond the image.
func (e *windowed[T]) border() (b pixel.Border, tight bool) {
	s := sliding[T]{Shape: e.Shape}
	return s.border()
}

// pack turns the filters (C,KH,KW) to channels last, as the image is.
func (e *windowed[T]) pack(w, scale []T) {
	width, taps := pixel.Width(e.C), e.KH*e.KW
	e.filter = cpu.Sized(e.filter, taps*width)
	for c := range e.C {
		for t := range taps {
			e.filter[t*width+c] = w[c*taps+t] * scale[c]
		}
	}
}

// run shares out the rows of the output.
func (e *windowed[T]) run(l *Layer[T]) {
	e.layer = l
	width := pixel.Width(e.C)
	e.window = pixel.Window[T]{
		Kind: pixel.Dot, Width: width, KH: e.KH, KW: e.KW,
		XPixel: e.StrideW * l.in.Stride, XColumn: e.DilationW * l.in.Stride, XRow: e.DilationH * l.in.Row(),
		WPixel: width, YPixel: l.out.Stride, Shift: l.shift, Low: l.low, High: l.high,
	}
	if l.Residual { // limits come after it
		e.window.Low, e.window.High = T(math.Inf(-1)), T(math.Inf(1))
		e.window.Shift = e.zeros()
	}
	if e.do == nil {
		e.do = e.rows
	}
	cpu.Parallel(e.N*e.OH, e.do)
}

// rows computes the rows [lo,hi) of all images' rows.
func (e *windowed[T]) rows(lo, hi int) {
	l := e.layer
	for r := lo; r < hi; r++ {
		n, i := r/e.OH, r%e.OH
		y := l.y[l.out.At(n, i, 0):]
		e.window.Slide(e.OW, y, l.x[l.in.At(n, i*e.StrideH-e.PadTop, -e.PadLeft):], e.filter)
		if l.Residual {
			l.ending(l.out.Stride).Pixels(e.OW, y, y, l.rests(l.rest.At(n, i, 0)))
		}
		l.curve(y, e.OW, 0, l.out.Width())
	}
}

// zeros is a shift of nothing.
func (e *windowed[T]) zeros() []T {
	e.none = cpu.Sized(e.none, pixel.Width(e.C))
	return e.none
}

func (e *windowed[T]) bytes() int { return cpu.BytesOf(e.filter) }
func (e *windowed[T]) plans() int { return e.KH * e.KW * pixel.Width(e.C) }
