// Command vector writes the amd64 assembly of the loops over vectors and its Go
// stubs. Run it with go generate, in the folder of package kernel.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes of a float32 and of a vector of eight.
const (
	float = 4
	lane  = 8 * float
)

// Predicates of VCMPPS.
const (
	unordered      = 0x03 // a or b is NaN
	notLessOrEqual = 0x16 // !(a <= b)
	greaterThan    = 0x1E // a > b
)

func main() {
	ConstraintExpr("!noasm")
	relu()
	reluGrad()
	add()
	addScalar()
	sgd()
	momentum()
	adam()
	poolPairs()
	patchGrad()
	norms()
	activations()
	poolings()
	Generate()
}

// function begins a function whose comment is the loop that it implements.
func function(name, signature string, loop ...string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(append([]string{name + " is", ""}, loop...)...)
}

// slice loads the pointer of a parameter.
func slice(param string) reg.Register { return Load(Param(param).Base(), GP64()) }

// broadcast fills a vector with a float32 parameter.
func broadcast(param string) reg.VecVirtual {
	v := YMM()
	address, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(address.Addr, v)
	return v
}

// zero returns a vector of zeros.
func zero() reg.VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// load reads a vector.
func load(m Mem) reg.VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}

// blocks generates a function that is a loop over the blocks of eight elements
// of the parameter over; body gets the offset in bytes.
func blocks(over string, body func(offset reg.Register)) {
	loop(over, body)
	VZEROUPPER()
	RET()
}

// loop generates the loop of blocks.
func loop(over string, body func(offset reg.Register)) {
	n := Load(Param(over).Len(), GP64())
	i := GP64()
	XORQ(i, i)
	SHLQ(U8(2), n)
	Label("loop")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	body(i)
	ADDQ(U8(lane), i)
	JMP(LabelRef("loop"))
	Label("done")
}

// block addresses the block at an offset.
func block(base, offset reg.Register) Mem { return Mem{Base: base, Index: offset, Scale: 1} }

func relu() {
	function("reluAVX2", "func(y, x []float32)",
		"\tfor i := range y { // a multiple of eight",
		"\t\tif y[i] = x[i]; x[i] <= 0 {",
		"\t\t\ty[i] = 0",
		"\t\t}",
		"\t}")
	y, x, none := slice("y"), slice("x"), zero()
	blocks("y", func(i reg.Register) {
		v, keep := load(block(x, i)), YMM()
		VCMPPS(U8(notLessOrEqual), none, v, keep)
		VANDPS(keep, v, v)
		VMOVUPS(v, block(y, i))
	})
}

func reluGrad() {
	function("reluGradAVX2", "func(dx, dy, x []float32)",
		"\tfor i := range dx { // a multiple of eight",
		"\t\tif dx[i] = dy[i]; x[i] <= 0 {",
		"\t\t\tdx[i] = 0",
		"\t\t}",
		"\t}")
	dx, dy, x, none := slice("dx"), slice("dy"), slice("x"), zero()
	blocks("dx", func(i reg.Register) {
		keep := load(block(x, i))
		VCMPPS(U8(notLessOrEqual), none, keep, keep)
		VANDPS(block(dy, i), keep, keep)
		VMOVUPS(keep, block(dx, i))
	})
}

func add() {
	function("addAVX2", "func(dst, src []float32)",
		"\tfor i := range dst { // a multiple of eight",
		"\t\tdst[i] += src[i]",
		"\t}")
	dst, src := slice("dst"), slice("src")
	blocks("dst", func(i reg.Register) {
		v := load(block(dst, i))
		VADDPS(block(src, i), v, v)
		VMOVUPS(v, block(dst, i))
	})
}

func addScalar() {
	function("addScalarAVX2", "func(dst []float32, s float32)",
		"\tfor i := range dst { // a multiple of eight",
		"\t\tdst[i] += s",
		"\t}")
	dst, s := slice("dst"), broadcast("s")
	blocks("dst", func(i reg.Register) {
		v := YMM()
		VADDPS(block(dst, i), s, v)
		VMOVUPS(v, block(dst, i))
	})
}

func sgd() {
	function("sgdAVX2", "func(w, g []float32, lr float32)",
		"\tfor i := range w { // a multiple of eight",
		"\t\tw[i] -= lr * g[i]",
		"\t}")
	w, g, lr := slice("w"), slice("g"), broadcast("lr")
	blocks("w", func(i reg.Register) {
		step, v := YMM(), load(block(w, i))
		VMULPS(block(g, i), lr, step)
		VSUBPS(step, v, v)
		VMOVUPS(v, block(w, i))
	})
}

