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
	four, rest, total := label("four"), label("rest"), label("total")
	Label(four)
	CMPQ(n, U8(parts))
	JLT(LabelRef(rest))
	for i := range parts {
		step(i)
	}
	SUBQ(U8(parts), n)
	JMP(LabelRef(four))
	Label(rest)
	TESTQ(n, n)
	JZ(LabelRef(total))
	step(0)
	DECQ(n)
	JMP(LabelRef(rest))
	Label(total)
	for _, s := range sums {
		VADDPS(s[1], s[0], s[0])
		VADDPS(s[3], s[2], s[2])
		VADDPS(s[2], s[0], s[0])
	}
}

// zeros are the parts of a sum at the beginning.
func (v vector) zeros() (s [parts]reg.VecVirtual) {
	for i := range s {
		s[i] = v.zero()
	}
	return s
}

// addTo adds a sum to what is in memory.
func addTo(to Mem, s [parts]reg.VecVirtual) {
	VADDPS(to, s[0], s[0])
	VMOVUPS(s[0], to)
}

func squares(x, mean reg.VecVirtual) {
	VSUBPS(mean, x, x)
	VMULPS(x, x, x)
}

// sums generates a sum over pixels for each channel, of the pixel as transform
// leaves it.
func sums(t tier, name, signature string, transform func(x, mean reg.VecVirtual), term string) {
	t.function(name, signature,
		"\tfor f := range width { // a multiple of eight",
		"\t\tfor p := range n {",
		"\t\t\tsum[f] += "+term+" // in four interleaved parts, each operation rounded",
		"\t\t}",
		"\t}")
	width, sum, x := size("width"), slice("sum"), slice("x")
	var means reg.Register
	if transform != nil {
		means = slice("mean")
	}
	t.channels(width, func(v vector, f reg.Register) {
		var mean reg.VecVirtual
		if transform != nil {
			mean = v.load(at(means, f))
		}
		p, s := start(x, f), v.zeros()
		quarters(number("n"), [][parts]reg.VecVirtual{s}, func(i int) {
			x := v.load(Mem{Base: p})
			if transform != nil {
				transform(x, mean)
			}
			VADDPS(x, s[i], s[i])
			ADDQ(width, p)
		})
		addTo(at(sum, f), s)
	})
	end()
}

// dots generates what the gradient of a normalisation needs of each channel.
func dots(t tier) {
	t.function("dots", "func(sum, dot, d, z, mean []float32, n, width int)",
		"\tfor f := range width { // a multiple of eight",
		"\t\tfor p := range n {",
		"\t\t\tsum[f] += d[p*width+f] // both in four interleaved parts, each operation rounded",
		"\t\t\tdot[f] += d[p*width+f] * (z[p*width+f] - mean[f])",
		"\t\t}",
		"\t}")
	width := size("width")
	sum, dot, d, z, means := slice("sum"), slice("dot"), slice("d"), slice("z"), slice("mean")
	t.channels(width, func(v vector, f reg.Register) {
		mean, from, of := v.load(at(means, f)), start(d, f), start(z, f)
		s, t := v.zeros(), v.zeros()
		quarters(number("n"), [][parts]reg.VecVirtual{s, t}, func(i int) {
			d, x := v.load(Mem{Base: from}), v.load(Mem{Base: of})
			VADDPS(d, s[i], s[i])
			VSUBPS(mean, x, x)
			VMULPS(d, x, x)
			VADDPS(x, t[i], t[i])
			ADDQ(width, from)
			ADDQ(width, of)
		})
		addTo(at(sum, f), s)
		addTo(at(dot, f), t)
	})
	end()
}

// normGrad generates the gradient of a normalisation's input.
func normGrad(t tier) {
	t.function("normGrad", "func(d, z, mean, ofD, ofZ, term []float32, n, width int)",
		"\tfor p := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\td[p*width+f] = ofD[f]*d[p*width+f] + (ofZ[f]*(z[p*width+f]-mean[f]) + term[f]) // each operation is rounded",
		"\t\t}",
		"\t}")
	width := size("width")
	d, z, mean := slice("d"), slice("z"), slice("mean")
	ofD, ofZ, term := slice("ofD"), slice("ofZ"), slice("term")
	times("pixel", number("n"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			x, y := v.load(at(z, f)), v.load(at(ofD, f))
			VSUBPS(at(mean, f), x, x)
			VMULPS(at(ofZ, f), x, x)
			VADDPS(at(term, f), x, x)
			VMULPS(at(d, f), y, y)
			VADDPS(x, y, y)
			VMOVUPS(y, at(d, f))
		})
		ADDQ(width, d)
		ADDQ(width, z)
	})
	end()
}
