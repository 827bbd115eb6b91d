package kernel

import "math"

// ConvPool is a convolution, ReLU if it is set, and a max-pooling whose windows
// lie side by side, in one pass:
//
//	y = MaxPool2D(ReLU(Conv2d(x, w, bias)))
//
// The convolution's output exists only a few rows at a time. Of each window it
// keeps the largest pixel and where that was; the backward pass touches only
// those pixels.
type ConvPool[T Float] struct {
	Conv2d[T]
	Pool PoolShape // of the planes F·N, with the stride equal to the window and no padding
	ReLU bool

	winner  []int32 // for each output, the position in its plane; pixels() where ReLU has clipped it
	bands   pool[T] // for the patches under a band
	rows    pool[T] // for a band of output rows
	planes  pool[T] // for the gradient of an image's convolution
	patched pool[T] // for the patches of an image, see patchesOf
	sums    pool[T] // for a row of patches for each filter
}

// NewConvPool returns the kernel for one geometry.
func NewConvPool[T Float](s ConvShape, p PoolShape, relu bool) *ConvPool[T] {
	c := &ConvPool[T]{Pool: p, ReLU: relu}
	c.ConvShape, c.chunks = s, min(s.N, convChunks)
	c.forward, c.backward = c.forwardImages, c.backwardChunks
	return c
}

func (c *ConvPool[T]) pooled() int { return c.Pool.OH * c.Pool.OW }

// bandRows is the number of rows of windows that are convolved at a time: as
// many as a band of 64 KB holds, at least one.
func (c *ConvPool[T]) bandRows() int {
	const band = 64 << 10 / 4
	return min(max(1, band/(c.F*c.OW*c.Pool.KH)), c.Pool.OH)
}

// Forward computes y from the operands in.
func (c *ConvPool[T]) Forward(y []T, in [][]T) {
	if c.winner == nil {
		c.winner = make([]int32, len(y))
	}
	c.y, c.x, c.w, c.bias = y, in[0], in[1], operand(in, 2)
	Parallel(c.N, c.forward)
}

func (c *ConvPool[T]) forwardImages(lo, hi int) {
	size := c.bandRows() * c.Pool.KH * c.OW
	cols, band := c.bands.get(c.patch()*size), c.rows.get(c.F*size)
	defer c.bands.put(cols)
	defer c.rows.put(band)
	for n := lo; n < hi; n++ {
		for i := 0; i < c.Pool.OH; i += c.bandRows() {
			rows := min(c.bandRows(), c.Pool.OH-i)
			c.convolve(n, i*c.Pool.KH, (i+rows)*c.Pool.KH, cols, band)
			c.poolBand(n, i, rows, band)
		}
	}
}

// convolve computes the output rows [lo,hi) of all filters, without the bias.
func (c *ConvPool[T]) convolve(n, lo, hi int, cols, band []T) {
	k, p, fg, group := c.patch(), (hi-lo)*c.OW, c.F/c.Groups, c.inSize()/c.Groups
	for g := range c.Groups {
		c.unrollRows(c.x[n*c.inSize()+g*group:][:group], lo, hi, cols)
		Gemm(false, false, fg, p, k, c.w[g*fg*k:], k, cols, p, false, band[g*fg*p:], p)
	}
}

// poolBand pools the windows of rows [i,i+rows).
func (c *ConvPool[T]) poolBand(n, i, rows int, band []T) {
	floor := T(math.Inf(-1))
	if c.ReLU {
		floor = 0
	}
	size := rows * c.Pool.KH * c.OW
	for f := range c.F {
		var bias T
		if c.bias != nil {
			bias = c.bias[f]
		}
		out := (n*c.F+f)*c.pooled() + i*c.Pool.OW
		w := windows[T]{
			rows: rows, cols: c.Pool.OW, kh: c.Pool.KH, kw: c.Pool.KW,
			y: c.y[out:], winner: c.winner[out:], x: band[f*size:][:size],
			first: i * c.Pool.KH * c.OW, width: c.OW,
			bias: bias, floor: floor, none: int32(c.pixels()),
		}
		w.pool()
	}
}

// windows are rows of pooling windows, side by side.
type windows[T Float] struct {
	rows, cols  int
	kh, kw      int     // size of a window
	y           []T     // their largest pixels, with bias and floor
	winner      []int32 // where those are in the plane
	x           []T     // the plane's rows under the windows
	first       int     // position in the plane of x[0]
	width       int     // of the plane
	bias, floor T
	none        int32 // the winner where a window does not rise above the floor
}

