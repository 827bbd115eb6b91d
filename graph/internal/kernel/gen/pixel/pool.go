package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"tapenet/graph/internal/kernel/gen/asm"
)

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
	function("largestAVX2", "func(cols, width int, y []float32, at []uint8, z []float32, kh, kw, row int, scale, shift []float32, floor float32)",
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
	floor := asm.Broadcast("floor")
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
					VCMPPS(U8(greater), best, x, wins)
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

// highest generates the largest pixel of each window of 2×2, and nothing of where
// it is. VMAXPS keeps its second operand, the first here, where the other is a NaN
// or no larger.
func highest() {
	function("highestAVX2", "func(cols, width int, y, z []float32, row int, shift []float32, floor float32)",
		"\tfor j := range cols {",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tbest, nan := floor, false",
		"\t\t\tfor u := range 2 {",
		"\t\t\t\tfor v := range 2 {",
		"\t\t\t\t\tx := z[u*row+(j*2+v)*width+f] + shift[f]",
		"\t\t\t\t\tif x > best {",
		"\t\t\t\t\t\tbest = x",
		"\t\t\t\t\t}",
		"\t\t\t\t\tnan = nan || x != x",
		"\t\t\t\t}",
		"\t\t\t}",
		"\t\t\tif nan {",
		"\t\t\t\tbest = float32(math.NaN())",
		"\t\t\t}",
		"\t\t\ty[j*width+f] = best",
		"\t\t}",
		"\t}")
	width, row := number("width"), number("row")
	y, z, shift := slice("y"), slice("z"), slice("shift")
	floor := asm.Broadcast("floor")
	right, below, corner := GP64(), GP64(), GP64() // the window's other pixels
	LEAQ(at(z, width), right)
	LEAQ(at(z, row), below)
	LEAQ(at(below, width), corner)
	step := GP64()
	LEAQ(Mem{Base: width, Index: width, Scale: 1}, step)
	times("column", number("cols"), func() {
		channels("channel", width, func(f reg.Register) {
			term, best := load(at(shift, f)), YMM()
			VMOVAPS(floor, best)
			var nan [2]reg.VecVirtual
			for u, pair := range [2][2]reg.Register{{z, right}, {below, corner}} {
				x0, x1 := YMM(), YMM()
				VADDPS(at(pair[0], f), term, x0)
				VADDPS(at(pair[1], f), term, x1)
				nan[u] = YMM()
				VCMPPS(U8(unordered), x0, x1, nan[u])
				VMAXPS(best, x0, best)
				VMAXPS(best, x1, best)
			}
			VORPS(nan[0], best, best)
			VORPS(nan[1], best, best)
			VMOVUPS(best, at(y, f))
		})
		advance(y, width)
		for _, p := range []reg.Register{z, right, below, corner} {
			advance(p, step)
		}
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
	function("spreadAVX2", "func(cols, width int, dz, dy []float32, at []uint8, kh, kw, row int)",
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
