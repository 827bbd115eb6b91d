package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winograd generates the transformations of Winograd's convolution.
func winograd() {
	winogradInput()
	winogradOutput()
	winogradGradient()
}

// tileFunction begins a function over tiles and channels.
func tileFunction(name, signature string, loop ...string) {
	function(name, signature, append([]string{"for each of n tiles, at least 1, and each f < width, a multiple of eight:", ""}, loop...)...)
}

// eachTile repeats body for every tile and every vector of channels f, and next
// after every tile.
func eachTile(width reg.Register, body func(f reg.Register), next func()) {
	n := number("n")
	Label("tile")
	f := GP64()
	XORQ(f, f)
	Label("channel")
	body(f)
	ADDQ(U8(lanes), f)
	CMPQ(f, width)
	JLT(LabelRef("channel"))
	next()
	DECQ(n)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

func sum(a, b reg.VecVirtual) reg.VecVirtual {
	v := YMM()
	VADDPS(b, a, v)
	return v
}

func subtract(a, b reg.VecVirtual) reg.VecVirtual {
	v := YMM()
	VSUBPS(b, a, v)
	return v
}

// storeAll stores vectors at places that are q elements apart.
func storeAll(p, q reg.Register, vs ...reg.VecVirtual) {
	for _, v := range vs {
		VMOVUPS(v, Mem{Base: p})
		advance(p, q)
	}
}

// pixel addresses pixel j of a row whose first one is at p; width3 is 3*width.
func pixel(p, width, width3 reg.Register, j int) Mem {
	switch j {
	case 0:
		return Mem{Base: p}
	case 3:
		return at(p, width3)
	}
	return Mem{Base: p, Index: width, Scale: uint8(j * float)}
}

func tripled(width reg.Register) reg.Register {
	v := GP64()
	LEAQ(Mem{Base: width, Index: width, Scale: 2}, v)
	return v
}

// winogradInput generates V = Bᵀ·d·B of tiles d of 4×4 pixels.
func winogradInput() {
	tileFunction("winogradInputAVX2", "func(n, width int, v, x []float32, row, q int)",
		"\td[i][j] = x[i*row+(2*tile+j)*width+f]",
		"\tt[0], t[1], t[2], t[3] = d[0]-d[2], d[1]+d[2], d[2]-d[1], d[1]-d[3]",
		"\tand the same again with the columns of t; then",
		"\tv[(4*i+j)*q+tile*width+f] = t[i][j]")
	width, row, q := number("width"), number("row"), number("q")
	v, x := slice("v"), slice("x")
	width3 := tripled(width)
	eachTile(width, func(f reg.Register) {
		rows := [4]reg.Register{GP64(), GP64(), GP64(), GP64()}
		LEAQ(at(x, f), rows[0])
		for i := 1; i < 4; i++ {
			LEAQ(at(rows[i-1], row), rows[i])
		}
		p := GP64()
		LEAQ(at(v, f), p)
		for _, c := range []struct {
			a, b int
			add  bool
		}{{0, 2, false}, {1, 2, true}, {2, 1, false}, {1, 3, false}} {
			var t [4]reg.VecVirtual
			for j := range t {
				t[j] = load(pixel(rows[c.a], width, width3, j))
				if b := pixel(rows[c.b], width, width3, j); c.add {
					VADDPS(b, t[j], t[j])
				} else {
					VSUBPS(b, t[j], t[j])
				}
			}
			storeAll(p, q, subtract(t[0], t[2]), sum(t[1], t[2]), subtract(t[2], t[1]), subtract(t[1], t[3]))
		}
	}, func() {
		advance(v, width)
		LEAQ(Mem{Base: x, Index: width, Scale: 2 * float}, x)
	})
}

// winogradOutput generates the 2×2 pixels Aᵀ·M·A.
func winogradOutput() {
	tileFunction("winogradOutputAVX2", "func(n, width int, y []float32, row int, m []float32, q, rows, cols int)",
		"\tt[i][j] = m[(4*i+j)*q+tile*width+f]",
		"\ts[0], s[1] = (t[0]+t[1])+t[2], (t[1]-t[2])-t[3]",
		"\tand the same again with the columns of s; then, for i < rows and j < cols, each 1 or 2,",
		"\ty[i*row+(2*tile+j)*width+f] = s[i][j]")
	width, row, q := number("width"), number("row"), number("q")
	y, m := slice("y"), slice("m")
	eachTile(width, func(f reg.Register) {
		p := GP64()
		LEAQ(at(m, f), p)
		var s [2][4]reg.VecVirtual
		for i := range s {
			for j := range s[i] {
				s[i][j] = YMM()
			}
		}
		for i := range 4 {
			for j := range 4 {
				at := Mem{Base: p}
				switch i {
				case 0:
					VMOVUPS(at, s[0][j])
				case 1:
					VMOVUPS(at, s[1][j])
					VADDPS(s[1][j], s[0][j], s[0][j])
				case 2:
					VADDPS(at, s[0][j], s[0][j])
					VSUBPS(at, s[1][j], s[1][j])
				case 3:
					VSUBPS(at, s[1][j], s[1][j])
				}
				advance(p, q)
			}
		}
		to := GP64()
		LEAQ(at(y, f), to)
		rows := number("rows")
		for i := range s {
			left, right := sum(sum(s[i][0], s[i][1]), s[i][2]), subtract(subtract(s[i][1], s[i][2]), s[i][3])
			VMOVUPS(left, Mem{Base: to})
			skip := [2]string{"narrow0", "narrow1"}[i]
			cols := number("cols")
			CMPQ(cols, U8(2))
			JLT(LabelRef(skip))
			VMOVUPS(right, at(to, width))
			Label(skip)
			if i == 0 {
				CMPQ(rows, U8(2))
				JLT(LabelRef("flat"))
				advance(to, row)
			}
		}
		Label("flat")
	}, func() {
		advance(m, width)
		LEAQ(Mem{Base: y, Index: width, Scale: 2 * float}, y)
	})
}

// winogradGradient generates Z = A·d·Aᵀ of tiles d of 2×2 pixels.
func winogradGradient() {
	tileFunction("winogradGradientAVX2", "func(n, width int, z, d []float32, row, q int)",
		"\te[i][j] = d[i*row+(2*tile+j)*width+f]",
		"\tt[0], t[1], t[2], t[3] = e[0], e[0]+e[1], e[0]-e[1], -e[1]",
		"\tand the same again with the columns of t; then",
		"\tz[(4*i+j)*q+tile*width+f] = t[i][j]")
	width, row, q := number("width"), number("row"), number("q")
	z, d := slice("z"), slice("d")
	none := YMM()
	VXORPS(none, none, none)
	eachTile(width, func(f reg.Register) {
		top, bottom, p := GP64(), GP64(), GP64()
		LEAQ(at(d, f), top)
		LEAQ(at(top, row), bottom)
		LEAQ(at(z, f), p)
		left := [2]reg.VecVirtual{load(Mem{Base: top}), load(Mem{Base: bottom})}
		right := [2]reg.VecVirtual{load(at(top, width)), load(at(bottom, width))}
		for i := range 4 {
			l, r := combined(left, i, none), combined(right, i, none)
			storeAll(p, q, l, sum(l, r), subtract(l, r), subtract(none, r))
		}
	}, func() {
		advance(z, width)
		LEAQ(Mem{Base: d, Index: width, Scale: 2 * float}, d)
	})
}

// combined is row i of A, applied to two values.
func combined(e [2]reg.VecVirtual, i int, none reg.VecVirtual) reg.VecVirtual {
	switch i {
	case 0:
		return e[0]
	case 1:
		return sum(e[0], e[1])
	case 2:
		return subtract(e[0], e[1])
	}
	return subtract(none, e[1])
}
