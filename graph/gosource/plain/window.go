package plain

// window slides over an image (h,w,c) and gives one of (oh,ow,…).
type window struct {
	h, w, c, oh, ow      int
	kh, kw               int
	strideH, strideW     int
	top, left            int // padding
	dilationH, dilationW int
}

// tap is the position in the image under place (u,v) of the window at (i,j).
func (s window) tap(i, j, u, v int) (at int, inside bool) {
	h, w := i*s.strideH+u*s.dilationH-s.top, j*s.strideW+v*s.dilationW-s.left
	return (h*s.w + w) * s.c, h >= 0 && h < s.h && w >= 0 && w < s.w
}

// conv is a convolution; w and b are as in dense, inputs being (kh,kw,c). rows
// has room for the pixels under one row of windows, (ow,kh,kw,c).
func conv(y, x []float32, w, b []four, rows []float32, s window) {
	row := len(y) / s.oh
	for i := range s.oh {
		s.gather(rows, x, i)
		dense(y[i*row:][:row], rows, w, b, s.ow)
	}
}

// gather copies the pixels under row i of the windows, zeros for the padding.
func (s window) gather(rows, x []float32, i int) {
	for j := range s.ow {
		for u := range s.kh {
			run := rows[:s.kw*s.c]
			rows = rows[len(run):]
			first, in := s.tap(i, j, u, 0)
			if _, too := s.tap(i, j, u, s.kw-1); in && too && s.dilationW == 1 {
				copy(run, x[first:])
				continue
			}
			clear(run)
			for v := range s.kw {
				if at, in := s.tap(i, j, u, v); in {
					copy(run[v*s.c:][:s.c], x[at:])
				}
			}
		}
	}
}

// depthwise filters each channel by itself; w is (kh,kw,c).
func depthwise(y, x, w, b []float32, s window) {
	for p := range s.oh * s.ow {
		pixel := y[p*s.c:][:s.c]
		copy(pixel, b)
		for t := range s.kh * s.kw {
			if at, in := s.tap(p/s.ow, p%s.ow, t/s.kw, t%s.kw); in {
				addProduct(pixel, x[at:], w[t*s.c:])
			}
		}
	}
}

// addProduct adds x·w to y, element by element.
func addProduct(y, x, w []float32) {
	x, w = x[:len(y)], w[:len(y)]
	for i := range y {
		y[i] += x[i] * w[i]
	}
}

// maxPool takes the largest pixel of each window; padding never wins.
func maxPool(y, x []float32, s window) { s.pool(y, x, joinLargest) }

// joinLargest is join for the largest of n pixels.
func joinLargest(y, x []float32, n int) {
	if n == 1 {
		copy(y, x)
		return
	}
	for i, v := range x[:len(y)] {
		if v > y[i] {
			y[i] = v
		}
	}
}

// avgPool takes the mean of each window; padding does not count.
func avgPool(y, x []float32, s window) { s.pool(y, x, joinMean) }

// joinMean is join for the mean of n pixels.
func joinMean(y, x []float32, n int) {
	if n == 1 {
		copy(y, x)
		return
	}
	share := 1 / float32(n)
	for i, v := range x[:len(y)] {
		y[i] += (v - y[i]) * share
	}
}

// pool calls join for each window and each pixel x of the image under it, the
// n-th there, which it joins to those before in y.
func (s window) pool(y, x []float32, join func(y, x []float32, n int)) {
	for p := range s.oh * s.ow {
		n := 0
		for t := range s.kh * s.kw {
			if at, in := s.tap(p/s.ow, p%s.ow, t/s.kw, t%s.kw); in {
				n++
				join(y[p*s.c:][:s.c], x[at:][:s.c], n)
			}
		}
	}
}
