package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// winograd is the engine for 3×3 and 5×5 filters without strides that has less
// to multiply: the convolutions of Lavin and Gray 2015, "Fast Algorithms for
// Convolutional Neural Networks". It goes through tiles of side×side pixels of
// the image, which overlap; a tile gives out×out pixels of the output.
//
//	image ──WinogradImage──▶ V[q]   (tiles, C)        for each of side·side elements q
//	filters ─WinogradEvaluate▶ U[q] (C, width)
//	M[q] = V[q] · U[q]              (tiles, width)    matrix products
//	output ◀─WinogradCombine── M[q]
//
// The gradient of the image takes the same way back, with U[q] transposed:
// WinogradEvaluate on dy, the products, WinogradSpread. The gradient of the
// filters is V[q]ᵀ · M[q] with M[q] of dy, then WinogradCombine. See
// pixel/winograd_line.go for the mathematics.
type winograd[T cpu.Float] struct {
	Shape
	tiling
	width         int                // channels of an output pixel
	forward, back winogradFilters[T] // from C to width, and from width to C
	gradients     []T                // of the filters, channels last

	unpacked, sums []T // while unpack is at work
	unpackSome     func(lo, hi int)
}

// tiling is one of Winograd's convolutions F(out×out, k×k), with tiles of
// side×side pixels, where k = side+1-out.
type tiling struct{ side, out int }

// area is the number of elements of a tile.
func (t tiling) area() int { return t.side * t.side }

// cost is about what an image costs: the products, and the reading of the
// transformed filters, which takes as long as the products of three tiles.
func (t tiling) cost(s Shape) int { return t.area() * (t.tiles(s.OH)*t.tiles(s.OW) + 3) }

// tiles is the number of tiles along n pixels of the output.
func (t tiling) tiles(n int) int { return (n + t.out - 1) / t.out }

// winogradTiling returns the fastest tiling for a convolution. It reports false
// for other filters or strides, and for so few channels and pixels that the
// transformations do not pay: the pixels of the whole batch count, since the
// filters are transformed once for all images. The shape alone decides, as the
// choice changes bits.
//
// In float32 F(4×4,3×3) is off by up to 8e-6 of the largest output with 128
// channels and 1.3e-5 with 256, against 4e-7 of F(2×2,3×3) with 128: so
// F(2×2,3×3) serves more than 256 channels.
func (s Shape) winogradTiling() (t tiling, ok bool) {
	const channels, pixels, accurate = 16, 512, 256
	large := tiling{6, 4}
	switch {
	case s.KH != s.KW:
	case s.KH == 5:
		t = tiling{6, 2}
	case s.KH == 3:
		if t = (tiling{4, 2}); max(s.C, s.F) <= accurate && large.cost(s) < t.cost(s) {
			t = large
		}
	}
	return t, t.side > 0 && s.StrideH == 1 && s.StrideW == 1 && s.DilationH == 1 && s.DilationW == 1 && s.Groups == 1 &&
		s.C%8 == 0 && min(s.C, s.F) >= channels && s.N*s.OH*s.OW >= pixels
}

// prepare chooses the tiling and transforms the filters.
func (e *winograd[T]) prepare(s Shape, w []T) bool {
	t, ok := s.winogradTiling()
	if !ok {
		return false
	}
	e.Shape, e.tiling, e.width = s, t, pixel.Width(s.F)
	if !e.forward.set(t, e.C, e.width) {
		return false
	}
	if w == nil {
		return true
	}
	e.forward.transform(w, e.C, e.KH*e.KW, e.F, e.patch())
	return true
}

// prepareBack transforms the filters again, with channels and filters in each
// other's place: from the output's width to C.
func (e *winograd[T]) prepareBack(w []T) {
	e.back.set(e.tiling, e.width, e.C)
	e.back.transform(w, e.F, e.patch(), e.C, e.KH*e.KW)
}

// tileRows and tileCols are the numbers of rows and columns of tiles that cover
// the output.
func (e *winograd[T]) tileRows() int { return e.tiling.tiles(e.OH) }
func (e *winograd[T]) tileCols() int { return e.tiling.tiles(e.OW) }

// image has the padding as its border, and on the right and below as many zeros as
// make all tiles whole.
func (e *winograd[T]) image() frame[T] {
	h, w := e.out*e.tileRows()+e.KH-1, e.out*e.tileCols()+e.KW-1
	return frameOf[T](e.H, e.W, e.C, pixel.Border{
		Top: e.PadTop, Bottom: max(h-e.PadTop-e.H, 0), Left: e.PadLeft, Right: max(w-e.PadLeft-e.W, 0),
	})
}

// frame has a border on the right and below that makes all tiles of the output
// whole.
func (e *winograd[T]) frame(f frame[T]) frame[T] {
	return frameOf[T](e.OH, e.OW, e.width, pixel.Border{Bottom: e.out*e.tileRows() - e.OH, Right: e.out*e.tileCols() - e.OW}).over(f.data)
}

