package pixel

import "tapenet/graph/internal/kernel/cpu"

// Affine is Largest for windows of one pixel, where there is nothing to choose and no
// place to keep:
//
//	y[p,f] = min(Top, max(Floor, Scale[f]·z[p,f] + Shift[f]))
//
// for n pixels. A NaN stays. y may be z. Cols, KH, KW and Row do not count. It ends a
// ConvBlock that pools nothing. Nothing is kept for the gradient: Through computes
// the sum again, from z, with the same roundings.
func (w *Windows[T]) Affine(y, z []T, n int) {
	if y, ok := cpu.Float32s(y); ok {
		z, _ := cpu.Float32s(z)
		scale, _ := cpu.Float32s(w.Scale)
		shift, _ := cpu.Float32s(w.Shift)
		loops().affine(n, w.Width, y, z, scale, shift, float32(w.Floor), float32(w.Top))
		return
	}
	for p := range n {
		for f := range w.Width {
			i := p*w.Width + f
			y[i] = limited(T(z[i]*w.Scale[f])+w.Shift[f], w.Floor, w.Top)
		}
	}
}

// Through sets d, the gradient of the n pixels before their limits, to dy where Affine
// gave a number between Floor and Top or a NaN, else to 0:
//
//	z ── ·Scale + Shift ── limits ── y         Affine
//	         d ◀── dy where the limits let it ── dy    Through
//
// z is the input of Affine. d may be dy. A Scale that a strip's caller changes between
// Affine and Through would change what passes: it must be the same.
func (w *Windows[T]) Through(d, dy, z []T, n int) {
	if d, ok := cpu.Float32s(d); ok {
		dy, _ := cpu.Float32s(dy)
		z, _ := cpu.Float32s(z)
		scale, _ := cpu.Float32s(w.Scale)
		shift, _ := cpu.Float32s(w.Shift)
		loops().through(n, w.Width, d, dy, z, scale, shift, float32(w.Floor), float32(w.Top))
		return
	}
	for p := range n {
		for f := range w.Width {
			i := p*w.Width + f
			x := T(z[i]*w.Scale[f]) + w.Shift[f]
			if x <= w.Floor || x >= w.Top {
				d[i] = 0
			} else {
				d[i] = dy[i]
			}
		}
	}
}
