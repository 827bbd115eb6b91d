package pixel

import "tapenet/graph/internal/kernel/cpu"

// This file computes the gradient of a depthwise convolution's image. Forward scatters
// a pixel of the image to several output pixels, and the gradient gathers from them.
// Gathered row by row, a row of dx is written once, and no two goroutines write to one.
//
// Along one axis, with stride 2, dilation 1, filter 3 and pad 1, pixel e of the image
// meets weight v on output pixel i where 2·i + v - 1 = e:
//
//	e        0     1       2     3       4
//	(v,i)   1,0  2,0 0,1  1,1  2,1 0,2  1,2     even pixels see one weight, odd two
//
// So pixels that are a stride apart see the same weights, on output pixels side by
// side: that is a run, and a run is a row of taps with the filter turned round.

// TapsImage is a convolution of an image with one filter for each channel, as the
// gradient of the image needs it: Down is its vertical axis, Across its horizontal one.
type TapsImage struct {
	Down, Across Axis
	Width        int
	Row, OutRow  int // elements from a row of the image to the next, and of the output
}

// Axis is a convolution along one axis.
type Axis struct {
	Image, Out, Filter int // numbers of pixels
	Stride, Dilation   int // pixels of the image from a filter to the next, and from a weight
	Pad                int // pixels before the image that the first filter sees
	Before, After      int // pixels of zeros before the output in memory, and after it
}

// Border is the number of zeros that Before and After ask for: with them all pixels
// of the image see whole filters.
func (a Axis) Border() (before, after int) {
	return max(0, ((a.Filter-1)*a.Dilation-a.Pad)/a.Stride), max(0, (a.Image-1+a.Pad)/a.Stride+1-a.Out)
}

// TapsInput sets the rows [lo,hi) of dx, the gradient of the image:
//
//	dx[h,e,f] = Σ dy[i,j,f]·w[u,v,f]
//
// over all i·stride + u·dilation - pad = h and j·stride + v·dilation - pad = e, in the
// order of i, then j. w is (KH,KW,Width). The first pixel of dy begins at element first
// of dy, behind the zeros that Before and After ask for. A pixel that no filter sees
// is set to zero.
func TapsInput[T cpu.Float](t *TapsImage, dx, dy []T, first int, w []T, lo, hi int) {
	for h := lo; h < hi; h++ {
		row, rows := dx[h*t.Row:][:t.Across.Image*t.Width], t.Down.seen(h)
		if rows.n == 0 {
			clear(row)
			continue
		}
		t.Across.runs(func(e, n int, columns seen) {
			if columns.n == 0 {
				clear(row[e*t.Width:][:t.Width])
				return
			}
			r := run{
				TapsImage: t, rows: rows, columns: columns,
				out:    first + rows.out*t.OutRow + columns.out*t.Width,
				weight: (rows.weight*t.Across.Filter + columns.weight) * t.Width,
			}
			sumRun(&r, row[e*t.Width:], dy, w, n)
		})
	}
}

// seen says what a pixel of the image sees along an axis: n weights, the first of
// which, weight, lies on the output pixel out. Each next weight is back weights before
// it, on the output pixel that is ahead pixels after: with g = gcd(stride, dilation)
//
//	back = stride/g,  ahead = dilation/g,  as out·stride + weight·dilation stays e + pad
type seen struct{ n, weight, out, back, ahead int }

// seen returns the weights that pixel e sees: none if n is 0. It looks at the last
// weight that may lie on an output pixel, and then at the weights before it until one
// does. After back of them the remainders by the stride repeat.
func (a Axis) seen(e int) seen {
	g := gcd(a.Stride, a.Dilation)
	s := seen{back: a.Stride / g, ahead: a.Dilation / g}
	highest := min(a.Filter-1, (e+a.Pad+a.Before*a.Stride)/a.Dilation)
	for v := highest; v >= 0 && v > highest-s.back; v-- {
		if at := e + a.Pad - v*a.Dilation; at%a.Stride == 0 {
			s.weight, s.out = v, at/a.Stride
			if end := a.Out + a.After; s.out < end {
				s.n = 1 + min(v/s.back, (end-1-s.out)/s.ahead)
			}
			break
		}
	}
	return s
}

// runs calls do for the pixels of the image, in runs: n pixels, from e on and a stride
// apart, each see the same weights, on output pixels that lie side by side.
func (a Axis) runs(do func(e, n int, s seen)) {
	for first := range min(a.Stride, a.Image) {
		for e := first; e < a.Image; {
			s, n := a.seen(e), 1
			if s.n > 0 {
				n = min(a.same(s), (a.Image-1-e)/a.Stride+1)
			}
			do(e, n, s)
			e += n * a.Stride
		}
	}
}

// same returns the number of pixels, a stride apart, that see the same weights as the
// one that sees s: from pixel to pixel out advances by one, until the last weight
// leaves the output at its end, or a weight more comes in at its beginning.
func (a Axis) same(s seen) int {
	last := a.Out + a.After - 1 - s.out
	if s.n-1 == s.weight/s.back { // as long as the last weight is on the output
		last -= (s.n - 1) * s.ahead
	} else { // until one weight less is
		last %= s.ahead
	}
	if s.weight+s.back < a.Filter { // until one more is before them
		last = min(last, s.ahead-1-s.out-a.Before)
	}
	return last + 1
}

// run is a run of pixels of a row of the image, which see the same weights. Its first
// pixel sees the weight at element weight of w on the output pixel at element out of
// dy; its next pixel sees the same weight one output pixel on.
type run struct {
	*TapsImage
	rows, columns seen
	out, weight   int
}

// sumRun sets n pixels of a run, a stride apart in dx. The assembly is TapsForward's,
// with negative distances from weight to weight.
func sumRun[T cpu.Float](r *run, dx, dy, w []T, n int) {
	if dx, ok := cpu.Float32s(dx); ok {
		dy, _ := cpu.Float32s(dy)
		w, _ := cpu.Float32s(w)
		pixel := r.Across.Stride * r.Width
		inParts(n, maxTapPixels, func(first, n int) {
			loops().tapSums[n](r.Width, r.rows.n, r.columns.n,
				&dy[r.out+first*r.Width], r.Width, r.columns.ahead*r.Width, r.rows.ahead*r.OutRow,
				&w[r.weight], -r.columns.back*r.Width, -r.rows.back*r.Across.Filter*r.Width, &dx[first*pixel], pixel)
		})
		return
	}
	for m := range n {
		for f := range r.Width {
			sum := T(0)
			for i := range r.rows.n {
				for j := range r.columns.n {
					out := r.out + i*r.rows.ahead*r.OutRow + (m+j*r.columns.ahead)*r.Width
					weight := r.weight - (i*r.rows.back*r.Across.Filter+j*r.columns.back)*r.Width
					sum += T(dy[out+f] * w[weight+f])
				}
			}
			dx[m*r.Across.Stride*r.Width+f] = sum
		}
	}
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
