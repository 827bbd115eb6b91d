package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Predicates of VCMPPS.
const (
	unordered         = 0x03 // a or b is NaN
	notGreaterOrEqual = 0x19 // !(a >= b)
	notLessOrEqual    = 0x16 // !(a <= b)
	greater           = 0x1E // a > b
)

// constant fills a vector with an integer.
func (v vector) constant(n uint32) reg.VecVirtual {
	x := v.register()
	VPBROADCASTD(words(n), x)
	return x
}

// broadcast fills a vector with a float32 parameter.
func (v vector) broadcast(param string) reg.VecVirtual {
	x := v.register()
	VBROADCASTSS(parameter(param), x)
	return x
}

// truth is the result of a comparison for each lane: a mask of AVX-512 or, in AVX2, a
// vector whose true lanes have all bits set.
type truth struct{ in reg.Register }

// compared compares x with y by a predicate of VCMPPS.
func (v vector) compared(predicate uint8, x, y reg.VecVirtual) truth {
	if v.evex {
		k := K()
		VCMPPS(U8(predicate), y, x, k)
		return truth{k}
	}
	t := v.register()
	VCMPPS(U8(predicate), y, x, t)
	return truth{t}
}

// either is true where one of the two is. It overwrites b.
func (v vector) either(a, b truth) truth {
	if v.evex {
		KORW(a.in, b.in, b.in)
	} else {
		VORPS(a.in, b.in, b.in)
	}
	return b
}

// both is true where both are. It overwrites b.
func (v vector) both(a, b truth) truth {
	if v.evex {
		KANDW(a.in, b.in, b.in)
	} else {
		VANDPS(a.in, b.in, b.in)
	}
	return b
}

// choose sets x to y where t is true.
func (v vector) choose(t truth, y, x reg.VecVirtual) {
	if v.evex {
		VBLENDMPS(y, x, t.in, x)
	} else {
		VBLENDVPS(t.in, y, x, x)
	}
}

// spoil sets x to NaN where t is true.
func (v vector) spoil(t truth, x reg.VecVirtual) {
	if v.evex {
		VBLENDMPS(v.constant(0xffffffff), x, t.in, x)
	} else {
		VORPS(t.in, x, x)
	}
}

// storeBytes stores integers from 0 to 255 as bytes: the places of winners. AVX2 packs
// 32 bits to 16 and these to 8, after the upper half of the vector has come beside
// the lower one.
func (v vector) storeBytes(x reg.VecVirtual, to Mem) {
	if v.evex {
		VPMOVDB(x, to)
		return
	}
	high := YMM()
	VEXTRACTI128(U8(1), x, high.AsX())
	VPACKUSDW(high.AsX(), x.AsX(), x.AsX())
	VPACKUSWB(x.AsX(), x.AsX(), x.AsX())
	VMOVQ(x.AsX(), to)
}

// bytesAt addresses the byte of a slice of bytes that belongs to the float32 at
// byte f of another slice.
func bytesAt(base, f reg.Register) Mem {
	i := GP64()
	MOVQ(f, i)
	SHRQ(U8(2), i)
	return at(base, i)
}

// largest generates the largest pixel of each window, and where it is:
//
//	best   -Inf at first; a pixel that is larger, or NaN, replaces it
//	where  its place; here counts the places of the window, in all lanes
//	clips  best within floor and top, which goes to y
//	above  best is not at the floor; then, if also below top, where is kept, else 255
func largest(t tier) {
	t.function("largest", "func(cols, width int, y []float32, at []uint8, z []float32, kh, kw, row int, scale, shift []float32, floor, top float32)",
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
		"\t\t\t} else if best >= top {",
		"\t\t\t\tbest, place = top, 255",
		"\t\t\t}",
		"\t\t\ty[j*width+f], at[j*width+f] = best, place // at may be empty",
		"\t\t}",
		"\t}")
	width, row := size("width"), size("row")
	y, place, z := slice("y"), slice("at"), slice("z")
	scale, shift := slice("scale"), slice("shift")
	all := t.widest()
	floor, top := all.broadcast("floor"), all.broadcast("top")
	lowest, one, none := all.constant(0xff800000), all.constant(1), all.constant(255)
	times("column", number("cols"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			factor, term := v.load(at(scale, f)), v.load(at(shift, f))
			best, where, here := v.copied(v.part(lowest)), v.zero(), v.zero()
			windowPixels(start(z, f), width, row, func(p Mem) {
				x := v.register()
				VMULPS(p, factor, x)
				VADDPS(term, x, x)
				wins := v.either(v.compared(greater, x, best), v.compared(unordered, x, x))
				v.choose(wins, x, best)
				v.choose(wins, here, where)
				VPADDD(v.part(one), here, here)
			})
			clips := v.register()
			VMOVAPS(v.part(floor), clips)
			above := v.compared(notLessOrEqual, best, clips)
			v.choose(above, best, clips)
			VMINPS(clips, v.part(top), clips) // keeps a NaN
			VMOVUPS(clips, at(y, f))
			forget := label("forget")
			length := Load(Param("at").Len(), GP64())
			TESTQ(length, length)
			JZ(LabelRef(forget))
			at, keep := v.copied(v.part(none)), v.both(above, v.compared(notGreaterOrEqual, best, v.part(top)))
			v.choose(keep, where, at)
			v.storeBytes(at, bytesAt(place, f))
			Label(forget)
		})
		ADDQ(width, y)
		nextBytes(place)
		step := number("kw")
		IMULQ(width, step)
		ADDQ(step, z)
	})
	end()
}

