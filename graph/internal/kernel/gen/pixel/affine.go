package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// affine generates a normalisation with its limits, for pixels that no window pools.
// VMAXPS and VMINPS keep their first operand here, where that is a NaN.
func affine(t tier) {
	t.function("affine", "func(n, width int, y, z, scale, shift []float32, floor, top float32)",
		"\tfor p := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tx := z[p*width+f]*scale[f] + shift[f] // each operation is rounded",
		"\t\t\ty[p*width+f] = min(max(x, floor), top) // a NaN stays, and the zero of two that z gives",
		"\t\t}",
		"\t}")
	width := size("width")
	y, z, scale, shift := slice("y"), slice("z"), slice("scale"), slice("shift")
	floor, top := t.widest().broadcast("floor"), t.widest().broadcast("top")
	times("pixel", number("n"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			x := v.load(at(z, f))
			VMULPS(at(scale, f), x, x)
			VADDPS(at(shift, f), x, x)
			VMAXPS(x, v.part(floor), x)
			VMINPS(x, v.part(top), x)
			VMOVUPS(x, at(y, f))
		})
		ADDQ(width, y)
		ADDQ(width, z)
	})
	end()
}

// through generates the gradient that comes through those limits. It computes the sum
// as affine does, with both roundings, and compares: the two have to agree on which
// pixels are at a limit. A NaN is not at one, and its gradient passes.
func through(t tier) {
	t.function("through", "func(n, width int, d, dy, z, scale, shift []float32, floor, top float32)",
		"\tfor p := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tx := z[p*width+f]*scale[f] + shift[f] // each operation is rounded",
		"\t\t\tif x <= floor || x >= top {",
		"\t\t\t\td[p*width+f] = 0",
		"\t\t\t} else {",
		"\t\t\t\td[p*width+f] = dy[p*width+f]",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	width := size("width")
	d, dy, z, scale, shift := slice("d"), slice("dy"), slice("z"), slice("scale"), slice("shift")
	floor, top := t.widest().broadcast("floor"), t.widest().broadcast("top")
	times("pixel", number("n"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			x := v.load(at(z, f))
			VMULPS(at(scale, f), x, x)
			VADDPS(at(shift, f), x, x)
			inside := v.both(v.compared(notLessOrEqual, x, v.part(floor)), v.compared(notGreaterOrEqual, x, v.part(top)))
			if v.evex {
				VMOVUPS_Z(at(dy, f), inside.in, x)
			} else {
				VANDPS(at(dy, f), inside.in, x)
			}
			VMOVUPS(x, at(d, f))
		})
		ADDQ(width, d)
		ADDQ(width, dy)
		ADDQ(width, z)
	})
	end()
}
