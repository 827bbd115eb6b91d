package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// patched is the engine for filters with many weights that winograd does not take:
// those with strides, and of one pixel. It copies what each output pixel sees into a
// row of a matrix, and multiplies the rows of many images together (im2col,
// Chellapilla et al. 2006):
//
//	V (pixels, KH·KW·C)  the patches of a round of images, channels last
//	M = V·Wᵀ             forward: the convolution (pixels, width)
//	dW += Mᵀ·V           back, with dz in M
//	V = M·W              likewise; patches overlap, and are added up in dx
//
// Against direct it reads and writes filters, and the sum of their gradient, once
// for many images, and rows of images need not be long to fill its tiles.
//
// A row of V has the rows of the filter one behind the other, and each of them is one
// contiguous piece of the image, so that a patch is KH copies:
//
//	V of pixel (i,j)   │ u=0: KW·C │ u=1: KW·C │ …        depth elements
//	                   ▲ row i·StrideH+u of the image, from pixel j·StrideW on
type patched[T cpu.Float] struct {
	Shape
	width int // channels of an output pixel
	depth int // of a patch
	w     []T // filters (F, KH, KW, C)

	always   bool // also where patches do not pay
	most     int  // elements of v and m, about: gatheredElements
	images   int  // of a round at most
	count    int  // in the round at work
	v, m     []T  // (pixels, depth) and (pixels, width)
	from     []T  // while filters are reordered
	reorder  func(lo, hi int)
	restored []T // while a gradient goes the way back
	restore  func(lo, hi int)
}

// patches reports whether patches pay: there are many weights, and they outnumber the
// elements of an image's patches.
//
// Channels are whole blocks of eight, since pixel.AddPatches adds no less.
func (s Shape) patches() bool {
	const weights = 1 << 16
	return s.Groups == 1 && s.DilationH == 1 && s.DilationW == 1 && s.C%8 == 0 && s.PadTop < s.KH && s.PadLeft < s.KW &&
		s.Weights() >= weights && s.pixels() <= s.F
}

func newPatched[T cpu.Float]() *patched[T] {
	e := &patched[T]{most: gatheredElements}
	e.reorder, e.restore = e.reorderFilters, e.restoreFilters
	return e
}

// prepare turns the filters channels last.
func (e *patched[T]) prepare(s Shape, w []T) bool {
	if !e.always && !s.patches() {
		return false
	}
	e.Shape, e.width, e.depth = s, pixel.Width(s.F), s.patch()
	// As few rounds as the memory allows, then about as many images to each.
	rounds := min((s.N*s.pixels()*(e.depth+e.width)+e.most-1)/e.most, s.N)
	e.images = (s.N + rounds - 1) / rounds
	e.w = cpu.Sized(e.w, s.Weights())
	if w != nil {
		e.from = w
		cpu.Parallel(e.F, e.reorder)
		e.from = nil
	}
	return true
}

// reorderFilters turns the filters [lo,hi) channels last.
func (e *patched[T]) reorderFilters(lo, hi int) {
	for f := lo; f < hi; f++ {
		gemm.TransposeInto(e.w[f*e.depth:], e.C, e.from[f*e.depth:], e.KH*e.KW, e.C, e.KH*e.KW)
	}
}

// prepareBack has nothing to do: both ways take the same filters.
func (e *patched[T]) prepareBack([]T) {}

// image has its padding around it, and pixels beyond those that filters see.
func (e *patched[T]) image() frame[T] {
	bottom, right := (e.OH-1)*e.StrideH+e.KH-e.PadTop-e.H, (e.OW-1)*e.StrideW+e.KW-e.PadLeft-e.W
	return frameOf[T](e.H, e.W, e.C, pixel.Border{Top: e.PadTop, Bottom: max(bottom, 0), Left: e.PadLeft, Right: max(right, 0)})
}

// frame is dz without a border.
func (e *patched[T]) frame(f frame[T]) frame[T] {
	return frameOf[T](e.OH, e.OW, e.width, pixel.Border{}).over(f.data)
}

func (e *patched[T]) round() int { return e.images }

func (e *patched[T]) memory() (v, m *[]T) { return &e.v, &e.m }
func (e *patched[T]) extent() (v, m int) {
	return e.images * e.pixels() * e.depth, e.images * e.pixels() * e.width
}

