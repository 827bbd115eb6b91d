package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// affine generates a normalisation with its limits, for pixels that no window pools.
// With more, affineAdd: other pixels are added in front of the limits. VMAXPS and
// VMINPS keep their first operand here, where that is a NaN.
func affine(t tier, name string, more bool) {
	operand, text := adding(more)
	t.function(name, "func(n, width int, y, z, "+operand+"scale, shift []float32, floor, top float32)",
		"\tfor p := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tx := z[p*width+f]*scale[f] + shift[f]"+text+" // each operation is rounded",
		"\t\t\ty[p*width+f] = min(max(x, floor), top) // a NaN stays, and the zero of two that z gives",
		"\t\t}",
		"\t}")
	width := size("width")
	y := slice("y")
	s := newNormalised(t, more)
	times("pixel", number("n"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			x := s.load(v, f)
			VMAXPS(x, v.part(s.floor), x)
			VMINPS(x, v.part(s.top), x)
			VMOVUPS(x, at(y, f))
		})
		ADDQ(width, y)
		s.advance(width)
	})
	end()
}

// through generates the gradient that comes through those limits. It computes the sum
// as affine does, with the same roundings, and compares: the two have to agree on which
// pixels are at a limit. A NaN is not at one, and its gradient passes.
func through(t tier, name string, more bool) {
	operand, text := adding(more)
	t.function(name, "func(n, width int, d, dy, z, "+operand+"scale, shift []float32, floor, top float32)",
		"\tfor p := range n { // at least 1",
		"\t\tfor f := range width { // a multiple of eight",
		"\t\t\tx := z[p*width+f]*scale[f] + shift[f]"+text+" // each operation is rounded",
		"\t\t\tif x <= floor || x >= top {",
		"\t\t\t\td[p*width+f] = 0",
		"\t\t\t} else {",
		"\t\t\t\td[p*width+f] = dy[p*width+f]",
		"\t\t\t}",
		"\t\t}",
		"\t}")
	width := size("width")
	d, dy := slice("d"), slice("dy")
	s := newNormalised(t, more)
	times("pixel", number("n"), func() {
		t.channels(width, func(v vector, f reg.Register) {
			x := s.load(v, f)
			inside := v.both(v.compared(notLessOrEqual, x, v.part(s.floor)), v.compared(notGreaterOrEqual, x, v.part(s.top)))
			if v.evex {
				VMOVUPS_Z(at(dy, f), inside.in, x)
			} else {
				VANDPS(at(dy, f), inside.in, x)
			}
			VMOVUPS(x, at(d, f))
		})
		ADDQ(width, d)
		ADDQ(width, dy)
		s.advance(width)
	})
	end()
}

// adding is how a stub names the pixels that are added, and what it says of them.
func adding(more bool) (operand, text string) {
	if more {
		return "r, ", " + r[p*width+f]"
	}
	return "", ""
}

// normalised is what affine and through compare with the limits.
type normalised struct {
	z, r, scale, shift reg.Register // r: nil for none
	floor, top         reg.VecVirtual
}

func newNormalised(t tier, more bool) (s normalised) {
	s.z = slice("z")
	if more {
		s.r = slice("r")
	}
	s.scale, s.shift = slice("scale"), slice("shift")
	s.floor, s.top = t.widest().broadcast("floor"), t.widest().broadcast("top")
	return s
}

// load computes it for the channels of a vector from f on.
func (s normalised) load(v vector, f reg.Register) reg.VecVirtual {
	x := v.load(at(s.z, f))
	VMULPS(at(s.scale, f), x, x)
	VADDPS(at(s.shift, f), x, x)
	if s.r != nil {
		VADDPS(at(s.r, f), x, x)
	}
	return x
}

// advance goes on to the next pixel.
func (s normalised) advance(width reg.Register) {
	ADDQ(width, s.z)
	if s.r != nil {
		ADDQ(width, s.r)
	}
}
