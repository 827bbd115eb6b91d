package main

// elementwise generates sums and products of slices of one length. Each operation
// is rounded by itself, as Go does without fusing: so the plain loops give the same
// bits. The slices may be short, the channels of one pixel: the last elements go
// under a mask rather than one by one.
func elementwise() {
	defer func() { lanes = 8 }()
	for _, lanes = range []int{8, 16} {
		scale()
		addTo()
		scaleBy()
		shiftBy()
		addProducts()
		tanhBack()
	}
}

// scale is the product of two slices: of a tensor with another one, or of a pixel
// with a factor a channel.
func scale() {
	begin("scale", "func(y, x, s []float32)",
		"\tfor i := range y {", "\t\ty[i] = x[i] * s[i]", "\t}")
	y, x, s := slice("y"), slice("x"), slice("s")
	elements("y", func(at part) { at.put(times(at.get(x), at.get(s)), y) })
}

// scaleBy is the product with a number that is the same for all elements, such as the
// factor of a channel where its pixels lie side by side.
func scaleBy() {
	begin("scaleBy", "func(y, x []float32, factor float32)",
		"\tfor i := range y {", "\t\ty[i] = x[i] * factor", "\t}")
	y, x, factor := slice("y"), slice("x"), parameter("factor")
	elements("y", func(at part) { at.put(times(at.get(x), factor), y) })
}

// shiftBy is the sum with such a number.
func shiftBy() {
	begin("shiftBy", "func(y, x []float32, more float32)",
		"\tfor i := range y {", "\t\ty[i] = x[i] + more", "\t}")
	y, x, more := slice("y"), slice("x"), parameter("more")
	elements("y", func(at part) { at.put(plus(at.get(x), more), y) })
}

// addProducts is the gradient of a factor that scale repeats.
func addProducts() {
	begin("addProducts", "func(sum, x, s []float32)",
		"\tfor i := range sum {", "\t\tsum[i] += x[i] * s[i]", "\t}")
	sum, x, s := slice("sum"), slice("x"), slice("s")
	elements("sum", func(at part) { at.put(plus(times(at.get(x), at.get(s)), at.get(sum)), sum) })
}

// tanhBack is the gradient of tanh where its result is known.
func tanhBack() {
	begin("tanhBack", "func(dx, dy, y []float32)",
		"\tfor i := range dx {", "\t\tdx[i] = dy[i] * (1 - y[i]*y[i])", "\t}")
	dx, dy, y, one := slice("dx"), slice("dy"), slice("y"), fill(constant(1))
	elements("dx", func(at part) {
		t := at.get(y)
		at.put(times(minus(one, times(t, t)), at.get(dy)), dx)
	})
}

// addTo is a sum that does not replace one of its terms.
func addTo() {
	begin("addTo", "func(y, a, b []float32)",
		"\tfor i := range y {", "\t\ty[i] = a[i] + b[i]", "\t}")
	y, a, b := slice("y"), slice("a"), slice("b")
	elements("y", func(at part) { at.put(plus(at.get(a), at.get(b)), y) })
}
