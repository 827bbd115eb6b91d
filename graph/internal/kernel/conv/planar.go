package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/plane"
)

// planar convolves images of few planes with few filters, plane by plane: as pixels
// their channels would not fill a vector. It leaves the gradient of the image, which a
// network's first layer does not need, to the matrix product, see unroll.go.
//
// A vector takes pixels of a row, not channels of a pixel. An image is copied once, with
// its padding, into rows that are long enough for whole blocks of vectors:
//
//	   PadLeft  W pixels         to the end of the last block
//	┌─────────┬────────────────┬─────┐
//	│ 0       │ 0              │ 0   │  PadTop rows
//	│ 0       │ a row of x     │ 0   │  XRow elements, so that no loop looks for an end
//	│ 0       │ 0              │ 0   │  below
//	└─────────┴────────────────┴─────┘
//
// The filters lie with those of one weight (c,u,v) side by side: what is read of the image
// once serves several filters.
type planar[T cpu.Float] struct {
	plane.Correlation
	PadTop, PadLeft int
	w, shift        []T // (C,KH,KW,F), zeros
}

// planar reports whether a convolution goes plane by plane. Its rows have to fill the
// blocks of pixels well.
//
// At least three of four pixels of the blocks have to count. A filter of one pixel is a
// matrix product with the planes as they are, which is left to gemm.
func (s Shape) planar() bool {
	return s.C <= 4 && s.F <= 8 && s.Groups == 1 && s.StrideH == 1 && s.StrideW == 1 &&
		s.DilationH == 1 && s.DilationW == 1 && s.KH*s.KW > 1 && 4*s.OW >= 3*plane.Reach(s.OW)
}

// prepare takes up a geometry and the filters w (F,C,KH,KW). It reports false if that
// does not go plane by plane, or the active tier has no assembly. With nil for w it
// takes up the geometry alone.
func (p *planar[T]) prepare(s Shape, w []T) bool {
	if _, ok := cpu.Float32s(p.w); !ok || !s.planar() {
		return false
	}
	p.take(s, w)
	return true
}

// take is prepare on every tier.
func (p *planar[T]) take(s Shape, w []T) {
	p.PadTop, p.PadLeft = s.PadTop, s.PadLeft
	row := plane.Reach(s.OW) + s.KW - 1
	p.Correlation = plane.Correlation{
		C: s.C, F: s.F, KH: s.KH, KW: s.KW, Rows: s.OH, Cols: s.OW,
		XRow: row, XPlane: (s.OH + s.KH - 1) * row, YRow: s.OW, YPlane: s.pixels(),
	}
	if w != nil {
		p.w, p.shift = cpu.Sized(p.w, p.Weights()), cpu.Sized(p.shift, p.F)
		// w has the weights of a filter one behind the other, p.w has the filters so.
		for t := range s.patch() {
			for f := range s.F {
				p.w[t*s.F+f] = w[f*s.patch()+t]
			}
		}
	}
}

// padded returns the planes x with their padding, in memory of s.
//
// The zeros around the image are those of new memory: only pixels are ever written. They
// go on to the end of the last block, where plane.AddGradient wants finite numbers.
func (p *planar[T]) padded(s *convScratch[T], x []T, h, w int) []T {
	s.padded = cpu.Sized(s.padded, p.C*p.XPlane)
	// Pixels that no filter reaches are left out, below and on the right.
	rows, cols := min(h, p.Rows+p.KH-1-p.PadTop), min(w, p.Cols+p.KW-1-p.PadLeft)
	if cols <= 0 { // filters see padding alone
		return s.padded
	}
	for c := range p.C {
		for i := range rows {
			copy(s.padded[c*p.XPlane+(p.PadTop+i)*p.XRow+p.PadLeft:][:cols], x[(c*h+i)*w:])
		}
	}
	return s.padded
}

// forward computes the planes y of image x.
//
// The shift is zero, but for a PlanarBlock, which puts its bias there.
func (p *planar[T]) forward(c *Conv2d[T], s *convScratch[T], y, x []T) {
	plane.Correlate(&p.Correlation, y, p.padded(s, x, c.H, c.W), p.w, p.shift)
}

// filterGradient adds image x's share of the gradient of the filters to dw, given the
// gradient dy of its planes. With first, dw is garbage and is overwritten.
//
// It is a sum over pixels, and a vector of pixels is added to a vector of sums. So each
// weight has Lanes sums until unpack: none has to be added up crosswise for each image.
func (p *planar[T]) filterGradient(c *Conv2d[T], s *convScratch[T], dw, dy, x []T, first bool) {
	if first {
		clear(dw)
	}
	plane.AddGradient(&p.Correlation, dw, dy, p.padded(s, x, c.H, c.W))
}

// weights is the number of elements of a gradient of the filters: of each weight the
// sums that it consists of.
func (p *planar[T]) weights() int { return p.Weights() * plane.Lanes }

// unpack adds up the sums of a gradient dw and writes it to dst as (F,C,KH,KW).
func (p *planar[T]) unpack(dst, dw []T) {
	taps := p.C * p.KH * p.KW
	for t := range taps {
		for f := range p.F {
			dst[f*taps+t] = plane.Total(dw[(t*p.F+f)*plane.Lanes:][:plane.Lanes])
		}
	}
}

// bytes is the memory that it keeps besides the scratches.
func (p *planar[T]) bytes() int { return cpu.BytesOf(p.w, p.shift) }
