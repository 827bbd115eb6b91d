package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file has LayerNorm's loops. A row is read three times forward and twice
// backward, the first time from memory and then from the cache.

// rowNorms generates the normalisation of the rows of a matrix. It rounds in the order
// of its plain twin, so the bits are the same. Products are not fused: the loops wait
// for memory, not for arithmetic.
func rowNorms() {
	defer func() { lanes = 8 }()
	for _, lanes = range []int{8, 16} {
		normRows()
		normRowsGrad()
		addNormed()
	}
}

// normRows generates the forward loop. Its two sums are one after the other: with
// Σx² - (Σx)²/n in one pass the digits would cancel.
func normRows() {
	begin("normRows", "func(y, x, gamma, beta, mean, scale []float32, epsilon float64)",
		"\tcols := len(gamma)",
		"\tfor r := 0; r < len(y); r += cols { // whole rows; sums in sixteen interleaved parts",
		"\t\ty, x := y[r:r+cols], x[r:r+cols]",
		"\t\tmean := sum(x) / float32(cols)",
		"\t\tscale := float32(1 / math.Sqrt(float64(sum((x-mean)*(x-mean)))/float64(cols)+epsilon))",
		"\t\tfor i := range y { // each operation is rounded",
		"\t\t\ty[i] = gamma[i]*((x[i]-mean)*scale) + beta[i]",
		"\t\t}",
		"\t\t// mean and scale go into slices of as many elements as rows, or none",
		"\t}")
	r := newRows(Load(Param("gamma").Len(), GP64()), "y", "x")
	y, x, gamma, beta := r.bases[0], r.bases[1], slice("gamma"), slice("beta")
	means, scales := slice("mean"), slice("scale")
	size := fromCount(r.cols)
	r.each("y", func() {
		sum, squares := sums(), sums()
		r.steps("mean", func(s step) {
			for i, at := range s {
				sum.add(i, at, at.get(x))
			}
		})
		mean := over(sum.reduce(VADDPS), size)
		// Beyond the row x is 0, but its deviation is not: add leaves it out.
		r.steps("variance", func(s step) {
			for i, at := range s {
				d := minus(at.get(x), mean)
				squares.add(i, at, times(d, d))
			}
		})
		scale := inverseRoot(squares.reduce(VADDPS), r.cols)
		r.steps("norm", func(s step) {
			for _, at := range s {
				v := times(times(minus(at.get(x), mean), scale), at.get(gamma))
				at.put(plus(v, at.get(beta)), y)
			}
		})
		TESTQ(means, means)
		JZ(LabelRef("next"))
		VMOVSS(mean.AsX(), Mem{Base: means})
		VMOVSS(scale.AsX(), Mem{Base: scales})
		ADDQ(U8(float), means)
		ADDQ(U8(float), scales)
		Label("next")
	})
}

// fromCount fills a vector with a positive integer. The register is cleared first:
// the conversion keeps its upper part and would wait for it.
func fromCount(n reg.Register) vec {
	x := XMM()
	VXORPS(x, x, x)
	VCVTSI2SSQ(n, x, x)
	return everywhere(x)
}

// inverseRoot returns 1/√(sum/n + epsilon), computed in float64 as in Go, so that the
// bits are the same whether epsilon has a float32 or not.
func inverseRoot(sum vec, n reg.Register) vec {
	v, size, one := XMM(), XMM(), XMM()
	address, err := Param("epsilon").Resolve()
	if err != nil {
		panic(err)
	}
	VCVTSS2SD(sum.AsX(), sum.AsX(), v)
	VXORPS(size, size, size)
	VCVTSI2SDQ(n, size, size)
	VDIVSD(size, v, v)
	VADDSD(address.Addr, v, v)
	VSQRTSD(v, v, v)
	VMOVSD(constant64(1).Mem, one)
	VDIVSD(v, one, v)
	VCVTSD2SS(v, v, v)
	return everywhere(v)
}

// normRowsGrad generates the gradient of x. gamma·dy is computed twice rather than
// kept: dx may be where dy is.
func normRowsGrad() {
	begin("normRowsGrad", "func(dx, dy, x, gamma, mean, scale []float32)",
		"\tcols := len(gamma)",
		"\tfor r, mean := range mean { // whole rows; sums in sixteen interleaved parts",
		"\t\tdx, dy, x, scale := dx[r*cols:][:cols], dy[r*cols:], x[r*cols:], scale[r]",
		"\t\tfor i := range dx { // each operation is rounded",
		"\t\t\tg += gamma[i] * dy[i]",
		"\t\t\tgx += gamma[i] * dy[i] * (x[i] - mean)",
		"\t\t}",
		"\t\tg, gx = g/float32(cols), gx*scale/float32(cols)",
		"\t\tfor i := range dx {",
		"\t\t\tdx[i] = scale * (gamma[i]*dy[i] - g - (x[i]-mean)*scale*gx)",
		"\t\t}",
		"\t}")
	r := newRows(Load(Param("gamma").Len(), GP64()), "dx", "dy", "x")
	dx, dy, x, gamma := r.bases[0], r.bases[1], r.bases[2], slice("gamma")
	means, scales := slice("mean"), slice("scale")
	size := fromCount(r.cols)
	r.each("dx", func() {
		mean, scale := fresh(), fresh()
		VBROADCASTSS(Mem{Base: means}, mean)
		VBROADCASTSS(Mem{Base: scales}, scale)
		ADDQ(U8(float), means)
		ADDQ(U8(float), scales)
		sumG, sumGX := sums(), sums()
		r.steps("sums", func(s step) {
			for i, at := range s {
				g := times(at.get(dy), at.get(gamma))
				sumG.add(i, at, g)
				sumGX.add(i, at, times(minus(at.get(x), mean), g))
			}
		})
		g := over(sumG.reduce(VADDPS), size)
		gx := over(times(sumGX.reduce(VADDPS), scale), size)
		r.steps("dx", func(s step) {
			for _, at := range s {
				v := minus(times(at.get(dy), at.get(gamma)), g)
				v = minus(v, times(times(minus(at.get(x), mean), scale), gx))
				at.put(times(v, scale), dx)
			}
		})
	})
}

// addNormed generates one row's share of the gradient of gamma. Rows are added up in
// order, so the elements of gamma may be shared out over the processors.
func addNormed() {
	begin("addNormed", "func(sum, dy, x []float32, mean, scale float32)",
		"\tfor i := range sum { // each operation is rounded",
		"\t\tsum[i] += dy[i] * ((x[i] - mean) * scale)",
		"\t}")
	sum, dy, x, mean, scale := slice("sum"), slice("dy"), slice("x"), parameter("mean"), parameter("scale")
	elements("sum", func(at part) {
		v := times(times(minus(at.get(x), mean), scale), at.get(dy))
		at.put(plus(v, at.get(sum)), sum)
	})
}
