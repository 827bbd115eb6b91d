package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// taps generates the convolution of a row of pixels with one filter for each
// channel, and its gradients. Pixels a belong to the output, b to the image.
func taps(t tier) {
	tapLoop(t, "tapsForward", "a[j*width+f] = fma(b[…], w[…], …) // the sum over u and v, from 0",
		func(v vector, _ Mem) reg.VecVirtual { return v.zero() },
		func(v vector, sum reg.VecVirtual, b, w Mem) { VFMADD231PS(w, v.load(b), sum) },
		func(sum reg.VecVirtual, a Mem) { VMOVUPS(sum, a) })
	tapLoop(t, "tapsFilter", "w[…] = fma(a[j*width+f], b[…], w[…])",
		vector.load,
		func(v vector, a reg.VecVirtual, b, w Mem) {
			x := v.load(w)
			VFMADD231PS(b, a, x)
			VMOVUPS(x, w)
		},
		func(reg.VecVirtual, Mem) {})
	tapLoop(t, "tapsInput", "b[…] = fma(a[j*width+f], w[…], b[…])",
		vector.load,
		func(v vector, a reg.VecVirtual, b, w Mem) {
			x := v.load(b)
			VFMADD231PS(w, a, x)
			VMOVUPS(x, b)
		},
		func(reg.VecVirtual, Mem) {})
}

// tapLoop generates a loop over output pixels, channels and the filter's weights:
// begin gives the vector that a weight's step works with, and end gets it.
func tapLoop(t tier, name, statement string, begin func(v vector, a Mem) reg.VecVirtual, step func(v vector, x reg.VecVirtual, b, w Mem), finish func(x reg.VecVirtual, a Mem)) {
	t.function(name, "func(cols, width int, a, b, w []float32, kh, kw, pixel, column, row int)",
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
	width, column, row := size("width"), size("column"), size("row")
	a, b := slice("a"), slice("b")
	times("column", number("cols"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			x := begin(v, at(a, f))
			top, weight := start(b, f), start(slice("w"), f)
			times("tapRow", number("kh"), func() {
				p := GP64()
				MOVQ(top, p)
				times("tap", number("kw"), func() {
					step(v, x, Mem{Base: p}, Mem{Base: weight})
					ADDQ(column, p)
					ADDQ(width, weight)
				})
				ADDQ(row, top)
			})
			finish(x, at(a, f))
		})
		ADDQ(width, a)
		advance(b, "pixel")
	})
	end()
}
