package pixel

import "tapenet/graph/internal/kernel/cpu"

// Affine sets n pixels y to those that windows of one pixel would pick, see Windows:
//
//	y[p,f] = min(Top, max(Floor, Scale[f]·z[p,f] + Shift[f]))
//
// A NaN stays. Nothing is kept for the gradient: Through computes the sum again.
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
// gave a number between Floor and Top or a NaN, else to 0.
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
