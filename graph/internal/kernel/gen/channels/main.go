// Command channels writes the amd64 assembly of the loops over images that are
// stored channels last, and its Go stubs. Run it with go generate, in the folder
// of package kernel.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sizes of a vector: float32 values, and bytes of one of them.
const (
	lanes = 8
	float = 4
)

// Predicates of VCMPPS.
const (
	unordered      = 0x03 // a or b is NaN
	notLessOrEqual = 0x16 // !(a <= b)
	greaterThan    = 0x1E // a > b
)

func main() {
	ConstraintExpr("!noasm")
	largest()
	spread()
	sums("channelSums", "func(sum, x []float32, n, width int)", nil,
		"x[p*width+f]")
	sums("channelSquares", "func(sum, x, mean []float32, n, width int)", squares,
		"(x[p*width+f] - mean[f])²")
	dots()
	normGrad()
	addPatches()
	taps()
	Generate()
}

// function begins a function whose comment is the loop that it implements.
func function(name, signature string, loop ...string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(append([]string{name + " is", ""}, loop...)...)
}

func slice(param string) reg.Register { return Load(Param(param).Base(), GP64()) }

func number(param string) reg.Register { return Load(Param(param), GP64()) }

// at addresses the elements from index on.
func at(base, index reg.Register) Mem { return Mem{Base: base, Index: index, Scale: float} }

func load(m Mem) reg.VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}

func zero() reg.VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// advance moves a pointer by some elements.
func advance(pointer, elements reg.Register) { LEAQ(at(pointer, elements), pointer) }

// times repeats body n times, n being a register that it counts down, at least 1.
func times(label string, n reg.Register, body func()) {
	Label(label)
	body()
	DECQ(n)
	JNZ(LabelRef(label))
}

// channels repeats body for every vector of channels.
func channels(label string, width reg.Register, body func(f reg.Register)) {
	f := GP64()
	XORQ(f, f)
	Label(label)
	body(f)
	ADDQ(U8(lanes), f)
	CMPQ(f, width)
	JLT(LabelRef(label))
}

func end() {
	VZEROUPPER()
	RET()
}

// constants are those in memory, by value.
var constants = map[uint32]Mem{}

// constant fills a vector with an integer.
func constant(name string, v uint32) reg.VecVirtual {
	if _, ok := constants[v]; !ok {
		constants[v] = ConstData(name, U32(v))
	}
	x := YMM()
	VPBROADCASTD(constants[v], x)
	return x
}

// largest generates the largest pixel of each window, and where it is.
func largest() {
	function("channelLargestAVX2", "func(cols, width int, y []float32, at []uint8, z []float32, kh, kw, row int, scale, shift []float32, floor float32)",
		"\tfor j := range cols {",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tbest, place := float32(math.Inf(-1)), 0",
		"\t\t\tfor u := range kh {",
		"\t\t\t\tfor v := range kw {",
		"\t\t\t\t\tx := z[u*row+(j*kw+v)*width+f]*scale[f] + shift[f] // each operation is rounded",
		"\t\t\t\t\tif x > best || x != x {",
		"\t\t\t\t\t\tbest, place = x, u*kw+v",
		"\t\t\t\t\t}",
		"\t\t\t\t}",
		"\t\t\t}",
		"\t\t\tif best <= floor {",
		"\t\t\t\tbest, place = floor, 255",
		"\t\t\t}",
		"\t\t\ty[j*width+f], at[j*width+f] = best, place // at may be empty",
		"\t\t}",
		"\t}")
	width, row := number("width"), number("row")
	y, place, z := slice("y"), slice("at"), slice("z")
	scale, shift := slice("scale"), slice("shift")
	floor := YMM()
	address, err := Param("floor").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, floor)
	lowest, one, none := constant("lowest", 0xff800000), constant("one", 1), constant("none", 255)
	times("column", number("cols"), func() {
		channels("channel", width, func(f reg.Register) {
			factor, term := load(at(scale, f)), load(at(shift, f))
			best, where, here := YMM(), zero(), zero()
			VMOVAPS(lowest, best)
			top := GP64()
			LEAQ(at(z, f), top)
			times("windowRow", number("kh"), func() {
				p := GP64()
				MOVQ(top, p)
				times("windowColumn", number("kw"), func() {
					x, wins, nan := YMM(), YMM(), YMM()
					VMULPS(Mem{Base: p}, factor, x)
					VADDPS(term, x, x)
					VCMPPS(U8(greaterThan), best, x, wins)
					VCMPPS(U8(unordered), x, x, nan)
					VORPS(nan, wins, wins)
					VBLENDVPS(wins, x, best, best)
					VBLENDVPS(wins, here, where, where)
					VPADDD(one, here, here)
					advance(p, width)
				})
				advance(top, row)
			})
			keep := YMM()
			VCMPPS(U8(notLessOrEqual), floor, best, keep)
			VBLENDVPS(keep, best, floor, best)
			VMOVUPS(best, at(y, f))
			length := Load(Param("at").Len(), GP64())
			TESTQ(length, length)
			JZ(LabelRef("forget"))
			VBLENDVPS(keep, where, none, where)
			storeBytes(where, Mem{Base: place, Index: f, Scale: 1})
			Label("forget")
		})
		advance(y, width)
		ADDQ(width, place)
		step := number("kw")
		IMULQ(width, step)
		advance(z, step)
	})
	end()
}

