package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// The way back of the engine winograd.

// inputGradient goes the way of convolve in the other direction. Tiles of the
// image overlap, and their gradients are added up.
func (e *winograd[T]) inputGradient(_ []T, s *convScratch[T]) frame[T] {
	sum := e.image().over(s.dx)
	s.dx = sum.data
	clear(sum.data)
	e.strips(s, 0, e.tileRows(), func(first, rows int, v, m []T, ofV, ofM int) {
		for i := range rows {
			e.gradientTiles(m[i*e.tileCols()*e.width:], s.dz, first+i, ofM)
		}
		e.back.multiply(v, m, ofV, ofM, rows*e.tileCols())
		for i := range rows {
			pixel.WinogradSpread(e.side, e.tileCols(), e.C, sum.data[e.out*(first+i)*sum.row:], v[i*e.tileCols()*e.C:], e.out*e.C, sum.row, ofV)
		}
	})
	return sum
}

// weights counts a gradient of the filters as [side·side][C][width],
// transformed.
func (e *winograd[T]) weights() int { return e.area() * e.C * e.width }

// collected is how many tiles at least, also of several images, are collected
// before they are multiplied for the gradient of the filters: the products'
// sums go over tiles, and short sums are slow.
func (e *winograd[T]) collected() int { return max(128, e.tileCols()) }

// filterGradient collects the transformed tiles of the image in s.dv and those
// of the output's gradient in s.dm. It multiplies them when there are enough,
// and after the last image. dw stays transformed; unpack transforms the sums.
func (e *winograd[T]) filterGradient(dw []T, s *convScratch[T], first, last bool) {
	e.collect(dw, s, first, last, nil)
}

// bothGradients is filterGradient and inputGradient at once, from the same tiles of the
// output's gradient: these are transformed once, and the products of small images have the
// rows of several. The order of each sum is that of the two.
func (e *winograd[T]) bothGradients(dw []T, s *convScratch[T], n int, first, last bool, to gradientTaker[T]) {
	if first {
		s.complete, s.spread = n, 0
		s.dx = e.image().over(s.dx).data
	}
	e.collect(dw, s, first, last, to)
}

// collect collects an image. With to, it spreads what it has multiplied.
func (e *winograd[T]) collect(dw []T, s *convScratch[T], first, last bool, to gradientTaker[T]) {
	if first {
		s.tiles, s.summed = 0, false
	}
	room, cols := e.collected(), e.tileCols()
	ofV, ofM := matrixOf(room, e.C), matrixOf(room, e.width)
	s.dv, s.dm = cpu.Sized(s.dv, e.area()*ofV), cpu.Sized(s.dm, e.area()*ofM)
	image := s.image
	for r := range e.tileRows() {
		if s.tiles+cols > room {
			e.multiplyCollected(dw, s, to)
		}
		e.imageTiles(s.dv[s.tiles*e.C:], image, r, ofV)
		e.gradientTiles(s.dm[s.tiles*e.width:], s.dz, r, ofM)
		s.tiles += cols
	}
	if last {
		e.multiplyCollected(dw, s, to)
	}
}

// multiplyCollected adds the products of the collected tiles, V[q]ᵀ·M[q] for
// each element q of a tile, to dw. The first time it overwrites dw. With to, the tiles of
// the images' gradients, M[q]·U[q]ᵀ, take the place of V[q].
func (e *winograd[T]) multiplyCollected(dw []T, s *convScratch[T], to gradientTaker[T]) {
	ofV, ofM := matrixOf(e.collected(), e.C), matrixOf(e.collected(), e.width)
	for q := range e.area() {
		v, m := s.dv[q*ofV:], s.dm[q*ofM:]
		e.multiplyGradient(dw[q*e.C*e.width:], v, m, s.tiles, s.summed)
		if to == nil {
			continue
		}
		for p := range e.back.panels() {
			e.back.multiplyPanel(v, m, q, p, s.tiles)
		}
	}
	if to != nil {
		e.spread(s, ofV, to)
	}
	s.tiles, s.summed = 0, true
}

// multiplyGradient sets dw (C,width) to the product of the first tiles, vᵀ·m, or adds it.
func (e *winograd[T]) multiplyGradient(dw, v, m []T, n int, add bool) {
	tiles := e.forward.tiles
	parts := (e.C + len(tiles.Rows) - 1) / len(tiles.Rows)
	for f := 0; f < e.width; f += tiles.Cols {
		for p := range parts {
			first, last := e.C*p/parts, e.C*(p+1)/parts
			tiles.Rows[last-first-1](n, 1, v[first:], 1, e.C, 0, m[f:], e.width, 0, dw[first*e.width+f:], e.width, add)
		}
	}
}

// spread adds up the tiles of gradients that are in s.dv, row of tiles by row, and
// gives away each image whose last row that was.
//
//	s.dv     │ image 4: rows 5, 6 │ image 5: rows 0 … 6 │ image 6: rows 0, 1 │
//	         s.complete = 4, s.spread = 5                  the sum of 6 waits in s.dx
func (e *winograd[T]) spread(s *convScratch[T], ofV int, to gradientTaker[T]) {
	sum := e.image()
	sum.data = s.dx
	for at := 0; at < s.tiles; at += e.tileCols() {
		if s.spread == 0 {
			clear(sum.data)
		}
		pixel.WinogradSpread(e.side, e.tileCols(), e.C, sum.data[e.out*s.spread*sum.row:], s.dv[at*e.C:], e.out*e.C, sum.row, ofV)
		if s.spread++; s.spread == e.tileRows() {
			to.takeGradient(s, s.complete, sum)
			s.complete, s.spread = s.complete+1, 0
		}
	}
}

// unpack transforms the sums to filters, channels last, and turns those into
// (F,C,KH,KW).
func (e *winograd[T]) unpack(dst, dw []T) {
	if e.unpackSome == nil {
		e.unpackSome = e.unpackChannels
	}
	cpu.AtLeast(&e.gradients, e.C*e.KH*e.KW*e.width)
	e.unpacked, e.sums = dst, dw
	cpu.Parallel(e.C, e.unpackSome)
	e.unpacked, e.sums = nil, nil
}

// unpackChannels does so for the channels [lo,hi).
func (e *winograd[T]) unpackChannels(lo, hi int) {
	pixels := e.KH * e.KW
	gradients := e.gradients[lo*pixels*e.width:]
	pixel.WinogradCombine(e.side, e.KH, hi-lo, e.width, gradients, e.sums[lo*e.width:], pixels*e.width, e.KW*e.width, e.C*e.width, e.KH, e.KW)
	gemm.TransposeInto(e.unpacked[lo*pixels:], e.patch(), gradients, e.width, (hi-lo)*pixels, e.F)
}
