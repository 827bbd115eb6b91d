package kernel

// taps are the weights of a row of filters, one a channel, on an image that is
// stored channels last. pixel is the distance of the filters, column and row that
// of their weights, all in elements. The assembly rounds a product and the sum
// around it once.
type taps struct {
	cols, width, kh, kw int
	pixel, column, row  int
}

// tapsForward computes y[j,f] = Σ_u Σ_v x[j·pixel+u·row+v·column+f]·w[u,v,f].
func tapsForward[T Float](t taps, y, x, w []T) {
	if runTaps(t, channelLoops.tapsForward, y, x, w) {
		return
	}
	clear(y[:t.cols*t.width])
	t.each(func(out, in, weight int) { y[out] += x[in] * w[weight] })
}

// tapsFilter adds to dw[u,v,f] the sum over j of x[j·pixel+u·row+v·column+f]·dy[j,f].
func tapsFilter[T Float](t taps, dw, x, dy []T) {
	if !runTaps(t, channelLoops.tapsFilter, dy, x, dw) {
		t.each(func(out, in, weight int) { dw[weight] += x[in] * dy[out] })
	}
}

// tapsInput adds dy[j,f]·w[u,v,f] to dx[j·pixel+u·row+v·column+f].
func tapsInput[T Float](t taps, dx, dy, w []T) {
	if !runTaps(t, channelLoops.tapsInput, dy, dx, w) {
		t.each(func(out, in, weight int) { dx[in] += dy[out] * w[weight] })
	}
}

// runTaps runs a loop in assembly, if there is one.
func runTaps[T Float](t taps, loop func(cols, width int, a, b, w []float32, kh, kw, pixel, column, row int), out, in, w []T) bool {
	a, ok := float32s(out)
	if !ok {
		return false
	}
	b, _ := float32s(in)
	c, _ := float32s(w)
	loop(t.cols, t.width, a, b, c, t.kh, t.kw, t.pixel, t.column, t.row)
	return true
}

// each calls f for every product, with the places of an output pixel's channel,
// of the image's and of the weight.
func (t taps) each(f func(out, in, weight int)) {
	for j := range t.cols {
		for c := range t.width {
			for u := range t.kh {
				for v := range t.kw {
					f(j*t.width+c, j*t.pixel+u*t.row+v*t.column+c, (u*t.kw+v)*t.width+c)
				}
			}
		}
	}
}
