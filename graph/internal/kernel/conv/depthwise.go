package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// depthwise is the engine for convolutions with one filter for each channel:
//
//	y[i,j,c] = Σ_u Σ_v x[i·StrideH+u·DilationH, j·StrideW+v·DilationW, c] · filter[u,v,c]
//
// Channels last, a pixel's channels are independent of each other, and a vector
// of them is worked on at once. The loops are pixel.Taps. There is no engine of
// this kind in plain Go: unrolling serves there.
type depthwise[T cpu.Float] struct {
	Shape
	width  int // channels of a pixel, of the image and of the output
	filter []T // [KH][KW][width]
}

// prepare stores the filters channels last.
func (d *depthwise[T]) prepare(s Shape, w []T) bool {
	if _, ok := cpu.Float32s(w); !ok || s.Groups != s.C || s.F != s.C || s.C == 1 {
		return false
	}
	d.Shape, d.width = s, pixel.Width(s.C)
	if w == nil {
		return true
	}
	d.filter = cpu.Sized(d.filter, d.weights())
	for c := range s.C {
		for t := range s.KH * s.KW {
			d.filter[t*d.width+c] = w[c*s.KH*s.KW+t]
		}
	}
	return true
}

// image has the padding that filters see, or the pixels that no filter reaches.
func (d *depthwise[T]) image() frame[T] {
	h, w := (d.OH-1)*d.StrideH+(d.KH-1)*d.DilationH+1, (d.OW-1)*d.StrideW+(d.KW-1)*d.DilationW+1
	return frameOf[T](d.H, d.W, d.width, pixel.Border{
		Top: d.PadTop, Bottom: max(h-d.PadTop-d.H, 0), Left: d.PadLeft, Right: max(w-d.PadLeft-d.W, 0),
	})
}

// taps returns how a filter lies on a frame.
func (d *depthwise[T]) taps(f frame[T]) pixel.Taps {
	return pixel.Taps{Cols: d.OW, Width: d.width, KH: d.KH, KW: d.KW, Pixel: d.StrideW * d.width, Column: d.DilationW * d.width, Row: d.DilationH * f.row}
}

// convolve goes row by row: pixel.TapsForward has the loop over a row's pixels.
func (d *depthwise[T]) convolve(y []T, s *convScratch[T], lo, hi int) {
	f := s.image
	t := d.taps(f)
	for i := lo; i < hi; i++ {
		pixel.TapsForward(t, y[(i-lo)*d.OW*d.width:], f.data[i*d.StrideH*f.row:], d.filter)
	}
}

// weights counts a gradient of the filters as [KH][KW][width].
func (d *depthwise[T]) weights() int { return d.KH * d.KW * d.width }

// filterGradient computes dw[u,v,c] += Σ_i Σ_j x[…]·dy[i,j,c], row by row. It
// needs no last call: nothing is collected.
func (d *depthwise[T]) filterGradient(dw []T, s *convScratch[T], first, _ bool) {
	d.filterRows(dw, s, 0, d.OH, first)
}

// filterRows is filterGradient for the rows [lo,hi) of the output.
func (d *depthwise[T]) filterRows(dw []T, s *convScratch[T], lo, hi int, first bool) {
	if first {
		clear(dw)
	}
	f := s.image
	t := d.taps(f)
	for i := lo; i < hi; i++ {
		pixel.TapsFilter(t, dw, f.data[i*d.StrideH*f.row:], s.dz.pixels(i, d.OW))
	}
}

// unpack turns [KH][KW][width] into (F,1,KH,KW).
func (d *depthwise[T]) unpack(dst, dw []T) {
	for c := range d.C {
		for t := range d.KH * d.KW {
			dst[c*d.KH*d.KW+t] = dw[t*d.width+c]
		}
	}
}

// prepareBack has nothing to do: both ways use the same filters.
func (d *depthwise[T]) prepareBack([]T) {}

// backward is how the filters lie on the image as its gradient sees them.
func (d *depthwise[T]) backward() pixel.TapsImage {
	t := pixel.TapsImage{
		Down:   pixel.Axis{Image: d.H, Out: d.OH, Filter: d.KH, Stride: d.StrideH, Dilation: d.DilationH, Pad: d.PadTop},
		Across: pixel.Axis{Image: d.W, Out: d.OW, Filter: d.KW, Stride: d.StrideW, Dilation: d.DilationW, Pad: d.PadLeft},
		Width:  d.width,
	}
	t.Across.Before, t.Across.After = t.Across.Border()
	return t
}

// frame has a border left and right, so that all pixels of an image's row see the
// same weights.
func (d *depthwise[T]) frame(f frame[T]) frame[T] {
	t := d.backward()
	return frameOf[T](d.OH, d.OW, d.width, pixel.Border{Left: t.Across.Before, Right: t.Across.After}).over(f.data)
}

// inputGradient gathers for each pixel of the image the gradients of the output
// pixels that saw it, each times the weight that it was seen with.
func (d *depthwise[T]) inputGradient(dx []T, s *convScratch[T]) frame[T] {
	f := s.gradient(dx, d.H, d.W, d.width)
	d.gather(f, s, 0, d.H)
	return f
}

// gather computes the rows [lo,hi) of the image's gradient.
func (d *depthwise[T]) gather(f frame[T], s *convScratch[T], lo, hi int) {
	t := d.backward()
	t.Row, t.OutRow = f.row, s.dz.row
	pixel.TapsInput(&t, f.data, s.dz.data, s.dz.first, d.filter, lo, hi)
}

// byRows reports whether dx, if it is wanted, has room for the engine's pixels: they are
// written there, and never added.
func (d *depthwise[T]) byRows(dx, add bool, pixel int) bool { return !dx || !add && pixel == d.width }

// wholeGradient reports that s.dz has all rows: those before are read again.
func (d *depthwise[T]) wholeGradient() bool { return true }

// inputRows computes the rows of the image's gradient for which the output's rows up
// to hi suffice, and those up to lo do not.
func (d *depthwise[T]) inputRows(dx []T, s *convScratch[T], lo, hi int, _ bool) {
	d.gather(s.gradient(dx, d.H, d.W, d.width), s, d.complete(lo), d.complete(hi))
}

// complete is the number of rows of the image that no output row from one on sees.
func (d *depthwise[T]) complete(row int) int {
	if row == d.OH {
		return d.H
	}
	return min(max(row*d.StrideH-d.PadTop, 0), d.H)
}

// bytes counts the filters.
func (d *depthwise[T]) bytes() int { return cpu.BytesOf(d.filter) }