func momentum() {
	function("momentumAVX2", "func(w, g, u []float32, lr, momentum float32)",
		"\tfor i := range w { // a multiple of eight",
		"\t\tu[i] = momentum*u[i] + g[i]",
		"\t\tw[i] -= lr * u[i]",
		"\t}")
	w, g, u, lr, mu := slice("w"), slice("g"), slice("u"), broadcast("lr"), broadcast("momentum")
	blocks("w", func(i reg.Register) {
		speed, v := YMM(), load(block(w, i))
		VMULPS(block(u, i), mu, speed)
		VADDPS(block(g, i), speed, speed)
		VMOVUPS(speed, block(u, i))
		VMULPS(speed, lr, speed)
		VSUBPS(speed, v, v)
		VMOVUPS(v, block(w, i))
	})
}

func adam() {
	function("adamAVX2", "func(w, g, m, v []float32, lr, epsilon, beta1, beta2, rest1, rest2 float32)",
		"\tfor i := range w { // a multiple of eight; each operation is rounded",
		"\t\tm[i] = beta1*m[i] + rest1*g[i]",
		"\t\tv[i] = beta2*v[i] + rest2*g[i]*g[i]",
		"\t\tw[i] -= lr * m[i] / (sqrt(v[i]) + epsilon)",
		"\t}")
	w, g, m, v := slice("w"), slice("g"), slice("m"), slice("v")
	lr, epsilon := broadcast("lr"), broadcast("epsilon")
	beta1, beta2, rest1, rest2 := broadcast("beta1"), broadcast("beta2"), broadcast("rest1"), broadcast("rest2")
	blocks("w", func(i reg.Register) {
		grad, part, first, second := load(block(g, i)), YMM(), YMM(), YMM()
		VMULPS(block(m, i), beta1, first)
		VMULPS(grad, rest1, part)
		VADDPS(part, first, first)
		VMOVUPS(first, block(m, i))
		VMULPS(block(v, i), beta2, second)
		VMULPS(grad, rest2, part)
		VMULPS(grad, part, part)
		VADDPS(part, second, second)
		VMOVUPS(second, block(v, i))
		VSQRTPS(second, second)
		VADDPS(epsilon, second, second)
		VMULPS(lr, first, first)
		VDIVPS(second, first, first)
		weight := load(block(w, i))
		VSUBPS(first, weight, weight)
		VMOVUPS(weight, block(w, i))
	})
}

// poolPairs generates the pooling of rows of windows of 2×2, with bias and
// floor. A vector of eight windows is deinterleaved into its four corners; the
// last vector of a row overlaps the one before.
func poolPairs() {
	function("poolPairsAVX2", "func(rows, cols int, y []float32, winner []int32, x []float32, first, width int, bias, floor float32, none int32)",
		"\tfor i := range rows {",
		"\t\tfor j := range cols { // eight or more",
		"\t\t\tat := 2*i*width + 2*j",
		"\t\t\tbest := x[at]",
		"\t\t\t// and likewise for at+1, at+width and at+width+1:",
		"\t\t\tif v > best || v != v {",
		"\t\t\t\tbest, at = v, …",
		"\t\t\t}",
		"\t\t\ty[i*cols+j], winner[i*cols+j] = best+bias, first+at",
		"\t\t\tif best+bias <= floor {",
		"\t\t\t\ty[i*cols+j], winner[i*cols+j] = floor, none",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	rows, cols := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	y, winner, x := slice("y"), slice("winner"), slice("x")
	first, width := Load(Param("first"), GP64()), Load(Param("width"), GP64())
	bias, floor, none := broadcast("bias"), broadcast("floor"), broadcast("none")
	order, one, below := YMM(), YMM(), YMM()
	// Shuffling leaves the windows in the order 0 1 4 5 2 3 6 7.
	VMOVDQU(vector("windows", [8]uint32{0, 2, 8, 10, 4, 6, 12, 14}), order)
	VPBROADCASTD(ConstData("one", U32(1)), one)
	spread(width, below)
	last := GP64()
	LEAQ(Mem{Base: cols, Disp: -8}, last)

	Label("row")
	j := GP64()
	XORQ(j, j)
	Label("block")
	CMPQ(j, last)
	CMOVQGT(last, j)
	top, bottom, place := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: x, Index: j, Scale: 8}, top)
	LEAQ(Mem{Base: top, Index: width, Scale: 4}, bottom)
	LEAQ(Mem{Base: first, Index: j, Scale: 2}, place)
	at, next := YMM(), YMM()
	spread(place, at)
	VPADDD(order, at, at)

	best, right := corners(top)
	VPADDD(one, at, next)
	challenge(best, right, at, next)
	left, right := corners(bottom)
	VPADDD(below, next, next)
	rightAt := YMM()
	VMOVDQA(next, rightAt)
	VPSUBD(one, next, next)
	challenge(best, left, at, next)
	challenge(best, right, at, rightAt)

	keep := YMM()
	VADDPS(bias, best, best)
	VCMPPS(U8(notLessOrEqual), floor, best, keep)
	VBLENDVPS(keep, best, floor, best)
	VBLENDVPS(keep, at, none, at)
	VPERMPD(U8(0xD8), best, best)
	VPERMPD(U8(0xD8), at, at)
	VMOVUPS(best, Mem{Base: y, Index: j, Scale: 4})
	VMOVUPS(at, Mem{Base: winner, Index: j, Scale: 4})
	ADDQ(U8(8), j)
	CMPQ(j, cols)
	JLT(LabelRef("block"))

	LEAQ(Mem{Base: y, Index: cols, Scale: 4}, y)
	LEAQ(Mem{Base: winner, Index: cols, Scale: 4}, winner)
	LEAQ(Mem{Base: x, Index: width, Scale: 8}, x)
	LEAQ(Mem{Base: first, Index: width, Scale: 2}, first)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// spread fills a vector with an integer.
