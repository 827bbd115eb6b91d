package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// parts is the number of partial sums that run side by side, as an addition
// takes several cycles.
const parts = 4

// quarters repeats step for all n pixels: four at a time, each for another
// part, and the rest for part 0. It then adds up the parts of each sum.
func quarters(n reg.Register, sums [][parts]reg.VecVirtual, step func(part int)) {
	Label("four")
	CMPQ(n, U8(parts))
	JLT(LabelRef("rest"))
	for i := range parts {
		step(i)
	}
	SUBQ(U8(parts), n)
	JMP(LabelRef("four"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("total"))
	step(0)
	DECQ(n)
	JMP(LabelRef("rest"))
	Label("total")
	for _, s := range sums {
		VADDPS(s[1], s[0], s[0])
		VADDPS(s[3], s[2], s[2])
		VADDPS(s[2], s[0], s[0])
	}
}

func zeros() (s [parts]reg.VecVirtual) {
	for i := range s {
		s[i] = zero()
	}
	return s
}

func squares(x, mean reg.VecVirtual) {
	VSUBPS(mean, x, x)
	VMULPS(x, x, x)
}

// sums generates a sum over pixels for each channel, of the pixel as transform
// leaves it.
func sums(name, signature string, transform func(x, mean reg.VecVirtual), term string) {
	function(name+"AVX2", signature,
		"\tfor f := range width { // a multiple of eight",
		"\t\tfor p := range n {",
		"\t\t\tsum[f] += "+term+" // in four interleaved parts, each operation rounded",
		"\t\t}",
		"\t}")
	width, sum, x := number("width"), slice("sum"), slice("x")
	var means reg.Register
	if transform != nil {
		means = slice("mean")
	}
	channels("channel", width, func(f reg.Register) {
		var mean reg.VecVirtual
		if transform != nil {
			mean = load(at(means, f))
		}
		p := GP64()
		LEAQ(at(x, f), p)
		s := zeros()
		quarters(number("n"), [][parts]reg.VecVirtual{s}, func(i int) {
			v := load(Mem{Base: p})
			if transform != nil {
				transform(v, mean)
			}
			VADDPS(v, s[i], s[i])
			advance(p, width)
		})
		VADDPS(at(sum, f), s[0], s[0])
		VMOVUPS(s[0], at(sum, f))
	})
	end()
}

// dots generates what the gradient of a normalisation needs of each channel.
func dots() {
	function("dotsAVX2", "func(sum, dot, d, z, mean []float32, n, width int)",
		"\tfor f := range width { // a multiple of eight",
		"\t\tfor p := range n {",
		"\t\t\tsum[f] += d[p*width+f] // both in four interleaved parts, each operation rounded",
		"\t\t\tdot[f] += d[p*width+f] * (z[p*width+f] - mean[f])",
		"\t\t}",
		"\t}")
	width := number("width")
	sum, dot, d, z, means := slice("sum"), slice("dot"), slice("d"), slice("z"), slice("mean")
	channels("channel", width, func(f reg.Register) {
		mean, from, of := load(at(means, f)), GP64(), GP64()
		LEAQ(at(d, f), from)
		LEAQ(at(z, f), of)
		s, t := zeros(), zeros()
		quarters(number("n"), [][parts]reg.VecVirtual{s, t}, func(i int) {
			v, x := load(Mem{Base: from}), load(Mem{Base: of})
			VADDPS(v, s[i], s[i])
			VSUBPS(mean, x, x)
			VMULPS(v, x, x)
			VADDPS(x, t[i], t[i])
			advance(from, width)
			advance(of, width)
		})
		VADDPS(at(sum, f), s[0], s[0])
		VMOVUPS(s[0], at(sum, f))
		VADDPS(at(dot, f), t[0], t[0])
		VMOVUPS(t[0], at(dot, f))
	})
	end()
}

// normGrad generates the gradient of a normalisation's input.
func normGrad() {
	function("normGradAVX2", "func(d, z, mean, ofD, ofZ, term []float32, n, width int)",
		"\tfor p := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\td[p*width+f] = ofD[f]*d[p*width+f] + (ofZ[f]*(z[p*width+f]-mean[f]) + term[f]) // each operation is rounded",
		"\t\t}",
		"\t}")
	width := number("width")
	d, z, mean := slice("d"), slice("z"), slice("mean")
	ofD, ofZ, term := slice("ofD"), slice("ofZ"), slice("term")
	times("pixel", number("n"), func() {
		channels("channel", width, func(f reg.Register) {
			x, v := load(at(z, f)), load(at(ofD, f))
			VSUBPS(at(mean, f), x, x)
			VMULPS(at(ofZ, f), x, x)
			VADDPS(at(term, f), x, x)
			VMULPS(at(d, f), v, v)
			VADDPS(x, v, v)
			VMOVUPS(v, at(d, f))
		})
		advance(d, width)
		advance(z, width)
	})
	end()
}
