// Package pixel holds loops over images that are stored channels last: channel
// f of pixel p is element p*width+f, and width is a multiple of eight. So one
// vector holds eight channels of a pixel, and no loop has a rest.
//
// The assembly gives the same bits as the loops here, where a conversion keeps
// the compiler from fusing a product with the sum around it. Only the loops
// over Taps and Window's Dot differ: there the assembly rounds a product and the
// sum around it once.
//
// The functions trust their arguments; the assembly checks no bounds. A caller
// guarantees that the last row, pixel and channel lie in the slices, that width
// is a multiple of eight, and that there is at least one pixel. Nothing here
// starts a goroutine: the caller shares out rows or images.
package pixel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// Width is the number of channels that an image of n channels is stored with: n
// rounded up to a multiple of eight.
func Width(n int) int { return (n + 7) &^ 7 }

// loopFuncs are the loops in assembly of one tier, each with the comment of its loop
// at its stub in pixel_asm_amd64.go. All tiers give the same bits.
type loopFuncs struct {
	// Windows, see Largest and Spread. highest is largest for windows of 2×2 whose
	// pixels are not scaled and whose winners nobody asks for.
	largest func(cols, width int, y []float32, at []uint8, z []float32, kh, kw, row int, scale, shift []float32, floor, top float32)
	highest func(cols, width int, y, z []float32, row int, shift []float32, floor, top float32)
	spread  func(cols, width int, dz, dy []float32, at []uint8, kh, kw, row int)

	// Statistics of channels and the gradient of a normalisation.
	sums     func(sum, x []float32, n, width int)
	squares  func(sum, x, mean []float32, n, width int)
	dots     func(sum, dot, d, z, mean []float32, n, width int)
	normGrad func(dz, d, z, mean, ofD, ofZ, term []float32, n, width int)

	// Windows of one pixel, see affine.go.
	affine     func(n, width int, y, z, scale, shift []float32, floor, top float32)
	affineAdd  func(n, width int, y, z, r, scale, shift []float32, floor, top float32)
	through    func(n, width int, d, dy, z, scale, shift []float32, floor, top float32)
	throughAdd func(n, width int, d, dy, z, r, scale, shift []float32, floor, top float32)

	addPatches func(dst, src []float32, n, kh, depth, step, row int)

	// Between planes and pixels, see turn.go. The few are fewer channels than eight.
	fromPlanes, toPlanes, fromFewPlanes, toFewPlanes turnLoop

	fromThreePlanes func(pixels int, dst, src *float32, srcPlane int)
	toThreePlanes   func(pixels int, dst *float32, dstPlane int, src *float32)

	winograd winogradLoops

	// Depthwise convolutions, see taps.go: tapSums[n] is for n pixels at once, and
	// tapWeightSums[r][c] for r rows of c weights.
	tapSums       [maxTapPixels + 1]tapSums
	tapWeightSums [maxTapRows + 1][maxTapColumns + 1]tapWeightSums
}

// clipped is the place of a window's winner where no pixel rises above the
// floor, or the winner reaches the top: no pixel gets the gradient.
const clipped = 255

// Windows are a row of pooling windows that lie side by side, over pixels that
// are scaled and shifted channel by channel. Of a window with pixels z they
// compute
//
//	min(Top, max(Floor, max_{u<KH, v<KW} Scale[f]·z[u,v,f] + Shift[f]))
//
// which is a batch normalisation, a ReLU or ReLU6, and a max-pooling at once. The
// pixels of a row of windows, KH = KW = 2:
//
//	z        ┌ p0 p1 ┬ p2 p3 ┬ … ┐   a pixel is Width channels
//	z + Row  └ q0 q1 ┴ q2 q3 ┴ … ┘
//	y          y0      y1      …     (Cols,Width)
//
// conv.ConvBlock runs them on its sums while these are in the cache; MaxPool2D,
// channels last, uses them one by one, with a scale of one and without limits.
type Windows[T cpu.Float] struct {
	Cols, Width  int  // windows in the row, channels
	KH, KW       int  // size of a window
	Row          int  // elements from one row of the pixels to the next
	Scale, Shift []T  // for each channel
	Unscaled     bool // Scale is 1
	Floor        T    // 0 for a ReLU, -Inf for none, NaN to keep the place of a -Inf too
	Top          T    // 6 for a ReLU6, +Inf for none, NaN to keep the place of a +Inf too
}

// Largest sets y (Cols,Width) to the largest pixel of each window, and at to
// its place u*KW+v in the window, or to clipped if that pixel is not between
// Floor and Top. With an empty at the places are not kept: inference needs none. A
// NaN wins over every number, so that it is not lost. Of equal pixels the first wins.
func (w *Windows[T]) Largest(y []T, at []uint8, z []T) {
	if y, ok := cpu.Float32s(y); ok {
		z, _ := cpu.Float32s(z)
		scale, _ := cpu.Float32s(w.Scale)
		shift, _ := cpu.Float32s(w.Shift)
		bounded := w.Floor == w.Floor // not NaN: highest begins at the floor
		if len(at) == 0 && w.Unscaled && w.KH == 2 && w.KW == 2 && bounded {
			loops().highest(w.Cols, w.Width, y, z, w.Row, shift, float32(w.Floor), float32(w.Top))
			return
		}
		loops().largest(w.Cols, w.Width, y, at, z, w.KH, w.KW, w.Row, scale, shift, float32(w.Floor), float32(w.Top))
		return
	}
	for j := range w.Cols {
		for f := range w.Width {
			best, place := w.window(z[j*w.KW*w.Width+f:], f)
			y[j*w.Width+f] = best
			if len(at) > 0 {
				at[j*w.Width+f] = place
			}
		}
	}
}

