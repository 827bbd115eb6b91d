package kernel

// winograd is the engine for 3×3 and 5×5 filters without strides that has less to
// multiply: the convolutions of Lavin and Gray 2015, "Fast Algorithms for
// Convolutional Neural Networks". Tiles of the image and the filters are
// transformed (see winograd_line.go), multiplied element by element, summed over
// channels, which is a matrix product for each element, and transformed back to
// smaller tiles of the output.
type winograd[T Float] struct {
	winogradPass[T]
	back    winogradPass[T] // the convolution that turns dy to dx, with the filters flipped
	spatial []T             // filters or their gradients, channels last
}

// winogradPass is one convolution, forward or back. Its images are channels last,
// with a border that makes all tiles whole.
type winogradPass[T Float] struct {
	ConvShape
	tiling
	tiles  *tiles[T]
	width  int // channels of an output pixel
	filter []T // for each element of a tile: panels of [C][tiles.cols]
}

// tiling is one of Winograd's convolutions F(out×out, k×k), of tiles of side×side
// pixels, where k = side+1-out.
type tiling struct{ side, out int }

// area is the number of elements of a tile.
func (t tiling) area() int { return t.side * t.side }

// winogradTiling returns the fastest tiling for a convolution. It reports false if
// there is none: not for other filters or strides, or for so few channels and
// pixels that the transformations do not pay. Those of the filters are made once
// for all images.
func (s ConvShape) winogradTiling() (t tiling, ok bool) {
	const channels, pixels = 16, 512
	switch {
	case s.KH != s.KW:
	case s.KH == 3:
		t = tiling{4, 2}
	case s.KH == 5:
		t = tiling{6, 2}
	}
	_, hasBack := s.inputShape()
	return t, t.side > 0 && hasBack && s.StrideH == 1 && s.StrideW == 1 && s.DilationH == 1 && s.DilationW == 1 && s.Groups == 1 &&
		s.C%8 == 0 && min(s.C, s.F) >= channels && s.N*s.OH*s.OW >= pixels
}

// set chooses the tiles of the product, and makes room for the filters.
func (p *winogradPass[T]) set(s ConvShape, t tiling) bool {
	p.ConvShape, p.tiling, p.width = s, t, directWidth(s.F)
	if p.tiles = wholeTiles[T](p.width); p.tiles == nil {
		return false
	}
	p.filter = sized(p.filter, p.area()*p.ofFilter())
	return true
}

// ofFilter is the distance between the filters' matrices.
func (p *winogradPass[T]) ofFilter() int { return matrixOf(p.C, p.width) }

// tileRows and tileCols are the numbers of tiles.
func (p *winogradPass[T]) tileRows() int { return (p.OH + p.out - 1) / p.out }
func (p *winogradPass[T]) tileCols() int { return (p.OW + p.out - 1) / p.out }

// image is the frame of an input image, of which pixels below and right of what
// filters see may be missing.
func (p *winogradPass[T]) image(data []T) frame[T] {
	h, w := p.out*p.tileRows()+p.KH-1, p.out*p.tileCols()+p.KW-1
	return newFrame(frame[T]{data: data}, p.H, p.W, p.C, p.PadTop, max(h-p.PadTop-p.H, 0), p.PadLeft, max(w-p.PadLeft-p.W, 0))
}

// setFilters transforms the filters of a panel, those from output f on, which are
// laid out as [C][KH][KW][tiles.cols].
func (p *winogradPass[T]) setFilters(f int, spatial []T) {
	cols := p.tiles.cols
	winogradEvaluate(p.side, p.KH, p.C, cols, p.filter[f*p.C:], spatial, p.KH*p.KW*cols, p.KW*cols, p.ofFilter())
}

// strip is the number of rows of tiles that are worked on at a time: a few rows
// of the matrices that are multiplied, and not more than the cache holds.
func (p *winogradPass[T]) strip() int { return max(1, 24/p.tileCols()) }

// matrixOf is the distance between the matrices of n tiles: not a power of two, as
// equal elements of all of them would want the same lines of the cache.
func matrixOf(n, channels int) int {
	d := n*channels + 16
	if d&(d-1) == 0 {
		d += 16
	}
	return d
}

