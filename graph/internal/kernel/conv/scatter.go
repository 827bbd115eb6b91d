package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// scatter is the other way to the gradient of an image: what each output pixel
// gives to the patch that it saw, from one matrix product, is added up where the
// patch lies. Images are channels last. Unlike a convolution with flipped filters
// (see inputShape) it knows strides and any padding, and with few channels it
// has less to do.
type scatter[T cpu.Float] struct {
	Shape
	w     []T // filters as (F,KH,depth)
	depth int // of a filter's row, KW*C, rounded up to eight
	width int // channels of an output pixel
}

// pack takes up the filters w (F,C,KH,KW).
func (s *scatter[T]) pack(shape Shape, w []T) {
	s.Shape, s.width, s.depth = shape, pixel.Width(shape.F), pixel.Width(shape.KW*shape.C)
	s.w = cpu.Sized(s.w, s.width*s.patchSize())
	for f := range s.F {
		from, to := w[f*s.patch():], s.w[f*s.patchSize():]
		for c := range s.C {
			for u := range s.KH {
				for v := range s.KW {
					to[u*s.depth+v*s.C+c] = from[(c*s.KH+u)*s.KW+v]
				}
			}
		}
	}
}

// patchSize is the number of elements of a pixel's patch.
func (s *scatter[T]) patchSize() int { return s.KH * s.depth }

// row is the distance of the image's rows, with the padding in front of them and
// as far behind as filters see or the image reaches itself. size is that of all,
// with room for a patch's last elements, which are zero.
func (s *scatter[T]) row() int { return max((s.OW-1)*s.StrideW+s.KW, s.PadLeft+s.W) * s.C }
func (s *scatter[T]) size() int {
	return max((s.OH-1)*s.StrideH+s.KH, s.PadTop+s.H)*s.row() + s.depth
}

// gradient sets the planes dx (C,H,W) from the gradient dy of the output.
// patches, of OW*patchSize elements, and padded are memory to work in.
func (s *scatter[T]) gradient(dx []T, dy frame[T], patches, padded []T) {
	clear(padded)
	k := s.patchSize()
	for i := range s.OH {
		gemm.Gemm(false, false, s.OW, k, s.width, dy.data[dy.first+i*dy.row:], s.width, s.w, k, false, patches, k)
		pixel.AddPatches(padded[i*s.StrideH*s.row():], patches, s.OW, s.KH, s.depth, s.StrideW*s.C, s.row())
	}
	for h := range s.H {
		at := (h+s.PadTop)*s.row() + s.PadLeft*s.C
		gemm.TransposeInto(dx[h*s.W:], s.H*s.W, padded[at:], s.C, s.W, s.C)
	}
}

// scatters reports whether scatter has less to do than the convolution back:
// both multiply and add, and what scatter multiplies it stores and adds as well.
// A convolution to eight channels waits for memory half of the time.
func (s Shape) scatters(back Shape) bool {
	work := back.OH * back.OW * pixel.Width(back.F) * back.C
	if back.F <= 8 {
		work *= 2
	}
	return s.OH*s.OW*s.C*(s.F+8) < work
}
