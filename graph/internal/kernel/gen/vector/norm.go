package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// norms generates the loops of a batch normalisation over a plane, see vector.Channel.
// They round in the order of their plain twins; only the sums in float64 have another
// order.
func norms() {
	deviations()
	normalise()
	normSums()
	normGrad()
}

// deviations generates the two sums from which mean and variance come. A block of eight
// float32 is widened to two vectors of four float64, each with sums of its own:
//
//	x       ├ 0 1 2 3 ┤├ 4 5 6 7 ┤├ 8 …
//	sum[0]   + + + +               + …      eight interleaved sums,
//	sum[1]              + + + +             added up by total.result
func deviations() {
	function("deviationsAVX2", "func(x []float32, from float64) (sum, squares float64)",
		"\tfor i := range x { // a multiple of eight; in eight interleaved parts",
		"\t\td := float64(x[i]) - from",
		"\t\tsum += d",
		"\t\tsquares += d * d // fused",
		"\t}")
	x, from := slice("x"), YMM()
	address, err := Param("from").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(address.Addr, from)
	sum, squares := newTotal(), newTotal()
	loop("x", func(i reg.Register) {
		for half := range 2 {
			d := YMM()
			VCVTPS2PD(Mem{Base: x, Index: i, Scale: 1, Disp: half * lane / 2}, d)
			VSUBPD(from, d, d)
			VADDPD(d, sum[half], sum[half])
			VFMADD231PD(d, d, squares[half])
		}
	})
	sum.result("sum")
	squares.result("squares")
	VZEROUPPER()
	RET()
}

// affine has the parameters that the loops below have in common, each in all lanes of
// a vector.
type affine struct{ mean, a, beta, floor reg.VecVirtual }

const affineParams = "mean, a, beta, floor float32"

// newAffine loads them.
func newAffine() affine {
	return affine{broadcast("mean"), broadcast("a"), broadcast("beta"), broadcast("floor")}
}

// at returns the deviation of a block of x from the mean, its normalised value, and a
// mask of where that value is above the floor.
func (c affine) at(x Mem) (deviation, y, above reg.VecVirtual) {
	deviation, y, above = load(x), YMM(), YMM()
	VSUBPS(c.mean, deviation, deviation)
	VMULPS(c.a, deviation, y)
	VADDPS(c.beta, y, y)
	VCMPPS(U8(notLessOrEqual), c.floor, y, above)
	return deviation, y, above
}

// normalise generates the forward loop.
func normalise() {
	function("normaliseAVX2", "func(y, x []float32, "+affineParams+")",
		"\tfor i := range y { // a multiple of eight; each operation is rounded",
		"\t\tif y[i] = a*(x[i]-mean) + beta; y[i] <= floor {",
		"\t\t\ty[i] = floor",
		"\t\t}",
		"\t}")
	y, x, c := slice("y"), slice("x"), newAffine()
	blocks("y", func(i reg.Register) {
		_, v, above := c.at(block(x, i))
		VBLENDVPS(above, v, c.floor, v)
		VMOVUPS(v, block(y, i))
	})
}

// normSums generates the two sums of the backward pass. Where y is at the floor the
// mask makes both factors zero before they are widened.
func normSums() {
	function("normSumsAVX2", "func(dy, x []float32, "+affineParams+") (sum, product float64)",
		"\tfor i := range x { // a multiple of eight; in eight interleaved parts",
		"\t\tif !(a*(x[i]-mean)+beta <= floor) {",
		"\t\t\tsum += float64(dy[i])",
		"\t\t\tproduct += float64(dy[i]) * float64(x[i]-mean) // fused",
		"\t\t}",
		"\t}")
	dy, x, c := slice("dy"), slice("x"), newAffine()
	sum, product := newTotal(), newTotal()
	loop("x", func(i reg.Register) {
		deviation, d, above := c.at(block(x, i))
		VANDPS(block(dy, i), above, d)
		VANDPS(deviation, above, deviation) // 0 times infinity is NaN
		for half := range 2 {
			d, v := widen(d, half), widen(deviation, half)
			VADDPD(d, sum[half], sum[half])
			VFMADD231PD(d, v, product[half])
		}
	})
	sum.result("sum")
	product.result("product")
	VZEROUPPER()
	RET()
}

// normGrad generates the gradient of x.
func normGrad() {
	function("normGradAVX2", "func(dx, dy, x []float32, "+affineParams+", shift, slope float32)",
		"\tfor i := range dx { // a multiple of eight; each operation is rounded",
		"\t\td := dy[i]",
		"\t\tif a*(x[i]-mean)+beta <= floor {",
		"\t\t\td = 0",
		"\t\t}",
		"\t\tdx[i] = a * (d - shift - slope*(x[i]-mean))",
		"\t}")
	dx, dy, x, c := slice("dx"), slice("dy"), slice("x"), newAffine()
	shift, slope := broadcast("shift"), broadcast("slope")
	blocks("dx", func(i reg.Register) {
		deviation, _, d := c.at(block(x, i))
		VANDPS(block(dy, i), d, d)
		VSUBPS(shift, d, d)
		VMULPS(slope, deviation, deviation)
		VSUBPS(deviation, d, d)
		VMULPS(c.a, d, d)
		VMOVUPS(d, block(dx, i))
	})
}

// widen returns the lower or upper four elements of a vector as float64.
func widen(v reg.VecVirtual, half int) reg.VecVirtual {
	wide := YMM()
	if half == 0 {
		VCVTPS2PD(v.AsX(), wide)
		return wide
	}
	x := XMM()
	VEXTRACTF128(U8(1), v, x)
	VCVTPS2PD(x, wide)
	return wide
}

// total is a sum of float64 in eight parts.
type total [2]reg.VecVirtual

// newTotal returns a sum of nothing.
func newTotal() total { return total{zero(), zero()} }

// result adds up the parts, 4 apart, then 2 and 1, and stores the sum as a result of
// the function.
func (t total) result(name string) {
	upper := XMM()
	VADDPD(t[1], t[0], t[0])
	VEXTRACTF128(U8(1), t[0], upper)
	x := t[0].AsX()
	VADDPD(upper, x, x)
	VUNPCKHPD(x, x, upper)
	VADDSD(upper, x, x)
	Store(x, Return(name))
}
