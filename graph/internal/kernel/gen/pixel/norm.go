package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// parts is the number of partial sums that run side by side, as an addition
// takes several cycles.
const parts = 4

// sum has a sum for each channel of a vector, in parts.
type sum [parts]reg.VecVirtual

// quarters repeats step for all n pixels: four at a time, each for another
// part, and the rest for part 0. It then adds up the parts of each sum, as
// (s0+s1)+(s2+s3): the order of partOf and of the plain loops in package pixel.
func quarters(n reg.Register, sums []sum, step func(part int)) {
	four, rest, total := label("four"), label("rest"), label("total")
	align()
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

// sums returns n sums of nothing.
func (v vector) sums(n int) []sum {
	sums := make([]sum, n)
	for k := range sums {
		for i := range parts {
			sums[k][i] = v.zero()
		}
	}
	return sums
}

// loads reads n vectors that lie side by side from p on.
func (v vector) loads(n int, p Mem) []reg.VecVirtual {
	x := make([]reg.VecVirtual, n)
	for k := range x {
		x[k] = v.load(v.behind(p, k))
	}
	return x
}

// behind addresses the vector that is k vectors behind another.
func (v vector) behind(p Mem, k int) Mem {
	p.Disp += k * v.bytes()
	return p
}

// addSums adds sums to the numbers in memory.
func (v vector) addSums(to Mem, sums []sum) {
	for k, s := range sums {
		VADDPS(v.behind(to, k), s[0], s[0])
		VMOVUPS(s[0], v.behind(to, k))
	}
}

// squares sets x to (x-mean)².
func squares(x, mean reg.VecVirtual) {
	VSUBPS(mean, x, x)
	VMULPS(x, x, x)
}

// sums generates a sum over pixels for each channel, of the pixel as transform
// leaves it; nil leaves it as it is. It goes through all pixels for a block of
// channels, and then for the next block:
//
//	          block 0    block 1
//	pixel 0   │ v v v v │ v v v v │ …
//	pixel 1   │ v v v v │ v v v v │ …        four parts of each sum in registers
//
// A block of four vectors of AVX-512 is four lines of the cache, of which nothing is
// read twice.
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
	t.blocks(t.widest().room/6, width, func(v vector, n int, f reg.Register) {
		var mean []reg.VecVirtual
		if transform != nil {
			mean = v.loads(n, at(means, f))
		}
		p, sums := start(x, f), v.sums(n)
		quarters(number("n"), sums, func(i int) {
			for k, s := range sums {
				from := v.behind(Mem{Base: p}, k)
				if transform == nil {
					VADDPS(from, s[i], s[i])
					continue
				}
				x := v.load(from)
				transform(x, mean[k])
				VADDPS(x, s[i], s[i])
			}
			ADDQ(width, p)
		})
		v.addSums(at(sum, f), sums)
	})
	end()
}

// dots generates the two sums that the gradient of a normalisation needs of each
// channel, in blocks of half as many vectors, as each has two sums.
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
	t.blocks(t.widest().room/12, width, func(v vector, n int, f reg.Register) {
		mean, from, of := v.loads(n, at(means, f)), start(d, f), start(z, f)
		sums := v.sums(2 * n)
		quarters(number("n"), sums, func(i int) {
			for k := range n {
				d, x := v.load(v.behind(Mem{Base: from}, k)), v.load(v.behind(Mem{Base: of}, k))
				VADDPS(d, sums[k][i], sums[k][i])
				VSUBPS(mean[k], x, x)
				VMULPS(d, x, x)
				VADDPS(x, sums[n+k][i], sums[n+k][i])
			}
			ADDQ(width, from)
			ADDQ(width, of)
		})
		v.addSums(at(sum, f), sums[:n])
		v.addSums(at(dot, f), sums[n:])
	})
	end()
}

// normGrad generates the gradient of a normalisation's input. Each vector reads its
// four numbers a channel again: they are in the first cache, and registers would not
// hold them for all channels.
func normGrad(t tier) {
	t.function("normGrad", "func(dz, d, z, mean, ofD, ofZ, term []float32, n, width int)",
		"\tfor p := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tdz[p*width+f] = ofD[f]*d[p*width+f] + (ofZ[f]*(z[p*width+f]-mean[f]) + term[f]) // each operation is rounded",
		"\t\t}",
		"\t}")
	width := size("width")
	dz, d, z, mean := slice("dz"), slice("d"), slice("z"), slice("mean")
	ofD, ofZ, term := slice("ofD"), slice("ofZ"), slice("term")
	times("pixel", number("n"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			x, y := v.load(at(z, f)), v.load(at(ofD, f))
			VSUBPS(at(mean, f), x, x)
			VMULPS(at(ofZ, f), x, x)
			VADDPS(at(term, f), x, x)
			VMULPS(at(d, f), y, y)
			VADDPS(x, y, y)
			VMOVUPS(y, at(dz, f))
		})
		ADDQ(width, dz)
		ADDQ(width, d)
		ADDQ(width, z)
	})
	end()
}
