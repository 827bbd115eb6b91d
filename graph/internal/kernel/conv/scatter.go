package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// scatter computes an image's gradient without a second convolution: one matrix
// product gives, for each output pixel, the gradient of the patch that it saw;
// patches overlap and are summed in place.
//
//	patches (OW, KH·depth) = dy (OW, width) · w (width, KH·depth)     for each output row
//	image[i·StrideH+u, j·StrideW+v, c] += patches[j, u, v·C+c]
//
// Unlike a convolution with turned filters (see inputShape) it takes strides
// and any padding, and with few channels it has less to do. Images are channels
// last.
//
// Grey images under small filters go by planes: a patch is the filter's weights one behind
// the other, without gaps, and the patches of all output pixels become a plane for each
// weight, which is added to the image as a whole, further along by u rows and v pixels.
type scatter[T cpu.Float] struct {
	Shape
	w     []T // filters as (F,KH,depth), or (F,depth) by planes
	depth int // of a filter's row, KW*C, or by planes of the filter, rounded up to eight
	width int // channels of an output pixel
}

// byPlanes reports whether the image is grey, and the filters are small. With strides
// neighbours in a plane are none in the image.
func (s Shape) byPlanes() bool {
	return s.C == 1 && s.StrideH == 1 && s.StrideW == 1 && s.KH*s.KW <= 32
}

// pack takes up the filters w (F,C,KH,KW) and stores them as (F,KH,depth). The
// weights between KW·C and depth stay zero.
func (s *scatter[T]) pack(shape Shape, w []T) {
	s.Shape, s.width, s.depth = shape, pixel.Width(shape.F), pixel.Width(shape.KW*shape.C)
	if s.byPlanes() {
		s.depth = pixel.Width(shape.KH * shape.KW)
		s.w = cpu.Sized(s.w, s.width*s.depth)
		for f := range s.F {
			copy(s.w[f*s.depth:], w[f*s.patch():][:s.patch()])
		}
		return
	}
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
func (s *scatter[T]) patchSize() int {
	if s.byPlanes() {
		return s.depth
	}
	return s.KH * s.depth
}

// row is the number of elements from one padded row to the next: left padding,
// pixels, and whatever filters reach beyond them on the right.
func (s *scatter[T]) row() int { return max((s.OW-1)*s.StrideW+s.KW, s.PadLeft+s.W) * s.C }

// size is the number of elements of the padded image. The last patch ends
// depth-KW·C elements behind it, where it adds zeros: so there is room for
// depth more.
func (s *scatter[T]) size() int {
	return max((s.OH-1)*s.StrideH+s.KH, s.PadTop+s.H)*s.row() + s.depth
}

// together is the number of rows of the output that are multiplied together: several
// where they are short, as tiles of a few rows are slow.
func (s *scatter[T]) together() int { return min(max(12/s.OW, 1), s.OH) }

// patchesSize is the number of elements of their patches; by planes that of all patches
// and all planes.
func (s *scatter[T]) patchesSize() int {
	if s.byPlanes() {
		return s.OH * s.row() * (s.depth + s.KH*s.KW)
	}
	return s.together() * s.OW * s.patchSize()
}

// gradient returns the gradient of the image, in padded, given the gradient dy of
// the output, which has no border. patches, of patchesSize elements, and padded, of size
// elements, are memory to work in. Each row is added by itself, in their order.
func (s *scatter[T]) gradient(dy frame[T], patches, padded []T) frame[T] {
	clear(padded)
	if s.byPlanes() {
		s.addPlanes(dy, patches, padded)
	} else {
		s.addPatches(dy, patches, padded)
	}
	return frame[T]{data: padded, first: s.PadTop*s.row() + s.PadLeft*s.C, row: s.row(), width: s.C, rows: s.H, cols: s.W}
}

func (s *scatter[T]) addPatches(dy frame[T], patches, padded []T) {
	for first := 0; first < s.OH; first += s.together() {
		rows := min(s.together(), s.OH-first)
		s.multiply(patches, dy.data[dy.first+first*dy.row:], rows*s.OW)
		for i := range rows {
			pixel.AddPatches(padded[(first+i)*s.StrideH*s.row():], patches[i*s.OW*s.patchSize():], s.OW, s.KH, s.depth, s.StrideW*s.C, s.row())
		}
	}
}

// addPlanes has rows of patches as long as the padded image's, with zeros behind OW.
func (s *scatter[T]) addPlanes(dy frame[T], patches, padded []T) {
	row, taps := s.row(), s.KH*s.KW
	pixels := s.OH * row
	patches, planes := patches[:pixels*s.depth], patches[pixels*s.depth:]
	for i := range s.OH {
		line := patches[i*row*s.depth:][:row*s.depth]
		s.multiply(line, dy.data[dy.first+i*dy.row:], s.OW)
		clear(line[s.OW*s.depth:])
	}
	pixel.ToPlanes(planes, pixels, patches, s.depth, taps, pixels)
	for t := range taps {
		last := pixels - row + s.OW
		vector.Add(padded[t/s.KW*row+t%s.KW:][:last], planes[t*pixels:][:last])
	}
}

// multiply computes the patches of some output pixels: tile by tile, as they are too
// small a matrix for a product of its own. Tiles are as wide as they fit.
func (s *scatter[T]) multiply(patches, dy []T, pixels int) {
	const widest = 32
	k := s.patchSize()
	for j := 0; j < k; {
		n := min(widest, k-j)
		t := gemm.WholeTiles[T](n)
		parts := (pixels + len(t.Rows) - 1) / len(t.Rows)
		for end := j + n; j < end; j += t.Cols {
			for q := range parts {
				first, last := pixels*q/parts, pixels*(q+1)/parts
				t.Rows[last-first-1](s.width, 1, dy[first*s.width:], s.width, 1, 0, s.w[j:], k, 0, patches[first*k+j:], k, false)
			}
		}
	}
}

// scatters reports whether scatter has less to do than the convolution back.
// Both multiply and add; scatter also stores what it multiplied and adds it up,
// which counts like eight more filters. A convolution back to at most eight
// channels waits for memory half of the time, so that its work counts twice.
func (s Shape) scatters(back Shape) bool {
	work := back.OH * back.OW * pixel.Width(back.F) * back.C
	if back.F <= 8 {
		work *= 2
	}
	return s.OH*s.OW*s.C*(s.F+8) < work
}