// window computes one window of channel f, whose first pixel is z[0], and is the
// twin of largest. At the limits the comparisons include equality: a ReLU's gradient
// at 0 is 0.
func (w *Windows[T]) window(z []T, f int) (best T, place uint8) {
	best = T(math.Inf(-1))
	for u := range w.KH {
		for v := range w.KW {
			if x := T(z[u*w.Row+v*w.Width]*w.Scale[f]) + w.Shift[f]; x > best || x != x {
				best, place = x, uint8(u*w.KW+v)
			}
		}
	}
	if best <= w.Floor {
		return w.Floor, clipped
	}
	if best >= w.Top {
		return w.Top, clipped
	}
	return best, place
}

// Spread sets dz, the gradient of the windows' pixels, to dy where a window's winner
// is, else to 0: all pixels of a clipped window become 0. It is the gradient of the
// scaled pixels; the caller applies the scale (NormGrad does).
func (w *Windows[T]) Spread(dz, dy []T, at []uint8) {
	if dz, ok := cpu.Float32s(dz); ok {
		dy, _ := cpu.Float32s(dy)
		loops().spread(w.Cols, w.Width, dz, dy, at, w.KH, w.KW, w.Row)
		return
	}
	for j := range w.Cols {
		for f := range w.Width {
			for place := range w.KH * w.KW {
				x := T(0)
				if int(at[j*w.Width+f]) == place {
					x = dy[j*w.Width+f]
				}
				dz[place/w.KW*w.Row+(j*w.KW+place%w.KW)*w.Width+f] = x
			}
		}
	}
}

// partOf says to which of four interleaved sums the pth of n terms goes:
//
//	terms  0 1 2 3 4 5 6 7 8 9     n = 10
//	sum    0 1 2 3 0 1 2 3 0 0     the last ones, which do not fill all four, go to 0
//
// The assembly keeps four sums a channel, since one would wait for each addition,
// and adds them up as (s0+s1)+(s2+s3). Plain Go does the same, for the same bits.
func partOf(p, n int) int {
	if p < n&^3 {
		return p & 3
	}
	return 0
}

// Sums computes sum[f] += Σ_p x[p,f], over n pixels: the gradient of a bias, and the
// first half of a mean. The caller divides and clears.
func Sums[T cpu.Float](sum, x []T, n, width int) {
	if sum, ok := cpu.Float32s(sum); ok {
		x, _ := cpu.Float32s(x)
		loops().sums(sum, x, n, width)
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

// Squares computes sum[f] += Σ_p (x[p,f]-mean[f])², over n pixels. mean is the mean
// of these pixels: conv takes both of a strip right after that was computed, while it is
// in the cache, and joins the strips' statistics later.
func Squares[T cpu.Float](sum, x, mean []T, n, width int) {
	if sum, ok := cpu.Float32s(sum); ok {
		x, _ := cpu.Float32s(x)
		mean, _ := cpu.Float32s(mean)
		loops().squares(sum, x, mean, n, width)
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

// Dots computes sum[f] += Σ_p d[p,f] and dot[f] += Σ_p d[p,f]·(z[p,f]-mean[f]),
// over n pixels: the two sums that the gradient of a normalisation needs, see NormGrad.
func Dots[T cpu.Float](sum, dot, d, z, mean []T, n, width int) {
	if sum, ok := cpu.Float32s(sum); ok {
		dot, _ := cpu.Float32s(dot)
		d, _ := cpu.Float32s(d)
		z, _ := cpu.Float32s(z)
		mean, _ := cpu.Float32s(mean)
		loops().dots(sum, dot, d, z, mean, n, width)
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

// NormGrad computes
//
//	dz[p,f] = ofD[f]·d[p,f] + (ofZ[f]·(z[p,f]-mean[f]) + term[f])
//
// over n pixels: the gradient of a normalisation's input, from the gradient d of its
// output. dz may be d. With scale = γ/√(σ²+ε), n pixels in the batch and the sums of
// Dots over all of them
//
//	ofD = scale,  term = -scale·Σd/n,  ofZ = -scale·Σd·(z-mean)/(n·(σ²+ε))
//
// Where mean and variance are constants the last two are 0.
func NormGrad[T cpu.Float](dz, d, z, mean, ofD, ofZ, term []T, n, width int) {
	if dz, ok := cpu.Float32s(dz); ok {
		d, _ := cpu.Float32s(d)
		z, _ := cpu.Float32s(z)
		mean, _ := cpu.Float32s(mean)
		ofD, _ := cpu.Float32s(ofD)
		ofZ, _ := cpu.Float32s(ofZ)
		term, _ := cpu.Float32s(term)
		loops().normGrad(dz, d, z, mean, ofD, ofZ, term, n, width)
		return
	}
	for p := range n {
		for f := range width {
			i := p*width + f
			dz[i] = T(ofD[f]*d[i]) + (T(ofZ[f]*(z[i]-mean[f])) + term[f])
		}
	}
}

// AddPatches adds n patches to an image. A patch has kh rows of depth elements,
// a multiple of eight; one patch begins step elements behind the other, and
// rows of dst are row elements apart:
//
//	dst[u*row+j*step+d] += src[(j*kh+u)*depth+d]
//
// Patches may overlap: this is the way back of im2col, which adds the gradients of
// all patches that a pixel was copied to. They are added in the order of j, then u.
func AddPatches[T cpu.Float](dst, src []T, n, kh, depth, step, row int) {
	if dst, ok := cpu.Float32s(dst); ok {
		src, _ := cpu.Float32s(src)
		loops().addPatches(dst, src, n, kh, depth, step, row)
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