func spread(from reg.Register, to reg.VecVirtual) {
	x := XMM()
	VMOVD(from.(reg.GPVirtual).As32(), x)
	VPBROADCASTD(x, to)
}

// corners reads sixteen elements of a row and returns those at even and at odd
// places.
func corners(row reg.Register) (even, odd reg.VecVirtual) {
	return evenOdd(load(Mem{Base: row}), load(Mem{Base: row, Disp: lane}))
}

// evenOdd returns the elements at even and at odd places of two vectors.
func evenOdd(a, b reg.VecVirtual) (even, odd reg.VecVirtual) {
	even, odd = YMM(), YMM()
	VSHUFPS(U8(0x88), b, a, even)
	VSHUFPS(U8(0xDD), b, a, odd)
	return even, odd
}

// challenge replaces best and its position by a candidate and its, where that
// is larger or NaN.
func challenge(best, candidate, at, candidateAt reg.VecVirtual) {
	wins, nan := YMM(), YMM()
	VCMPPS(U8(greaterThan), best, candidate, wins)
	VCMPPS(U8(unordered), candidate, candidate, nan)
	VORPS(nan, wins, wins)
	VBLENDVPS(wins, candidate, best, best)
	VBLENDVPS(wins, candidateAt, at, at)
}

// vector defines eight constants.
func vector(name string, values [8]uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, v := range values {
		DATA(i*4, U32(v))
	}
	return m
}

// patchGrad generates the sum of rows of sixteen elements with weights. Four
// sums run side by side, as a fused multiply-add takes four cycles.
func patchGrad() {
	function("patchGradAVX2", "func(sum []float32, d []float32, at []int32, patches []float32)",
		"\tfor i := range d {",
		"\t\tfor j := range 16 {",
		"\t\t\tsum[j] += d[i] * patches[at[i]*16+j] // fused, and in four interleaved parts",
		"\t\t}",
		"\t}")
	sum, d, at, patches := slice("sum"), slice("d"), slice("at"), slice("patches")
	n := Load(Param("d").Len(), GP64())
	var sums [4][2]reg.VecVirtual
	for i := range sums {
		sums[i] = [2]reg.VecVirtual{zero(), zero()}
	}
	step := func(i int) {
		row, x := GP64(), YMM()
		MOVLQSX(Mem{Base: at, Disp: i * 4}, row)
		SHLQ(U8(6), row)
		VBROADCASTSS(Mem{Base: d, Disp: i * float}, x)
		VFMADD231PS(Mem{Base: patches, Index: row, Scale: 1}, x, sums[i][0])
		VFMADD231PS(Mem{Base: patches, Index: row, Scale: 1, Disp: lane}, x, sums[i][1])
	}
	Label("four")
	CMPQ(n, U8(4))
	JLT(LabelRef("rest"))
	for i := range sums {
		step(i)
	}
	ADDQ(U8(4*float), d)
	ADDQ(U8(4*4), at)
	SUBQ(U8(4), n)
	JMP(LabelRef("four"))
	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("store"))
	step(0)
	ADDQ(U8(float), d)
	ADDQ(U8(4), at)
	DECQ(n)
	JMP(LabelRef("rest"))
	Label("store")
	for half := range 2 {
		VADDPS(sums[1][half], sums[0][half], sums[0][half])
		VADDPS(sums[3][half], sums[2][half], sums[2][half])
		VADDPS(sums[2][half], sums[0][half], sums[0][half])
		address := Mem{Base: sum, Disp: half * lane}
		VADDPS(address, sums[0][half], sums[0][half])
		VMOVUPS(sums[0][half], address)
	}
	VZEROUPPER()
	RET()
}