// nextBytes moves a pointer to bytes to the next pixel.
func nextBytes(p reg.Register) { ADDQ(parameter("width"), p) }

// windowPixels repeats body for each pixel of a window of kh×kw pixels. The pointer
// is lost.
func windowPixels(top, width, row reg.Register, body func(p Mem)) {
	times("windowRow", number("kh"), func() {
		p := GP64()
		MOVQ(top, p)
		times("windowColumn", number("kw"), func() {
			body(Mem{Base: p})
			ADDQ(width, p)
		})
		ADDQ(row, top)
	})
}

// highest generates the largest pixel of each window of 2×2, without its place, for
// inference: four loads, sums and maxima, where largest has a loop over the window.
// It begins at the floor, which must not be NaN. VMAXPS keeps its second operand, the
// first here, where the other is a NaN or no larger: so NaN pixels are noted apart.
func highest(t tier) {
	t.function("highest", "func(cols, width int, y, z []float32, row int, shift []float32, floor, top float32)",
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
		"\t\t\tbest = min(best, top)",
		"\t\t\tif nan {",
		"\t\t\t\tbest = float32(math.NaN())",
		"\t\t\t}",
		"\t\t\ty[j*width+f] = best",
		"\t\t}",
		"\t}")
	width, row := size("width"), size("row")
	y, z, shift := slice("y"), slice("z"), slice("shift")
	floor, top := t.widest().broadcast("floor"), t.widest().broadcast("top")
	below := start(z, row)
	times("column", number("cols"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			term, best := v.load(at(shift, f)), v.copied(v.part(floor))
			var nan [2]truth
			for u, pixels := range [2]reg.Register{z, below} {
				left := start(pixels, f)
				x0, x1 := v.plus(term, Mem{Base: left}), v.plus(term, at(left, width))
				nan[u] = v.compared(unordered, x0, x1)
				VMAXPS(best, x0, best)
				VMAXPS(best, x1, best)
			}
			VMINPS(best, v.part(top), best)
			v.spoil(v.either(nan[0], nan[1]), best)
			VMOVUPS(best, at(y, f))
		})
		ADDQ(width, y)
		for _, p := range []reg.Register{z, below} {
			LEAQ(Mem{Base: p, Index: width, Scale: 2}, p)
		}
	})
	end()
}

// spread generates the gradient of the windows' pixels: dy where the place that counts
// up is the winner's, and 0 elsewhere. So every pixel of a window is written once.
func spread(t tier) {
	t.function("spread", "func(cols, width int, dz, dy []float32, at []uint8, kh, kw, row int)",
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
	width, row := size("width"), size("row")
	dz, dy, place := slice("dz"), slice("dy"), slice("at")
	one := t.widest().constant(1)
	times("column", number("cols"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			d, where, here := v.load(at(dy, f)), v.register(), v.zero()
			VPMOVZXBD(bytesAt(place, f), where)
			windowPixels(start(dz, f), width, row, func(p Mem) {
				x := v.register()
				if v.evex {
					k := K()
					VPCMPEQD(here, where, k)
					VMOVAPS_Z(d, k, x)
				} else {
					VPCMPEQD(here, where, x)
					VANDPS(d, x, x)
				}
				VMOVUPS(x, p)
				VPADDD(v.part(one), here, here)
			})
		})
		ADDQ(width, dy)
		nextBytes(place)
		step := number("kw")
		IMULQ(width, step)
		ADDQ(step, dz)
	})
	end()
}