// run computes the output's rows [lo,hi), lo being a multiple of the tiles' rows,
// from a padded image.
func (p *winogradPass[T]) run(y []T, image frame[T], s *convScratch[T], lo, hi int) {
	for r := lo / p.out; p.out*r < hi; r += p.strip() {
		rows := min(p.strip(), (hi+p.out-1)/p.out-r)
		n := rows * p.tileCols()
		ofV, ofM := matrixOf(n, p.C), matrixOf(n, p.width)
		v, m := atLeast(&s.v, p.area()*ofV), atLeast(&s.m, p.area()*ofM)
		for i := range rows {
			p.transform(v[i*p.tileCols()*p.C:], image, r+i, ofV)
		}
		for q := range p.area() {
			p.multiply(m[q*ofM:], v[q*ofV:], p.filter[q*p.ofFilter():], n)
		}
		for i := range rows {
			first := p.out * (r + i)
			p.finish(y[(first-lo)*p.OW*p.width:], m[i*p.tileCols()*p.width:], ofM, min(p.out, hi-first))
		}
	}
}

// transform transforms a row of tiles of an image.
func (p *winogradPass[T]) transform(v []T, image frame[T], row, q int) {
	winogradImage(p.side, p.tileCols(), p.C, v, image.data[p.out*row*image.row:], p.out*p.C, image.row, q)
}

// multiply multiplies n tiles' elements with the filters'.
func (p *winogradPass[T]) multiply(m, v, filter []T, n int) {
	cols := p.tiles.cols
	parts := (n + len(p.tiles.rows) - 1) / len(p.tiles.rows)
	for f := 0; f < p.width; f += cols {
		for q := range parts {
			first, last := n*q/parts, n*(q+1)/parts
			p.tiles.rows[last-first-1](p.C, 1, v[first*p.C:], p.C, 1, 0, filter[f*p.C:], cols, 0, m[first*p.width+f:], p.width, false)
		}
	}
}

// finish transforms a row of tiles back; of its last pixels some may be too many.
func (p *winogradPass[T]) finish(y, m []T, q, rows int) {
	whole, rest := p.OW/p.out, p.OW%p.out
	pixels := func(n, first, cols int) {
		step, row := p.out*p.width, p.OW*p.width
		winogradCombine(p.side, p.out, n, p.width, y[first*step:], m[first*p.width:], step, row, q, rows, cols)
	}
	if whole > 0 {
		pixels(whole, 0, p.out)
	}
	if rest > 0 {
		pixels(1, whole, rest)
	}
}

// atLeast is sized for a buffer whose size changes: it only grows.
func atLeast[T Float](buf *[]T, size int) []T {
	if cap(*buf) < size {
		*buf = make([]T, size)
	}
	return (*buf)[:size]
}

func (e *winograd[T]) prepare(s ConvShape, w []T) bool {
	t, ok := s.winogradTiling()
	if !ok || !e.set(s, t) {
		return false
	}
	cols, filter := e.tiles.cols, e.patch()
	spatial := atLeast(&e.spatial, filter*cols)
	for f := 0; f < e.F; f += cols {
		if e.F-f < cols {
			clear(spatial) // the filters beyond F
		}
		transposeInto(spatial, cols, w[f*filter:], filter, min(cols, e.F-f), filter)
		e.setFilters(f, spatial)
	}
	return true
}

func (e *winograd[T]) load(s *convScratch[T], x []T) {
	f := e.image(s.padded)
	f.load(x, e.H, e.C)
	s.padded = f.data
}

func (e *winograd[T]) convolve(y []T, s *convScratch[T], lo, hi int) {
	e.run(y, e.image(s.padded), s, lo, hi)
}

func (e *winograd[T]) weights() int { return e.area() * e.C * e.width }

// gradientTiles is how many tiles at least are collected, also of several images,
// before they are multiplied for the gradient of the filters.
func (e *winograd[T]) gradientTiles() int { return max(48, e.tileCols()) }

