package kernel

// vectorFuncs are loops over float32 in assembly, from tierAVX2 on. They take a
// multiple of eight elements and give the same bits as their plain loop. There a
// conversion to float32 keeps the compiler from fusing a product with the sum
// around it.
type vectorFuncs struct {
	relu      func(y, x []float32)
	reluGrad  func(dx, dy, x []float32)
	add       func(dst, src []float32)
	addScalar func(dst []float32, s float32)
	average   func(a, x []float32, share float32)
	sgd       func(w, g []float32, lr float32)
	momentum  func(w, g, u []float32, lr, momentum float32)
	nesterov  func(w, g, u []float32, lr, momentum float32)
	normalise func(g, v []float32, beta, rest, epsilon float32)
	adam      func(w, g, m, v []float32, lr, look, epsilon, beta1, beta2, rest1, rest2, decay float32)
	lion      func(w, g, m []float32, lr, beta1, beta2, rest1, rest2, decay float32)
}

// float32s returns x if it is of float32 and there is assembly for it.
func float32s[T Float](x []T) (f []float32, ok bool) {
	if activeTier < tierAVX2 {
		return nil, false
	}
	f, ok = any(x).([]float32)
	return f, ok
}

// head returns the part of x that assembly does, whole blocks of eight; the
// rest is for a plain loop.
func head[T Float](x []T) []float32 {
	f, _ := float32s(x)
	return f[:len(f)&^7]
}

// relu computes y[i] = max(x[i], 0), NaN where x is NaN.
func relu[T Float](y, x []T) {
	x = x[:len(y)]
	h := head(y)
	if len(h) > 0 {
		vectors.relu(h, head(x))
	}
	for i := len(h); i < len(y); i++ {
		if y[i] = x[i]; x[i] <= 0 {
			y[i] = 0
		}
	}
}

// reluGrad computes dx[i] = dy[i] where x[i] > 0 or NaN, else 0. The slices may
// be one.
func reluGrad[T Float](dx, dy, x []T) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	h := head(dx)
	if len(h) > 0 {
		vectors.reluGrad(h, head(dy), head(x))
	}
	for i := len(h); i < len(dx); i++ {
		d := dy[i]
		if x[i] <= 0 {
			d = 0
		}
		dx[i] = d
	}
}

// add computes dst[i] += src[i].
func add[T Float](dst, src []T) {
	src = src[:len(dst)]
	h := head(dst)
	if len(h) > 0 {
		vectors.add(h, head(src))
	}
	for i := len(h); i < len(dst); i++ {
		dst[i] += src[i]
	}
}

// addScalar computes dst[i] += s.
func addScalar[T Float](dst []T, s T) {
	h := head(dst)
	if len(h) > 0 {
		vectors.addScalar(h, float32(s))
	}
	for i := len(h); i < len(dst); i++ {
		dst[i] += s
	}
}

// sum adds up x in four interleaved partial sums: faster than one, and closer
// to the exact sum.
func sum[T Float](x []T) T {
	var a, b, c, d T
	for ; len(x) >= 4; x = x[4:] {
		a += x[0]
		b += x[1]
		c += x[2]
		d += x[3]
	}
	for _, v := range x {
		a += v
	}
	return (a + b) + (c + d)
}
