package pixel

import "tapenet/graph/internal/kernel/cpu"

// Affine is Largest for windows of one pixel, where there is nothing to choose and no
// place to keep, with the pixels r added in front of the limits; r may be nil:
//
//	y[p,f] = min(Top, max(Floor, Scale[f]·z[p,f] + Shift[f] + r[p,f]))
//
// for n pixels. A NaN stays. y may be z. Cols, KH, KW and Row do not count. It ends a
// ConvBlock that pools nothing; r is its residual image. Nothing is kept for the
// gradient: Through computes the sum again, from z and r, with the same roundings.
func (w *Windows[T]) Affine(y, z, r []T, n int) {
	if y, ok := cpu.Float32s(y); ok {
		z, r, scale, shift := w.float32s(z, r)
		if r != nil {
			loops().affineAdd(n, w.Width, y, z, r, scale, shift, float32(w.Floor), float32(w.Top))
		} else {
			loops().affine(n, w.Width, y, z, scale, shift, float32(w.Floor), float32(w.Top))
		}
		return
	}
	for p := range n {
		for f := range w.Width {
			i := p*w.Width + f
			y[i] = limited(w.normalised(z, r, i, f), w.Floor, w.Top)
		}
	}
}

// Through sets d, the gradient of the n pixels before their limits, to dy where Affine
// gave a number between Floor and Top or a NaN, else to 0:
//
//	z ── ·Scale + Shift + r ── limits ── y         Affine
//	             d ◀── dy where the limits let it ── dy    Through
//
// z and r are the operands of Affine. d may be dy. Scale and Shift must be those of
// Affine: with others, other pixels would pass.
func (w *Windows[T]) Through(d, dy, z, r []T, n int) {
	if d, ok := cpu.Float32s(d); ok {
		dy, _ := cpu.Float32s(dy)
		z, r, scale, shift := w.float32s(z, r)
		if r != nil {
			loops().throughAdd(n, w.Width, d, dy, z, r, scale, shift, float32(w.Floor), float32(w.Top))
		} else {
			loops().through(n, w.Width, d, dy, z, scale, shift, float32(w.Floor), float32(w.Top))
		}
		return
	}
	for p := range n {
		for f := range w.Width {
			i := p*w.Width + f
			if x := w.normalised(z, r, i, f); x <= w.Floor || x >= w.Top {
				d[i] = 0
			} else {
				d[i] = dy[i]
			}
		}
	}
}

// normalised is element i, of channel f, before its limits. Each operation is rounded.
func (w *Windows[T]) normalised(z, r []T, i, f int) T {
	x := T(z[i]*w.Scale[f]) + w.Shift[f]
	if r != nil {
		x += r[i]
	}
	return x
}

// float32s are the operands of the loops in assembly.
func (w *Windows[T]) float32s(z, r []T) (z32, r32, scale, shift []float32) {
	z32, _ = cpu.Float32s(z)
	r32, _ = cpu.Float32s(r)
	scale, _ = cpu.Float32s(w.Scale)
	shift, _ = cpu.Float32s(w.Shift)
	return z32, r32, scale, shift
}
