package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A turn transposes blocks of 8×8 elements, of which rows are planes or pixels. Two
// blocks that lie side by side along the planes go one after the other: then a line of
// the cache is done with at once, however far apart the planes are:
//
//	plane c    │ 8 pixels │ 8 pixels │     a line of the cache, 16 elements
//	plane c+1  │ block 0  │ block 1  │     eight planes: 2 blocks, then the next planes
//
// A block takes three steps of eight instructions: halves of vectors meet, pairs of
// elements, pairs of pairs. Wider blocks do not pay: AVX-512 moves elements between
// halves of vectors half as often a cycle.
const turned = 8

// turns generates the transpositions between planes and pixels.
func turns(t tier) {
	fromPlanes(t)
	toPlanes(t)
	fromFewPlanes(t)
	toFewPlanes(t)
}

// grid are rows of elements in memory: the pointers reach eight of them, see thirds.
type grid struct {
	p      []reg.Register
	stride reg.Register
}

func newGrid(base, stride reg.Register) grid { return grid{thirds(base, stride, turned), stride} }

// at addresses element j of row i.
func (g grid) at(i, j int) Mem {
	m := nth(g.p, g.stride, i)
	m.Disp = j * float
	return m
}

// narrow is the vector of eight lanes.
func (t tier) narrow() vector { return t.vectors[len(t.vectors)-1] }

// columns8 returns the columns of a block of 8×8 elements. The halves of vectors meet
// on their way from memory, where that costs no shuffle: left i has the first four
// elements of the rows i and i+4, right i the last four of both.
func columns8(v vector, at func(i, j int) Mem) [turned]reg.VecVirtual {
	var left, right [4]reg.VecVirtual // of rows i and i+4
	for i := range left {
		left[i], right[i] = v.load(at(i, 0)), v.load(at(i+4, 0))
		VINSERTF128(U8(1), at(i+4, 0), left[i], left[i])
		VINSERTF128(U8(0), at(i, 4), right[i], right[i])
	}
	return joined(left, right)
}

// columnsOf returns the columns of a block whose rows are in registers.
func columnsOf(row [turned]reg.VecVirtual) [turned]reg.VecVirtual {
	var left, right [4]reg.VecVirtual
	for i := range left {
		left[i], right[i] = YMM(), YMM()
		VINSERTF128(U8(1), row[i+4].AsX(), row[i], left[i])
		VPERM2F128(U8(0x31), row[i+4], row[i], right[i])
	}
	return joined(left, right)
}

// joined returns the columns of a block from its left and its right four columns.
func joined(left, right [4]reg.VecVirtual) (c [turned]reg.VecVirtual) {
	a, b := quarter(left), quarter(right)
	copy(c[:], a[:])
	copy(c[4:], b[:])
	return c
}

// quarter transposes the blocks of 4×4 elements in the halves of four vectors.
func quarter(x [4]reg.VecVirtual) (c [4]reg.VecVirtual) {
	var pairs [4]reg.VecVirtual
	for i := range pairs {
		pairs[i], c[i] = YMM(), YMM()
	}
	for i := range 2 {
		VUNPCKLPS(x[2*i+1], x[2*i], pairs[i])
		VUNPCKHPS(x[2*i+1], x[2*i], pairs[i+2])
	}
	for i := range 2 {
		VUNPCKLPD(pairs[2*i+1], pairs[2*i], c[2*i])
		VUNPCKHPD(pairs[2*i+1], pairs[2*i], c[2*i+1])
	}
	return c
}

// eachTurn repeats body for the pixels, 16 at a time and then eight, and calls rest if
// there are some left, whose number is in n.
func eachTurn(n reg.Register, body func(pixels int), rest func()) {
	for _, pixels := range []int{2 * turned, turned} {
		again, done := label("pixels"), label("less")
		Label(again)
		CMPQ(n, U8(pixels))
		JLT(LabelRef(done))
		body(pixels)
		SUBQ(U8(pixels), n)
		JMP(LabelRef(again))
		Label(done)
	}
	over := label("over")
	TESTQ(n, n)
	JZ(LabelRef(over))
	rest()
	Label(over)
	end()
}

