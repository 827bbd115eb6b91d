package pixel

import "tapenet/graph/internal/kernel/cpu"

// End finishes pixels whose sums an op has computed: it adds shift and residual, and
// limits them:
//
//	y[j*YPixel+f] = min(max(x[j*XPixel+f] + Shift[f] + residual[j*ResidualPixel+f], Low), High)
//
// for the channels f below Width, a multiple of eight. A NaN stays. The distances from
// pixel to pixel are in elements and at least Width: x may be tight where y is a part
// of wider pixels. It is for engines whose sums are complete before they end; tiles
// (gemm.Panels, WinogradFinish) and windows (Window) do the same in their own loops.
type End[T cpu.Float] struct {
	Width                         int
	YPixel, XPixel, ResidualPixel int
	Shift                         []T
	Low, High                     T
}

// Pixels finishes n pixels, at least one. residual may be nil, and y may be x. Each
// operation is rounded by itself: all tiers give the same bits.
func (e *End[T]) Pixels(n int, y, x, residual []T) {
	if y32, ok := cpu.Float32s(y); ok {
		x32, _ := cpu.Float32s(x)
		shift, _ := cpu.Float32s(e.Shift)
		var rest *float32
		if len(residual) > 0 {
			r, _ := cpu.Float32s(residual)
			rest = &r[0]
		}
		endPixels(n, e.Width, &y32[0], e.YPixel, &x32[0], e.XPixel, rest, e.ResidualPixel, &shift[0], float32(e.Low), float32(e.High))
		return
	}
	for j := range n {
		for f := range e.Width {
			v := x[j*e.XPixel+f] + e.Shift[f]
			if len(residual) > 0 {
				v += residual[j*e.ResidualPixel+f]
			}
			y[j*e.YPixel+f] = limited(v, e.Low, e.High)
		}
	}
}