// filterGradient sums up the products of the transformed tiles of the image and of
// the output's gradient; unpack transforms the sums.
func (e *winograd[T]) filterGradient(dw []T, s *convScratch[T], first, last bool) {
	if first {
		s.tiles, s.summed = 0, false
	}
	room, cols := e.gradientTiles(), e.tileCols()
	ofV, ofM := matrixOf(room, e.C), matrixOf(room, e.width)
	s.dv, s.dm = sized(s.dv, e.area()*ofV), sized(s.dm, e.area()*ofM)
	image, dy := e.image(s.padded), s.dz
	for r := range e.tileRows() {
		if s.tiles+cols > room {
			e.multiplyGradient(dw, s)
		}
		e.transform(s.dv[s.tiles*e.C:], image, r, ofV)
		winogradEvaluate(e.side, e.out, cols, e.width, s.dm[s.tiles*e.width:], dy.data[dy.first+e.out*r*dy.row:], e.out*e.width, dy.row, ofM)
		s.tiles += cols
	}
	if last {
		e.multiplyGradient(dw, s)
	}
}

// multiplyGradient adds the products of the tiles that were collected.
func (e *winograd[T]) multiplyGradient(dw []T, s *convScratch[T]) {
	cols, ofV, ofM := e.tiles.cols, matrixOf(e.gradientTiles(), e.C), matrixOf(e.gradientTiles(), e.width)
	parts := (e.C + len(e.tiles.rows) - 1) / len(e.tiles.rows)
	for q := range e.area() {
		for f := 0; f < e.width; f += cols {
			for p := range parts {
				first, last := e.C*p/parts, e.C*(p+1)/parts
				e.tiles.rows[last-first-1](s.tiles, 1, s.dv[q*ofV+first:], 1, e.C, 0, s.dm[q*ofM+f:], e.width, 0,
					dw[(q*e.C+first)*e.width+f:], e.width, s.summed)
			}
		}
	}
	s.tiles, s.summed = 0, true
}

func (e *winograd[T]) unpack(dst, dw []T) {
	pixels := e.KH * e.KW
	spatial := atLeast(&e.spatial, e.C*pixels*e.width)
	winogradCombine(e.side, e.KH, e.C, e.width, spatial, dw, pixels*e.width, e.KW*e.width, e.C*e.width, e.KH, e.KW)
	transposeInto(dst, e.C*pixels, spatial, e.width, e.C*pixels, e.F)
}

// prepareBack takes up the filters with their pixels in reverse order.
func (e *winograd[T]) prepareBack(w []T) {
	back, _ := e.inputShape()
	e.back.set(back, e.tiling)
	cols, pixels := e.back.tiles.cols, e.KH*e.KW
	size := pixels * cols
	spatial := atLeast(&e.spatial, e.back.C*size)
	clear(spatial[e.F*size:]) // the channels beyond F
	for c := 0; c < e.C; c += cols {
		for f := range e.F {
			filter := spatial[f*size:][:size]
			transposeInto(filter, cols, w[(f*e.C+c)*pixels:], pixels, cols, pixels)
			reversePixels(filter, cols)
		}
		e.back.setFilters(c, spatial)
	}
}

// reversePixels puts pixels of so many channels into the reverse order.
func reversePixels[T Float](x []T, width int) {
	for lo, hi := 0, len(x)-width; lo < hi; lo, hi = lo+width, hi-width {
		for i := range width {
			x[lo+i], x[hi+i] = x[hi+i], x[lo+i]
		}
	}
}

// frame has the border that the convolution back sees, and room for whole tiles
// of the output, which the gradient of the filters sees.
func (e *winograd[T]) frame(f frame[T]) frame[T] {
	whole := func(n int) int { return (n + e.out - 1) / e.out * e.out }
	top, left := e.KH-1-e.PadTop, e.KW-1-e.PadLeft
	bottom, right := whole(e.H)+e.KH-1-top-e.OH, whole(e.W)+e.KW-1-left-e.OW
	return newFrame(f, e.OH, e.OW, e.width, top, max(bottom, whole(e.OH)-e.OH), left, max(right, whole(e.OW)-e.OW))
}

func (e *winograd[T]) inputGradient(dx []T, s *convScratch[T]) {
	plane := e.H * e.W
	s.dx = sized(s.dx, plane*e.back.width)
	e.back.run(s.dx, s.dz, s, 0, e.H)
	transposeInto(dx, plane, s.dx, e.back.width, plane, e.C)
}

func (e *winograd[T]) bytes() int { return bytesOf(e.filter, e.back.filter, e.spatial) }
