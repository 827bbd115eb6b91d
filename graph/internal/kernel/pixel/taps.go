package pixel

import "tapenet/graph/internal/kernel/cpu"

// Taps say how the weights of a depthwise convolution, one filter a channel, lie on a
// row of an image. All distances are in elements:
//
//	output pixel j sees, with weight (u,v), the image pixel at j·Pixel + u·Row + v·Column
//
//	x        ┌ j=0 ─────┐                     3×3, stride 2, dilation 1:
//	x+Row    │ · ┌ j=1 ─┼───┐                 Pixel = 2·Width, Column = Width
//	x+2·Row  └───┼──────┘   │
//	             └──────────┘
//
// A stride is in Pixel, a dilation in Column and Row, so that the loops know neither.
// Pixel and Column are multiples of Width. The image has its padding in memory.
//
// The assembly rounds a product and the sum around it once. It works on several
// pixels, or several weights, at once; each sum still adds its terms one by one, in the
// order of the plain loops over pixels, rows and columns. So both tiers give the same
// bits, and a row may be cut anywhere.
type Taps struct {
	Cols, Width, KH, KW int // output pixels, channels, and the filters' size
	Pixel, Column, Row  int // from one output pixel, weight and row of weights to the next
}

// The loops in assembly take so much at once: up to eight output pixels, or a block of
// weights of up to 3 rows and 7 columns that has at most maxTapWeights. Each pixel or
// weight has its sum in a register, and AVX2 has sixteen registers.
const (
	maxTapPixels  = 8
	maxTapRows    = 3
	maxTapColumns = 7
	maxTapWeights = 14
)

type (
	// tapSums sets a number of pixels y to sums over kh×kw taps, see its comment in
	// assembly.
	tapSums func(width, kh, kw int, x *float32, xPixel, xColumn, xRow int, w *float32, wColumn, wRow int, y *float32, yPixel int)
	// tapWeightSums adds sums over n pixels to a number of weights w.
	tapWeightSums func(n, width int, a *float32, aPixel int, x *float32, xPixel, xColumn, xRow int, w *float32, wColumn, wRow int)
)

// TapsForward computes y[j,f] = Σ_u Σ_v x[j·Pixel+u·Row+v·Column+f]·w[u,v,f], for one
// row of the output. w is (KH,KW,Width).
func TapsForward[T cpu.Float](t Taps, y, x, w []T) {
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		w, _ := cpu.Float32s(w)
		inParts(t.Cols, maxTapPixels, func(first, n int) {
			loops().tapSums[n](t.Width, t.KH, t.KW, &x[first*t.Pixel], t.Pixel, t.Column, t.Row, &w[0], t.Width, t.KW*t.Width, &y[first*t.Width], t.Width)
		})
		return
	}
	clear(y[:t.Cols*t.Width])
	t.each(func(out, in, weight int) { y[out] += x[in] * w[weight] })
}

// TapsFilter adds Σ_j x[j·Pixel+u·Row+v·Column+f]·dy[j,f] to dw[u,v,f]: the
// gradient of the weights, of one row of the output. The caller clears dw first.
func TapsFilter[T cpu.Float](t Taps, dw, x, dy []T) {
	if dw, ok := cpu.Float32s(dw); ok {
		x, _ := cpu.Float32s(x)
		dy, _ := cpu.Float32s(dy)
		inParts(t.KW, maxTapColumns, func(v, cols int) {
			inParts(t.KH, min(maxTapRows, maxTapWeights/cols), func(u, rows int) {
				loops().tapWeightSums[rows][cols](t.Cols, t.Width, &dy[0], t.Width,
					&x[u*t.Row+v*t.Column], t.Pixel, t.Column, t.Row, &dw[(u*t.KW+v)*t.Width], t.Width, t.KW*t.Width)
			})
		})
		return
	}
	t.each(func(out, in, weight int) { dw[weight] += x[in] * dy[out] })
}

// inParts cuts n into equal parts of at most so many, and calls do with each part's
// first and its size: nine are two parts of four and five, as a part of one would take
// nearly as long as one of eight.
func inParts(n, most int, do func(first, n int)) {
	parts := (n + most - 1) / most
	for q := range parts {
		first, last := n*q/parts, n*(q+1)/parts
		do(first, last-first)
	}
}

// each calls f for every product, with the places of an output pixel's channel,
// of the image's and of the weight.
func (t Taps) each(f func(out, in, weight int)) {
	for j := range t.Cols {
		for c := range t.Width {
			for u := range t.KH {
				for v := range t.KW {
					f(j*t.Width+c, j*t.Pixel+u*t.Row+v*t.Column+c, (u*t.KW+v)*t.Width+c)
				}
			}
		}
	}
}
