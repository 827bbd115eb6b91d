package kernel

import "math"

// Loops over images that are stored channels last: pixel p of channel f is
// element p*width+f, and width is a multiple of eight. The assembly gives the
// same bits as the loops here, where a conversion keeps the compiler from fusing
// a product with the sum around it.

// channelFuncs are the loops in assembly, from tierAVX2 on.
type channelFuncs struct {
	largest  func(cols, width int, y []float32, at []uint8, z []float32, kh, kw, row int, scale, shift []float32, floor float32)
	highest  func(cols, width int, y, z []float32, row int, shift []float32, floor float32)
	spread   func(cols, width int, dz, dy []float32, at []uint8, kh, kw, row int)
	sums     func(sum, x []float32, n, width int)
	squares  func(sum, x, mean []float32, n, width int)
	dots     func(sum, dot, d, z, mean []float32, n, width int)
	normGrad func(d, z, mean, ofD, ofZ, term []float32, n, width int)

	addPatches func(dst, src []float32, n, kh, depth, step, row int)

	winograd winogradLoops

	tapsForward, tapsFilter, tapsInput func(cols, width int, a, b, w []float32, kh, kw, pixel, column, row int)
}

// clipped is the place of a window's winner where none rises above the floor.
const clipped = 255

// windows are a row of pooling windows, side by side, over pixels that are
// scaled and shifted channel by channel.
type windows[T Float] struct {
	cols, width  int
	kh, kw       int // size of a window
	row          int // elements of a row of the pixels
	scale, shift []T
	unscaled     bool // scale is 1
	floor        T
}

// largest sets y to the largest pixel of each window, and at, unless it is
// empty, to its place u*kw+v in the window, or to clipped. A NaN wins over every
// number, so that it is not lost.
func (w *windows[T]) largest(y []T, at []uint8, z []T) {
	if y, ok := float32s(y); ok {
		z, _ := float32s(z)
		scale, _ := float32s(w.scale)
		shift, _ := float32s(w.shift)
		if len(at) == 0 && w.unscaled && w.kh == 2 && w.kw == 2 {
			channelLoops.highest(w.cols, w.width, y, z, w.row, shift, float32(w.floor))
			return
		}
		channelLoops.largest(w.cols, w.width, y, at, z, w.kh, w.kw, w.row, scale, shift, float32(w.floor))
		return
	}
	for j := range w.cols {
		for f := range w.width {
			best, place := w.window(z[j*w.kw*w.width+f:], f)
			y[j*w.width+f] = best
			if len(at) > 0 {
				at[j*w.width+f] = place
			}
		}
	}
}

// window is one window of channel f, whose first pixel is z[0].
func (w *windows[T]) window(z []T, f int) (best T, place uint8) {
	best = T(math.Inf(-1))
	for u := range w.kh {
		for v := range w.kw {
			if x := T(z[u*w.row+v*w.width]*w.scale[f]) + w.shift[f]; x > best || x != x {
				best, place = x, uint8(u*w.kw+v)
			}
		}
	}
	if best <= w.floor {
		return w.floor, clipped
	}
	return best, place
}

// spread sets dz, the gradient of the windows' pixels, to dy where a window's
// winner is, else to 0.
func (w *windows[T]) spread(dz, dy []T, at []uint8) {
	if dz, ok := float32s(dz); ok {
		dy, _ := float32s(dy)
		channelLoops.spread(w.cols, w.width, dz, dy, at, w.kh, w.kw, w.row)
		return
	}
	for j := range w.cols {
		for f := range w.width {
			for place := range w.kh * w.kw {
				x := T(0)
				if int(at[j*w.width+f]) == place {
					x = dy[j*w.width+f]
				}
				dz[place/w.kw*w.row+(j*w.kw+place%w.kw)*w.width+f] = x
			}
		}
	}
}

// partOf is which of four interleaved sums the pth of n terms goes to: the
// last terms, which do not fill all four, go to part 0.
func partOf(p, n int) int {
	if p < n&^3 {
		return p & 3
	}
	return 0
}

// channelSums computes sum[f] += Σ_p x[p,f], over n pixels.
func channelSums[T Float](sum, x []T, n, width int) {
	if sum, ok := float32s(sum); ok {
		x, _ := float32s(x)
		channelLoops.sums(sum, x, n, width)
		return
	}
	for f := range width {
		var s [4]T
		for p := range n {
			s[partOf(p, n)] += x[p*width+f]
		}
		sum[f] += (s[0] + s[1]) + (s[2] + s[3])
	}
}

// channelSquares computes sum[f] += Σ_p (x[p,f]-mean[f])².
func channelSquares[T Float](sum, x, mean []T, n, width int) {
	if sum, ok := float32s(sum); ok {
		x, _ := float32s(x)
		mean, _ := float32s(mean)
		channelLoops.squares(sum, x, mean, n, width)
		return
	}
	for f := range width {
		var s [4]T
		for p := range n {
			d := x[p*width+f] - mean[f]
			s[partOf(p, n)] += T(d * d)
		}
		sum[f] += (s[0] + s[1]) + (s[2] + s[3])
	}
}

// channelDots computes sum[f] += Σ_p d[p,f] and dot[f] += Σ_p d[p,f]·(z[p,f]-mean[f]).
func channelDots[T Float](sum, dot, d, z, mean []T, n, width int) {
	if sum, ok := float32s(sum); ok {
		dot, _ := float32s(dot)
		d, _ := float32s(d)
		z, _ := float32s(z)
		mean, _ := float32s(mean)
		channelLoops.dots(sum, dot, d, z, mean, n, width)
		return
	}
	for f := range width {
		var s, t [4]T
		for p := range n {
			i := partOf(p, n)
			s[i] += d[p*width+f]
			t[i] += T(d[p*width+f] * (z[p*width+f] - mean[f]))
		}
		sum[f] += (s[0] + s[1]) + (s[2] + s[3])
		dot[f] += (t[0] + t[1]) + (t[2] + t[3])
	}
}

// channelNormGrad computes d[p,f] = ofD[f]·d[p,f] + (ofZ[f]·(z[p,f]-mean[f]) + term[f]).
func channelNormGrad[T Float](d, z, mean, ofD, ofZ, term []T, n, width int) {
	if d, ok := float32s(d); ok {
		z, _ := float32s(z)
		mean, _ := float32s(mean)
		ofD, _ := float32s(ofD)
		ofZ, _ := float32s(ofZ)
		term, _ := float32s(term)
		channelLoops.normGrad(d, z, mean, ofD, ofZ, term, n, width)
		return
	}
	for p := range n {
		for f := range width {
			i := p*width + f
			d[i] = T(ofD[f]*d[i]) + (T(ofZ[f]*(z[i]-mean[f])) + term[f])
		}
	}
}

// addPatches adds n patches of kh rows of depth elements, a multiple of eight,
// to an image: dst[u,j·step+d] += src[j,u,d], where rows of dst are row apart.
func addPatches[T Float](dst, src []T, n, kh, depth, step, row int) {
	if dst, ok := float32s(dst); ok {
		src, _ := float32s(src)
		channelLoops.addPatches(dst, src, n, kh, depth, step, row)
		return
	}
	for j := range n {
		for u := range kh {
			for d := range depth {
				dst[u*row+j*step+d] += src[(j*kh+u)*depth+d]
			}
		}
	}
}