// fromPlanes generates the way from planes to pixels. The last pixels, fewer than
// eight, are read under a mask, and as many columns are stored.
func fromPlanes(t tier) {
	t.function("fromPlanes", "func(channels, pixels int, dst *float32, dstPixel int, src *float32, srcPlane int)",
		"\tfor p := range pixels {",
		"\t\tfor c := range channels { // a multiple of eight, at least eight",
		"\t\t\tdst[p*dstPixel+c] = src[c*srcPlane+p]",
		"\t\t}",
		"\t}")
	v := t.narrow()
	dst, dstPixel := number("dst"), size("dstPixel")
	src, srcPlane := number("src"), size("srcPlane")
	n := number("pixels")
	// blocks goes over the planes, eight at a time, for the pixels that src and dst
	// have come to.
	blocks := func(do func(planes grid, to reg.Register)) {
		plane, to, c := GP64(), GP64(), number("channels")
		MOVQ(src, plane)
		MOVQ(dst, to)
		SHRQ(U8(3), c)
		times("channels", c, func() {
			planes := newGrid(plane, srcPlane)
			do(planes, to)
			LEAQ(Mem{Base: planes.p[2], Index: srcPlane, Scale: 2}, plane)
			ADDQ(U8(turned*float), to)
		})
	}
	eachTurn(n, func(pixels int) {
		blocks(func(planes grid, to reg.Register) {
			p := GP64()
			MOVQ(to, p)
			for first := 0; first < pixels; first += turned {
				column := columns8(v, func(i, j int) Mem { return planes.at(i, first+j) })
				for _, x := range column {
					VMOVUPS(x, Mem{Base: p})
					ADDQ(dstPixel, p)
				}
			}
			if pixels > turned {
				ahead(planes)
			}
		})
		ADDQ(U8(pixels*float), src)
		for range pixels / turned {
			LEAQ(Mem{Base: dst, Index: dstPixel, Scale: 8}, dst)
		}
	}, func() {
		some := v.first(n)
		blocks(func(planes grid, to reg.Register) {
			var row [turned]reg.VecVirtual
			for i := range row {
				row[i] = some.load(planes.at(i, 0))
			}
			storeRows(n, columnsOf(row), to, dstPixel, func(x reg.VecVirtual, to Mem) { VMOVUPS(x, to) })
		})
	})
}

// ahead asks for the next line of each plane: a processor reads ahead by itself in a
// few streams of memory, but not in so many.
func ahead(planes grid) {
	for i := range turned {
		PREFETCHT0(planes.at(i, 2*turned))
	}
}

// storeRows stores the first n vectors, of less than eight, a stride apart.
func storeRows(n reg.Register, x [turned]reg.VecVirtual, to, stride reg.Register, store func(x reg.VecVirtual, to Mem)) {
	p, done := GP64(), label("stored")
	MOVQ(to, p)
	for i, x := range x {
		store(x, Mem{Base: p})
		if i < turned-1 {
			CMPQ(n, U8(i+1))
			JLE(LabelRef(done))
			ADDQ(stride, p)
		}
	}
	Label(done)
}

// lanes are the first lanes of a vector.
type lanes struct {
	v    vector
	mask reg.Register
}

// first returns the first n lanes, fewer than eight, as a mask from a table.
func (v vector) first(n reg.Register) lanes {
	at := GP64()
	LEAQ(laneMasks(), at)
	back := GP64()
	MOVQ(n, back)
	NEGQ(back)
	mask := YMM()
	VMOVDQU(Mem{Base: at, Index: back, Scale: float, Disp: turned * float}, mask)
	if !v.evex {
		return lanes{v, mask}
	}
	k := K()
	VPMOVD2M(mask, k)
	return lanes{v, k}
}

// load reads these lanes. The others are zero, and their memory is not touched.
func (l lanes) load(from Mem) reg.VecVirtual {
	x := l.v.register()
	if l.v.evex {
		VMOVUPS_Z(from, l.mask, x)
	} else {
		VMASKMOVPS(from, l.mask, x)
	}
	return x
}

// store writes these lanes.
func (l lanes) store(x reg.VecVirtual, to Mem) {
	if l.v.evex {
		VMOVUPS(x, l.mask, to)
	} else {
		VMASKMOVPS(x, l.mask, to)
	}
}

// masks is the table of laneMasks, once a function needs it.
var masks Mem

// laneMasks are eight lanes that are all ones, then eight that are zero: from
// element 8-n on, n lanes are chosen.
func laneMasks() Mem {
	if masks.Base != nil {
		return masks
	}
	masks = GLOBL("pixelLanes", attr.RODATA|attr.NOPTR)
	for i := range 2 * turned {
		DATA(i*float, U32(uint32(0xffffffff*(1-i/turned))))
	}
	return masks
}

