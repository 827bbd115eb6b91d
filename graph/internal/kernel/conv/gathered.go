package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// gathered is the winograd engine for filters that are larger than a processor's
// cache. Image by image they would be read again and again, and a sum of their
// gradient for each chunk of images takes more memory than all else. So it gathers
// the tiles of a round of images, and multiplies them together:
//
//	x ──▶ V[q] (tiles, C)               image by image
//	M[q] = V[q]·U[q]  (tiles, width)    by elements q of a tile and panels of filters
//	M[q] ──▶ z                          image by image
//
// and back, with M[q] of dz:
//
//	x ──▶ V[q],  dz ──▶ M[q]            image by image
//	dU[q] += V[q]ᵀ·M[q]                 by elements q
//	V[q] = M[q]·U[q]ᵀ                   likewise
//	V[q] ──▶ dx                         image by image
//
// Each of these steps is shared out over the processors. dU is one sum over all
// images, in their order, whatever the number of threads.
//
// Memory of a round, all of it the engine's: element q of tile t of image n lies at
//
//	v[q·ofV + (n·perImage + t)·C]      m[q·ofM + (n·perImage + t)·width]
//
// so that each product reads and writes one contiguous matrix, and goroutines that gather
// different images write to different rows.
type gathered[T cpu.Float] struct {
	winograd[T]
	least    int // gatheredWeights
	most     int // elements of v and m, about: gatheredElements
	images   int // of a round at most
	count    int // images of the round at work
	ofV, ofM int
	v, m     []T

	dw         []T  // the sum dU, empty if it is not wanted
	accumulate bool // dw has the sum of earlier rounds
	wantDX     bool

	multiply, back func(lo, hi int) // methods, for Parallel: made once
}

const (
	// gatheredWeights is the number of transformed weights from which on tiles
	// are gathered: two megabytes of float32, as much as a core's cache. Images of
	// at most smallImage tiles leave a product with so few rows that half of it is enough.
	gatheredWeights = 1 << 19
	smallImage      = 8
	// gatheredElements is the number of elements of V and M in a round, about.
	gatheredElements = 1 << 23
)

func newGathered[T cpu.Float]() *gathered[T] {
	e := &gathered[T]{least: gatheredWeights, most: gatheredElements}
	e.multiply, e.back = e.multiplyPanels, e.multiplyBack
	return e
}

// prepare takes the convolutions that winograd takes, if their filters are large.
func (e *gathered[T]) prepare(s Shape, w []T) bool {
	t, ok := s.winogradTiling()
	if !ok {
		return false
	}
	least := e.least
	if t.tiles(s.OH)*t.tiles(s.OW) <= smallImage {
		least /= 2
	}
	if t.area()*s.C*pixel.Width(s.F) < least || !e.winograd.prepare(s, w) {
		return false
	}
	perImage := e.area() * e.perImage() * (e.C + e.width)
	// As few rounds as the memory allows, then about as many images to each.
	rounds := min((s.N*perImage+e.most-1)/e.most, s.N)
	e.images = (s.N + rounds - 1) / rounds
	e.ofV, e.ofM = matrixOf(e.images*e.perImage(), e.C), matrixOf(e.images*e.perImage(), e.width)
	return true
}

func (e *gathered[T]) round() int { return e.images }

// begin makes room for the next round.
//
// The memory only grows: the last round may have fewer images, and uses the first rows.
func (e *gathered[T]) begin(images int) {
	e.count = images
	cpu.AtLeast(&e.v, e.area()*e.ofV)
	cpu.AtLeast(&e.m, e.area()*e.ofM)
}

// ofImage and ofGradient are where row r of the tiles of image s.at lies.
func (e *gathered[T]) ofImage(s *convScratch[T], r int) []T {
	return e.v[(s.at*e.perImage()+r*e.tileCols())*e.C:]
}
func (e *gathered[T]) ofGradient(s *convScratch[T], r int) []T {
	return e.m[(s.at*e.perImage()+r*e.tileCols())*e.width:]
}

