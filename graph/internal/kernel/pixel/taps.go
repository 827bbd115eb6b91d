package pixel

import "tapenet/graph/internal/kernel/cpu"

// Taps are how the weights of a row of filters, one filter a channel, lie on an
// image. All distances are in elements:
//
//	output pixel j sees, with weight (u,v), image pixel j·Pixel + u·Row + v·Column
//
// The assembly rounds a product and the sum around it once.
type Taps struct {
	Cols, Width, KH, KW int // output pixels, channels, and the filters' size
	Pixel, Column, Row  int // from one output pixel, weight and row of weights to the next
}

// TapsForward computes y[j,f] = Σ_u Σ_v x[j·Pixel+u·Row+v·Column+f]·w[u,v,f].
func TapsForward[T cpu.Float](t Taps, y, x, w []T) {
	if runTaps(t, loops().tapsForward, y, x, w) {
		return
	}
	clear(y[:t.Cols*t.Width])
	t.each(func(out, in, weight int) { y[out] += x[in] * w[weight] })
}

// TapsFilter adds Σ_j x[j·Pixel+u·Row+v·Column+f]·dy[j,f] to dw[u,v,f]: the
// gradient of the weights.
func TapsFilter[T cpu.Float](t Taps, dw, x, dy []T) {
	if !runTaps(t, loops().tapsFilter, dy, x, dw) {
		t.each(func(out, in, weight int) { dw[weight] += x[in] * dy[out] })
	}
}

// TapsInput adds dy[j,f]·w[u,v,f] to dx[j·Pixel+u·Row+v·Column+f]: the gradient
// of the image.
func TapsInput[T cpu.Float](t Taps, dx, dy, w []T) {
	if !runTaps(t, loops().tapsInput, dy, dx, w) {
		t.each(func(out, in, weight int) { dx[in] += dy[out] * w[weight] })
	}
}

// runTaps runs a loop in assembly on the output's pixels, the image's and the
// weights. It reports false if there is none.
func runTaps[T cpu.Float](t Taps, loop func(cols, width int, a, b, w []float32, kh, kw, pixel, column, row int), out, in, w []T) bool {
	a, ok := cpu.Float32s(out)
	if !ok {
		return false
	}
	b, _ := cpu.Float32s(in)
	c, _ := cpu.Float32s(w)
	loop(t.Cols, t.Width, a, b, c, t.KH, t.KW, t.Pixel, t.Column, t.Row)
	return true
}

// each calls f for every product, with the places of the output's channel, of
// the image's and of the weight.
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
