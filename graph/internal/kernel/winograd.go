package kernel

// winograd is the engine for 3×3 filters without strides that has 2.25 times less
// to multiply: F(2×2,3×3) of Lavin and Gray 2015, "Fast Algorithms for
// Convolutional Neural Networks". Tiles of 4×4 pixels and the filters are
// transformed, multiplied element by element, summed over channels, which is a
// matrix product for each of the 16 elements, and transformed back to tiles of
// 2×2 pixels. It rounds two or three times as coarsely as a direct convolution.
type winograd[T Float] struct {
	winogradPass[T]
	back winogradPass[T] // the convolution that turns dy to dx, with the filters flipped
}

// winogradPass is one convolution, forward or back. Its images are channels last,
// with a border that makes all tiles whole.
type winogradPass[T Float] struct {
	ConvShape
	tiles  *tiles[T]
	width  int // channels of an output pixel
	filter []T // for each of 16 elements: panels of [C][tiles.cols]
}

// winogradTile is the number of elements of a transformed tile.
const winogradTile = 16

// fitsWinograd reports whether a convolution has 3×3 filters without strides, and
// channels and pixels enough that the transformations pay: those of the filters
// are made once for all images.
func (s ConvShape) fitsWinograd() bool {
	const channels, tiles = 16, 128
	_, hasBack := s.inputShape()
	return hasBack && s.KH == 3 && s.KW == 3 && s.StrideH == 1 && s.StrideW == 1 && s.DilationH == 1 && s.DilationW == 1 && s.Groups == 1 &&
		s.C%8 == 0 && min(s.C, s.F) >= channels && s.N*s.OH*s.OW >= 4*tiles
}

// set chooses the tiles, and makes room for the filters.
func (p *winogradPass[T]) set(s ConvShape) bool {
	p.ConvShape, p.width = s, directWidth(s.F)
	if p.tiles = wholeTiles[T](p.width); p.tiles == nil {
		return false
	}
	p.filter = sized(p.filter, winogradTile*p.C*p.width)
	return true
}

// tileRows and tileCols are the numbers of tiles.
func (p *winogradPass[T]) tileRows() int { return (p.OH + 1) / 2 }
func (p *winogradPass[T]) tileCols() int { return (p.OW + 1) / 2 }

// image is the frame of an input image, of which pixels below and right of what
// filters see may be missing.
func (p *winogradPass[T]) image(data []T) frame[T] {
	h, w := 2*p.tileRows()+2, 2*p.tileCols()+2
	return newFrame(frame[T]{data: data}, p.H, p.W, p.C, p.PadTop, max(h-p.PadTop-p.H, 0), p.PadLeft, max(w-p.PadLeft-p.W, 0))
}

