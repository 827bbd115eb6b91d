package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// taps generates the convolution of a row of pixels with one filter for each
// channel, and its gradients. Pixels a belong to the output, b to the image.
func taps() {
	tapLoop("tapsForwardAVX2", "a[j*width+f] = fma(b[…], w[…], …) // the sum over u and v, from 0",
		func(Mem) reg.VecVirtual { return zero() },
		func(sum reg.VecVirtual, b, w Mem) { VFMADD231PS(w, load(b), sum) },
		func(sum reg.VecVirtual, a Mem) { VMOVUPS(sum, a) })
	tapLoop("tapsFilterAVX2", "w[…] = fma(a[j*width+f], b[…], w[…])",
		load,
		func(a reg.VecVirtual, b, w Mem) {
			v := load(w)
			VFMADD231PS(b, a, v)
			VMOVUPS(v, w)
		},
		func(reg.VecVirtual, Mem) {})
	tapLoop("tapsInputAVX2", "b[…] = fma(a[j*width+f], w[…], b[…])",
		load,
		func(a reg.VecVirtual, b, w Mem) {
			v := load(b)
			VFMADD231PS(w, a, v)
			VMOVUPS(v, b)
		},
		func(reg.VecVirtual, Mem) {})
}

// tapLoop generates a loop over output pixels, channels and the filter's weights:
// begin gives the vector that a weight's step works with, and end gets it.
func tapLoop(name, statement string, begin func(a Mem) reg.VecVirtual, step func(v reg.VecVirtual, b, w Mem), finish func(v reg.VecVirtual, a Mem)) {
	function(name, "func(cols, width int, a, b, w []float32, kh, kw, pixel, column, row int)",
		"\tfor j := range cols { // at least 1, as kh and kw",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tfor u := range kh {",
		"\t\t\t\tfor v := range kw {",
		"\t\t\t\t\t// with b[j*pixel+u*row+v*column+f], w[(u*kw+v)*width+f] and fma(x, y, z) = x*y+z rounded once",
		"\t\t\t\t\t"+statement,
		"\t\t\t\t}",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	width, column, row := number("width"), number("column"), number("row")
	a, b := slice("a"), slice("b")
	times("column", number("cols"), func() {
		channels("channel", width, func(f reg.Register) {
			v := begin(at(a, f))
			top, weight := GP64(), GP64()
			LEAQ(at(b, f), top)
			w := slice("w")
			LEAQ(at(w, f), weight)
			times("tapRow", number("kh"), func() {
				p := GP64()
				MOVQ(top, p)
				times("tap", number("kw"), func() {
					step(v, Mem{Base: p}, Mem{Base: weight})
					advance(p, column)
					advance(weight, width)
				})
				advance(top, row)
			})
			finish(v, at(a, f))
		})
		advance(a, width)
		pixel := number("pixel")
		advance(b, pixel)
	})
	end()
}