// toPlanes generates the way back.
func toPlanes(t tier) {
	t.function("toPlanes", "func(channels, pixels int, dst *float32, dstPlane int, src *float32, srcPixel int)",
		"\tfor p := range pixels {",
		"\t\tfor c := range channels { // a multiple of eight, at least eight",
		"\t\t\tdst[c*dstPlane+p] = src[p*srcPixel+c]",
		"\t\t}",
		"\t}")
	v := t.narrow()
	dst, dstPlane := number("dst"), size("dstPlane")
	src, srcPixel := number("src"), size("srcPixel")
	n := number("pixels")
	// blocks goes over the channels, eight at a time, likewise.
	blocks := func(do func(from, plane reg.Register)) {
		from, plane, c := GP64(), GP64(), number("channels")
		MOVQ(src, from)
		MOVQ(dst, plane)
		SHRQ(U8(3), c)
		times("channels", c, func() {
			do(from, plane)
			ADDQ(U8(turned*float), from)
			LEAQ(Mem{Base: plane, Index: dstPlane, Scale: 8}, plane)
		})
	}
	eachTurn(n, func(pixels int) {
		blocks(func(from, plane reg.Register) {
			planes := newGrid(plane, dstPlane)
			p := from
			for first := 0; first < pixels; first += turned {
				if first > 0 {
					p = GP64()
					LEAQ(Mem{Base: from, Index: srcPixel, Scale: 8}, p)
				}
				column := columns8(v, newGrid(p, srcPixel).at)
				for c, x := range column {
					VMOVUPS(x, planes.at(c, first))
				}
			}
			if pixels > turned {
				ahead(planes)
			}
		})
		ADDQ(U8(pixels*float), dst)
		for range pixels / turned {
			LEAQ(Mem{Base: src, Index: srcPixel, Scale: 8}, src)
		}
	}, func() {
		some := v.first(n)
		blocks(func(from, plane reg.Register) {
			column := columnsOf(pixelRows(v, n, from, srcPixel))
			p := GP64()
			MOVQ(plane, p)
			for i, x := range column {
				some.store(x, Mem{Base: p})
				if i < turned-1 {
					ADDQ(dstPlane, p)
				}
			}
		})
	})
}

// pixelRows reads n pixels, fewer than eight, and the last one again in place of the
// others: no memory beyond it is touched, and there is no branch.
func pixelRows(v vector, n, from, pixel reg.Register) (row [turned]reg.VecVirtual) {
	p, none := GP64(), GP64()
	MOVQ(from, p)
	XORQ(none, none)
	for i := range row {
		if i > 0 {
			step := GP64()
			MOVQ(pixel, step)
			CMPQ(n, U8(i))
			CMOVQLE(none, step)
			ADDQ(step, p)
		}
		row[i] = v.load(Mem{Base: p})
	}
	return row
}

// fromFewPlanes generates the way from fewer than eight planes to pixels of eight. A
// pixel gets eight elements, of which the ones behind its channels are zero. Where
// pixels lie closer than eight elements, these zeros are overwritten by the next pixel:
// the order of the pixels matters.
func fromFewPlanes(t tier) {
	t.function("fromFewPlanes", "func(channels, pixels int, dst *float32, dstPixel int, src *float32, srcPlane int)",
		"\tfor p := range pixels { // a multiple of eight, at least eight",
		"\t\tfor c := range 8 { // in the order of pixels: they may overlap",
		"\t\t\tdst[p*dstPixel+c] = 0, or src[c*srcPlane+p] if c < channels, 1 to 7",
		"\t\t}",
		"\t}")
	v := t.narrow()
	channels, none := number("channels"), GP64()
	srcPlane := size("srcPlane")
	XORQ(none, none)
	var planes [turned]reg.Register // beyond the last plane, that plane again
	planes[0] = number("src")
	for i := 1; i < turned; i++ {
		step := GP64()
		MOVQ(srcPlane, step)
		CMPQ(channels, U8(i))
		CMOVQLE(none, step)
		planes[i] = start(planes[i-1], step)
	}
	keep := v.first(channels)
	dst, dstPixel, n, at := number("dst"), size("dstPixel"), number("pixels"), GP64()
	SHRQ(U8(3), n)
	XORQ(at, at)
	times("pixels", n, func() {
		column := columns8(v, func(i, j int) Mem { return Mem{Base: planes[i], Index: at, Scale: 1, Disp: j * float} })
		for _, x := range column {
			keep.only(x)
			VMOVUPS(x, Mem{Base: dst})
			ADDQ(dstPixel, dst)
		}
		ADDQ(U8(turned*float), at)
	})
	end()
}

// only clears all other lanes of x.
func (l lanes) only(x reg.VecVirtual) {
	if l.v.evex {
		VMOVAPS_Z(x, l.mask, x)
	} else {
		VANDPS(l.mask, x, x)
	}
}

// toFewPlanes generates the way from pixels of eight to fewer than eight planes. All
// eight elements of a pixel are read, and the columns of the channels are stored.
func toFewPlanes(t tier) {
	t.function("toFewPlanes", "func(channels, pixels int, dst *float32, dstPlane int, src *float32, srcPixel int)",
		"\tfor p := range pixels { // a multiple of eight, at least eight",
		"\t\tfor c := range channels { // 1 to 7; all eight are read",
		"\t\t\tdst[c*dstPlane+p] = src[p*srcPixel+c]",
		"\t\t}",
		"\t}")
	v := t.narrow()
	channels, n := number("channels"), number("pixels")
	dst, dstPlane := number("dst"), size("dstPlane")
	src, srcPixel := number("src"), size("srcPixel")
	SHRQ(U8(3), n)
	times("pixels", n, func() {
		column := columns8(v, newGrid(src, srcPixel).at)
		storeRows(channels, column, dst, dstPlane, func(x reg.VecVirtual, to Mem) { VMOVUPS(x, to) })
		LEAQ(Mem{Base: src, Index: srcPixel, Scale: 8}, src)
		ADDQ(U8(turned*float), dst)
	})
	end()
}