// pool pools the windows: in assembly where they are 2×2.
func (w *windows[T]) pool() {
	if y, ok := float32s(w.y); ok && w.kh == 2 && w.kw == 2 && w.cols >= 8 {
		x, _ := float32s(w.x)
		vectors.poolPairs(w.rows, w.cols, y, w.winner, x, w.first, w.width, float32(w.bias), float32(w.floor), w.none)
		return
	}
	for i := range w.rows {
		for j := range w.cols {
			w.largest(i, j)
		}
	}
}

// largest pools one window.
func (w *windows[T]) largest(i, j int) {
	at := i*w.kh*w.width + j*w.kw
	best, corner := w.x[at], at
	for u := range w.kh {
		for v := range w.kw {
			if x := w.x[corner+u*w.width+v]; x > best || x != x {
				best, at = x, corner+u*w.width+v
			}
		}
	}
	out := i*w.cols + j
	w.y[out], w.winner[out] = best+w.bias, int32(w.first+at)
	if w.y[out] <= w.floor {
		w.y[out], w.winner[out] = w.floor, w.none
	}
}

// Backward computes the gradients of x, w and the bias, skipping those that are
// nil.
func (c *ConvPool[T]) Backward(dIn [][]T, dy []T, in [][]T) {
	c.begin(dIn, dy, in)
	Parallel(c.chunks, c.backward)
	c.end(dIn)
}

func (c *ConvPool[T]) backwardChunks(lo, hi int) {
	if c.dx == nil && c.patch() < patchWidth && c.Groups == 1 {
		c.patchChunks(lo, hi)
		return
	}
	cols, dy := c.patches.get(c.patch()*c.pixels()), c.planes.get(c.outSize())
	defer c.patches.put(cols)
	defer c.planes.put(dy)
	for chunk := lo; chunk < hi; chunk++ {
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			c.spread(n, dy)
			c.imageGradient(n, chunk, n > first, dy, cols)
		}
	}
}

// spread sets the gradient of image n's convolution from that of the pooling.
func (c *ConvPool[T]) spread(n int, planes []T) {
	clear(planes)
	for f := range c.F {
		plane, out := planes[f*c.pixels():][:c.pixels()], (n*c.F+f)*c.pooled()
		dy := c.dy[out:][:c.pooled()]
		for i, at := range c.winner[out:][:c.pooled()] {
			if int(at) < len(plane) {
				plane[at] = dy[i]
			}
		}
	}
}

// patchWidth is the number of elements of a row of patchesOf.
const patchWidth = 16

// patchChunks computes the gradients of w and the bias where a filter has few
// weights: as a sum of the patches that the winners saw.
func (c *ConvPool[T]) patchChunks(lo, hi int) {
	k := c.patch()
	cols := c.patches.get(k * c.pixels())
	patches := c.patched.get((c.pixels() + 1) * patchWidth)
	sums := c.sums.get(c.F * patchWidth)
	defer c.patches.put(cols)
	defer c.patched.put(patches)
	defer c.sums.put(sums)
	for chunk := lo; chunk < hi; chunk++ {
		clear(sums)
		first, last := c.images(chunk)
		for n := first; n < last; n++ {
			c.patchesOf(n, cols, patches)
			for f := range c.F {
				out := (n*c.F + f) * c.pooled()
				patchGrad(sums[f*patchWidth:][:patchWidth], c.dy[out:][:c.pooled()], c.winner[out:], patches)
			}
		}
		for f := range c.F {
			if len(c.dws) > 0 {
				copy(c.dws[chunk*c.weights()+f*k:][:k], sums[f*patchWidth:])
			}
			if len(c.dbs) > 0 {
				c.dbs[chunk*c.F+f] = sums[f*patchWidth+k]
			}
		}
	}
}

// patchesOf sets the rows of patches to what each output pixel of image n sees,
// followed by a 1 for the bias; a last row of zeros stands for clipped pixels.
func (c *ConvPool[T]) patchesOf(n int, cols, patches []T) {
	k, p := c.patch(), c.pixels()
	cols = c.unroll(n, 0, cols)
	transposeInto(patches, patchWidth, cols, k, p)
	for i := range p {
		patches[i*patchWidth+k] = 1
	}
	clear(patches[p*patchWidth:])
}

// patchGrad computes sum[j] += Σ_i d[i]·patches[at[i]][j].
func patchGrad[T Float](sum, d []T, at []int32, patches []T) {
	if s, ok := float32s(sum); ok {
		d, _ := float32s(d)
		patches, _ := float32s(patches)
		vectors.patchGrad(s, d, at, patches)
		return
	}
	for i, x := range d {
		for j, v := range patches[int(at[i])*patchWidth:][:patchWidth] {
			sum[j] += x * v
		}
	}
}