// imageTiles transforms row r of the tiles of an image. q is the distance of
// the matrices in v.
func (e *winograd[T]) imageTiles(v []T, image frame[T], r, q int) {
	pixel.WinogradImage(e.side, e.tileCols(), e.C, v, image.data[e.out*r*image.row:], e.out*e.C, image.row, q)
}

// gradientTiles transforms row r of the tiles of the output's gradient. q is
// the distance of the matrices in m.
func (e *winograd[T]) gradientTiles(m []T, dy frame[T], r, q int) {
	pixel.WinogradEvaluate(e.side, e.out, e.tileCols(), e.width, m, dy.data[dy.first+e.out*r*dy.row:], e.out*e.width, dy.row, q)
}

// strip is the number of rows of tiles that are worked on at a time: as many as
// have up to 48 tiles, or one. So the products have a few rows of tiles of the
// matrix product, and the cache holds their operands.
func (e *winograd[T]) strip() int { return max(1, 48/e.tileCols()) }

// strips calls do for strips of the rows of tiles [lo,hi). It hands it memory
// for the strip's tiles: v for the image's, m for the output's, and how far
// their matrices are apart.
func (e *winograd[T]) strips(s *convScratch[T], lo, hi int, do func(first, rows int, v, m []T, ofV, ofM int)) {
	for r := lo; r < hi; r += e.strip() {
		rows := min(e.strip(), hi-r)
		ofV, ofM := matrixOf(rows*e.tileCols(), e.C), matrixOf(rows*e.tileCols(), e.width)
		do(r, rows, cpu.AtLeast(&s.v, e.area()*ofV), cpu.AtLeast(&s.m, e.area()*ofM), ofV, ofM)
	}
}

// convolve transforms a strip of tiles, multiplies them with the filters and
// transforms the products to pixels.
func (e *winograd[T]) convolve(y []T, s *convScratch[T], lo, hi int) {
	image := s.image
	e.strips(s, lo/e.out, (hi+e.out-1)/e.out, func(first, rows int, v, m []T, ofV, ofM int) {
		for i := range rows {
			e.imageTiles(v[i*e.tileCols()*e.C:], image, first+i, ofV)
		}
		e.forward.multiply(m, v, ofM, ofV, rows*e.tileCols())
		for i := range rows {
			top := e.out * (first + i)
			e.finish(y[(top-lo)*e.OW*e.width:], m[i*e.tileCols()*e.width:], ofM, min(e.out, hi-top))
		}
	})
}

// perImage is the number of tiles of an image.
func (e *winograd[T]) perImage() int { return e.tileRows() * e.tileCols() }

// together is the number of images whose tiles are as many as those of a strip: at least
// one.
func (e *winograd[T]) together() int { return max(1, 48/e.perImage()) }

// convolveImages is convolve for some whole small images: a product has the tiles of all
// of them as its rows, and the filters are read once. take makes image i s.image, and y is
// where its output goes.
func (e *winograd[T]) convolveImages(s *convScratch[T], images int, take func(i int), y func(i int) []T) {
	n, cols := images*e.perImage(), e.tileCols()
	ofV, ofM := matrixOf(n, e.C), matrixOf(n, e.width)
	v, m := cpu.AtLeast(&s.v, e.area()*ofV), cpu.AtLeast(&s.m, e.area()*ofM)
	for i := range images {
		take(i)
		for r := range e.tileRows() {
			e.imageTiles(v[(i*e.perImage()+r*cols)*e.C:], s.image, r, ofV)
		}
	}
	e.forward.multiply(m, v, ofM, ofV, n)
	for i := range images {
		to := y(i)
		for r := range e.tileRows() {
			e.finish(to[e.out*r*e.OW*e.width:], m[(i*e.perImage()+r*cols)*e.width:], ofM, min(e.out, e.OH-e.out*r))
		}
	}
}

// finish transforms a row of tiles to rows of pixels of y, of which rows are
// wanted. If OW is no multiple of out, the last tile has pixels too many; they
// are left out.
func (e *winograd[T]) finish(y, m []T, q, rows int) {
	step, row := e.out*e.width, e.OW*e.width
	whole, rest := e.OW/e.out, e.OW%e.out
	if whole > 0 {
		pixel.WinogradCombine(e.side, e.out, whole, e.width, y, m, step, row, q, rows, e.out)
	}
	if rest > 0 {
		pixel.WinogradCombine(e.side, e.out, 1, e.width, y[whole*step:], m[whole*e.width:], step, row, q, rows, rest)
	}
}

// plans counts a strip of tiles, for each goroutine.
func (e *winograd[T]) plans() (each int) {
	n := min(e.strip(), e.tileRows()) * e.tileCols()
	return e.area() * (matrixOf(n, e.C) + matrixOf(n, e.width))
}

// bytes counts the transformed filters, those on the way to it and the
// gradients.
func (e *winograd[T]) bytes() int {
	return e.forward.bytes() + e.back.bytes() + cpu.BytesOf(e.gradients)
}