// setFilter transforms the filter g from channel c to output f: G·g·Gᵀ.
func (p *winogradPass[T]) setFilter(c, f int, g [3][3]T) {
	row := func(g0, g1, g2 T) [4]T { return [4]T{g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2} }
	var t [3][4]T
	for j := range t {
		t[j] = row(g[0][j], g[1][j], g[2][j])
	}
	cols := p.tiles.cols
	at := (f/cols*p.C+c)*cols + f%cols
	for i := range 4 {
		for j, u := range row(t[0][i], t[1][i], t[2][i]) {
			p.filter[(4*i+j)*p.C*p.width+at] = u
		}
	}
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

// run computes the output's rows [lo,hi), lo being even, from a padded image.
func (p *winogradPass[T]) run(y []T, image frame[T], s *convScratch[T], lo, hi int) {
	for r := lo / 2; 2*r < hi; r += p.strip() {
		rows := min(p.strip(), (hi+1)/2-r)
		n := rows * p.tileCols()
		ofV, ofM := matrixOf(n, p.C), matrixOf(n, p.width)
		v, m := atLeast(&s.v, winogradTile*ofV), atLeast(&s.m, winogradTile*ofM)
		for i := range rows {
			winogradInput(p.tileCols(), p.C, v[i*p.tileCols()*p.C:], image.data[2*(r+i)*image.row:], image.row, ofV)
		}
		for q := range winogradTile {
			p.multiply(m[q*ofM:], v[q*ofV:], p.filter[q*p.C*p.width:], n)
		}
		for i := range rows {
			p.finish(y[(2*(r+i)-lo)*p.OW*p.width:], m[i*p.tileCols()*p.width:], ofM, min(2, hi-2*(r+i)))
		}
	}
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
	whole := p.OW / 2
	if whole > 0 {
		winogradOutput(whole, p.width, y, p.OW*p.width, m, q, rows, 2)
	}
	if p.OW%2 > 0 {
		winogradOutput(1, p.width, y[2*whole*p.width:], p.OW*p.width, m[whole*p.width:], q, rows, 1)
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
	if !s.fitsWinograd() || !e.set(s) {
		return false
	}
	for f := range s.F {
		for c := range s.C {
			g := w[(f*s.C+c)*9:][:9]
			e.setFilter(c, f, [3][3]T{{g[0], g[1], g[2]}, {g[3], g[4], g[5]}, {g[6], g[7], g[8]}})
		}
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

func (e *winograd[T]) weights() int { return winogradTile * e.C * e.width }

// gradientTiles is how many tiles at least are collected, also of several images,
// before they are multiplied for the gradient of the filters.
func (e *winograd[T]) gradientTiles() int { return max(48, e.tileCols()) }

// filterGradient sums up Bᵀ·d·B times A·dy·Aᵀ, over the tiles; unpack transforms
// the sums.
func (e *winograd[T]) filterGradient(dw []T, s *convScratch[T], first, last bool) {
	if first {
		s.tiles, s.summed = 0, false
	}
	room, cols := e.gradientTiles(), e.tileCols()
	ofV, ofM := matrixOf(room, e.C), matrixOf(room, e.width)
	s.dv, s.dm = sized(s.dv, winogradTile*ofV), sized(s.dm, winogradTile*ofM)
	image, dy := e.image(s.padded), s.dz
	for r := range e.tileRows() {
		if s.tiles+cols > room {
			e.multiplyGradient(dw, s)
		}
		winogradInput(cols, e.C, s.dv[s.tiles*e.C:], image.data[2*r*image.row:], image.row, ofV)
		winogradGradient(cols, e.width, s.dm[s.tiles*e.width:], dy.data[dy.first+2*r*dy.row:], dy.row, ofM)
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
	for q := range winogradTile {
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
	row := func(u [4]T) [3]T {
		return [3]T{u[0] + (u[1]+u[2])/2, (u[1] - u[2]) / 2, (u[1]+u[2])/2 + u[3]}
	}
	for c := range e.C {
		for f := range e.F {
			u := func(i, j int) T { return dw[((4*i+j)*e.C+c)*e.width+f] }
			var t [3][4]T // Gᵀ·u
			for j := range 4 {
				for i, x := range row([4]T{u(0, j), u(1, j), u(2, j), u(3, j)}) {
					t[i][j] = x
				}
			}
			for i := range t {
				g := row(t[i])
				copy(dst[(f*e.C+c)*9+3*i:], g[:])
			}
		}
	}
}

func (e *winograd[T]) prepareBack(w []T) {
	back, _ := e.inputShape()
	e.back.set(back)
	for f := range e.F {
		for c := range e.C {
			g := w[(f*e.C+c)*9:][:9]
			e.back.setFilter(f, c, [3][3]T{{g[8], g[7], g[6]}, {g[5], g[4], g[3]}, {g[2], g[1], g[0]}})
		}
	}
}

// frame has the border that the convolution back sees, and room for whole tiles
// of the output, which the gradient of the filters sees.
func (e *winograd[T]) frame(f frame[T]) frame[T] {
	top, left := 2-e.PadTop, 2-e.PadLeft
	bottom, right := 2*((e.H+1)/2)+2-top-e.OH, 2*((e.W+1)/2)+2-left-e.OW
	return newFrame(f, e.OH, e.OW, e.width, top, max(bottom, e.OH%2), left, max(right, e.OW%2))
}

func (e *winograd[T]) inputGradient(dx []T, s *convScratch[T]) {
	plane := e.H * e.W
	s.dx = sized(s.dx, plane*e.back.width)
	e.back.run(s.dx, s.dz, s, 0, e.H)
	transposeInto(dx, plane, s.dx, e.back.width, plane, e.C)
}

func (e *winograd[T]) bytes() int { return bytesOf(e.filter, e.back.filter) }