// begin makes room. The memory only grows, and holds V and M until the next round: also
// what inputGradient hands out of a 1×1 convolution.
func (e *patched[T]) begin(images int) {
	e.count = images
	cpu.AtLeast(&e.v, images*e.pixels()*e.depth)
	cpu.AtLeast(&e.m, images*e.pixels()*e.width)
}

// gatherImage copies the image's patches.
func (e *patched[T]) gatherImage(s *convScratch[T]) {
	part := e.KW * e.C
	// All pixels of a row take their pieces of one row of the image before the next is
	// read: pieces overlap, and most of each is in the first cache by then.
	for i := range e.OH {
		to := e.v[(s.at*e.pixels()+i*e.OW)*e.depth:]
		for u := range e.KH {
			row := s.image.data[(i*e.StrideH+u)*s.image.row:]
			for j := range e.OW {
				copy(to[j*e.depth+u*part:][:part], row[j*e.StrideW*e.C:])
			}
		}
	}
}

// gatherGradient copies dz.
func (e *patched[T]) gatherGradient(s *convScratch[T]) {
	for i := range e.OH {
		copy(e.m[(s.at*e.pixels()+i*e.OW)*e.width:], s.dz.pixels(i, e.OW))
	}
}

// products sets the first F channels of the pixels of M. The other channels are arbitrary:
// convolve clears them in its result.
func (e *patched[T]) products() {
	gemm.GemmParallel(false, true, e.count*e.pixels(), e.F, e.depth, e.v, e.depth, e.w, e.depth, false, e.m, e.width)
}

// convolve copies the pixels of the rows [lo,hi) of image s.at. What is beyond F in a
// pixel becomes zero.
func (e *patched[T]) convolve(y []T, s *convScratch[T], lo, hi int) {
	copyPixels(y, e.width, e.m[(s.at*e.pixels()+lo*e.OW)*e.width:], e.width, e.F, (hi-lo)*e.OW)
	if e.F == e.width {
		return
	}
	for i := range (hi - lo) * e.OW {
		clear(y[i*e.width+e.F : (i+1)*e.width])
	}
}

// gradients reads V for dW before V = M·W overwrites it. dW is one sum over the pixels of a
// round; of M's pixels the first F channels count.
func (e *patched[T]) gradients(dw []T, accumulate, wantDX bool) {
	n := e.count * e.pixels()
	if len(dw) > 0 {
		gemm.GemmParallel(true, false, e.F, e.depth, n, e.m, e.width, e.v, e.depth, accumulate, dw, e.depth)
	}
	if wantDX {
		gemm.GemmParallel(false, false, n, e.depth, e.F, e.m, e.width, e.w, e.depth, false, e.v, e.depth)
	}
}

// inputGradient adds up the patches' gradients of image s.at. Those of one pixel
// that see each pixel once are the image's.
//
// Patches are added row by row of the output, by the goroutine that has the image: in the
// same order at each run. With strides some pixels are in no patch and stay zero.
func (e *patched[T]) inputGradient(_ []T, s *convScratch[T]) frame[T] {
	patches := e.v[s.at*e.pixels()*e.depth:]
	if e.pointwise() {
		f := frameOf[T](e.H, e.W, e.C, pixel.Border{})
		f.data = patches
		return f
	}
	sum := e.image().over(s.dx)
	s.dx = sum.data
	clear(sum.data)
	for i := range e.OH {
		pixel.AddPatches(sum.data[i*e.StrideH*sum.row:], patches[i*e.OW*e.depth:], e.OW, e.KH, e.KW*e.C, e.StrideW*e.C, sum.row)
	}
	return sum
}

// weights counts a gradient as (F, KH, KW, C).
func (e *patched[T]) weights() int { return e.Weights() }

// unpack turns it to (F, C, KH, KW).
func (e *patched[T]) unpack(dst, dw []T) {
	e.restored, e.from = dst, dw
	cpu.Parallel(e.F, e.restore)
	e.restored, e.from = nil, nil
}

func (e *patched[T]) restoreFilters(lo, hi int) {
	for f := lo; f < hi; f++ {
		gemm.TransposeInto(e.restored[f*e.depth:], e.KH*e.KW, e.from[f*e.depth:], e.C, e.KH*e.KW, e.C)
	}
}

// filterGradient is not called: gradients has all images'.
func (e *patched[T]) filterGradient([]T, *convScratch[T], bool, bool) {}

// bytes counts the filters and what is gathered.
func (e *patched[T]) bytes() int { return cpu.BytesOf(e.w, e.v, e.m) }