// storeBytes stores eight integers from 0 to 255 as bytes.
func storeBytes(v reg.VecVirtual, to Mem) {
	high := YMM()
	VEXTRACTI128(U8(1), v, high.AsX())
	VPACKUSDW(high.AsX(), v.AsX(), v.AsX())
	VPACKUSWB(v.AsX(), v.AsX(), v.AsX())
	VMOVQ(v.AsX(), to)
}

// spread generates the gradient of the windows' pixels.
func spread() {
	function("channelSpreadAVX2", "func(cols, width int, dz, dy []float32, at []uint8, kh, kw, row int)",
		"\tfor j := range cols {",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tfor u := range kh {",
		"\t\t\t\tfor v := range kw {",
		"\t\t\t\t\tx := float32(0)",
		"\t\t\t\t\tif at[j*width+f] == u*kw+v {",
		"\t\t\t\t\t\tx = dy[j*width+f]",
		"\t\t\t\t\t}",
		"\t\t\t\t\tdz[u*row+(j*kw+v)*width+f] = x",
		"\t\t\t\t}",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	width, row := number("width"), number("row")
	dz, dy, place := slice("dz"), slice("dy"), slice("at")
	one := constant("one", 1)
	times("column", number("cols"), func() {
		channels("channel", width, func(f reg.Register) {
			d, where, here := load(at(dy, f)), YMM(), zero()
			VPMOVZXBD(Mem{Base: place, Index: f, Scale: 1}, where)
			top := GP64()
			LEAQ(at(dz, f), top)
			times("windowRow", number("kh"), func() {
				p := GP64()
				MOVQ(top, p)
				times("windowColumn", number("kw"), func() {
					x := YMM()
					VPCMPEQD(here, where, x)
					VANDPS(d, x, x)
					VMOVUPS(x, Mem{Base: p})
					VPADDD(one, here, here)
					advance(p, width)
				})
				advance(top, row)
			})
		})
		advance(dy, width)
		ADDQ(width, place)
		step := number("kw")
		IMULQ(width, step)
		advance(dz, step)
	})
	end()
}

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
	function("channelDotsAVX2", "func(sum, dot, d, z, mean []float32, n, width int)",
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
	function("channelNormGradAVX2", "func(d, z, mean, ofD, ofZ, term []float32, n, width int)",
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

// addPatches generates the sum of overlapping patches.
func addPatches() {
	function("channelAddPatchesAVX2", "func(dst, src []float32, n, kh, depth, step, row int)",
		"\tfor j := range n { // at least 1, as kh",
		"\t\tfor u := range kh {",
		"\t\t\tfor d := range depth { // a multiple of eight",
		"\t\t\t\tdst[u*row+j*step+d] += src[(j*kh+u)*depth+d]",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	depth, step, row := number("depth"), number("step"), number("row")
	dst, src := slice("dst"), slice("src")
	times("pixel", number("n"), func() {
		p := GP64()
		MOVQ(dst, p)
		times("patchRow", number("kh"), func() {
			channels("weight", depth, func(d reg.Register) {
				v := load(at(src, d))
				VADDPS(at(p, d), v, v)
				VMOVUPS(v, at(p, d))
			})
			advance(src, depth)
			advance(p, row)
		})
		advance(dst, step)
	})
	end()
}