// gatherImage transforms the image to tiles.
func (e *gathered[T]) gatherImage(s *convScratch[T]) {
	for r := range e.tileRows() {
		e.imageTiles(e.ofImage(s, r), s.image, r, e.ofV)
	}
}

// gatherGradient transforms s.dz to tiles.
func (e *gathered[T]) gatherGradient(s *convScratch[T]) {
	for r := range e.tileRows() {
		e.gradientTiles(e.ofGradient(s, r), s.dz, r, e.ofM)
	}
}

// products multiplies the tiles of the round with the filters.
func (e *gathered[T]) products() { cpu.Parallel(e.area()*e.forward.panels(), e.multiply) }

// multiplyPanels computes the products [lo,hi), one for each element and panel.
//
// Panels of one element follow each other, so that a goroutine reads its V[q] again while
// it is in the cache. Each product is a whole sum: who computes it leaves the bits.
func (e *gathered[T]) multiplyPanels(lo, hi int) {
	panels := e.forward.panels()
	for i := lo; i < hi; i++ {
		q := i / panels
		e.forward.multiplyPanel(e.m[q*e.ofM:], e.v[q*e.ofV:], q, i%panels, e.count*e.perImage())
	}
}

// convolve transforms the products of image s.at to the rows [lo,hi) of y.
func (e *gathered[T]) convolve(y []T, s *convScratch[T], lo, hi int) {
	for top := lo; top < hi; top += e.out {
		e.finish(y[(top-lo)*e.OW*e.width:], e.ofGradient(s, top/e.out), e.ofM, min(e.out, hi-top))
	}
}

// gradients computes the products of a round of Backward: the sum dw, unless it is
// empty, and the tiles of the images' gradients if they are wanted.
func (e *gathered[T]) gradients(dw []T, accumulate, wantDX bool) {
	e.dw, e.accumulate, e.wantDX = dw, accumulate, wantDX
	cpu.Parallel(e.area(), e.back)
	e.dw = nil
}

// multiplyBack computes these products for the elements [lo,hi) of a tile.
//
// The order of the two products matters: the first one reads V[q], the tiles of the images,
// which the second one overwrites with their gradients. Elements share nothing, so that
// the goroutines need not wait for each other.
func (e *gathered[T]) multiplyBack(lo, hi int) {
	n := e.count * e.perImage()
	for q := lo; q < hi; q++ {
		v, m := e.v[q*e.ofV:], e.m[q*e.ofM:]
		if len(e.dw) > 0 {
			gemm.Gemm(true, false, e.C, e.width, n, v, e.C, m, e.width, e.accumulate, e.dw[q*e.C*e.width:], e.width)
		}
		if !e.wantDX { // nor are there any filters to go back by
			continue
		}
		for p := range e.winograd.back.panels() {
			e.winograd.back.multiplyPanel(v, m, q, p, n)
		}
	}
}

// inputGradient adds up the gradients of the tiles of image s.at, which overlap.
func (e *gathered[T]) inputGradient(_ []T, s *convScratch[T]) frame[T] {
	// Tiles overlap by side-out pixels: they are added one row of tiles after the other, in
	// the scratch of the goroutine that has the image.
	sum := e.image().over(s.dx)
	s.dx = sum.data
	clear(sum.data)
	for r := range e.tileRows() {
		pixel.WinogradSpread(e.side, e.tileCols(), e.C, sum.data[e.out*r*sum.row:], e.ofImage(s, r), e.out*e.C, sum.row, e.ofV)
	}
	return sum
}

func (e *gathered[T]) memory() (v, m *[]T) { return &e.v, &e.m }
func (e *gathered[T]) extent() (v, m int)  { return e.area() * e.ofV, e.area() * e.ofM }

// plans is not that of the embedded engine: the tiles are not the goroutines'.
func (e *gathered[T]) plans() (each int) { return 0 }

// bytes counts the gathered tiles too.
func (e *gathered[T]) bytes() int { return e.winograd.bytes() + cpu.BytesOf(e.v, e.m) }
