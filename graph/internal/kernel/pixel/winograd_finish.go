package pixel

import "tapenet/graph/internal/kernel/cpu"

// WinogradFinish ends a convolution by Winograd's tiles, in inference: it transforms
// tiles of Side×Side sums back to Pixels×Pixels pixels u of the output, as
// WinogradCombine does, and writes
//
//	y = min(max(u + Shift[f] + residual, Low), High)
//
// The way of one tile, F(4×4,3×3):
//
//	36 matrices (tiles,Width), Q apart ──▶ 6×6 sums ── Aᵀ·M·A ──▶ 4×4 pixels of y
//
// Pixels of y and of the residual are YPixel and ResidualPixel elements apart, their
// rows YRow and ResidualRow. A NaN stays. Nothing of the tile is written to memory in
// between.
type WinogradFinish[T cpu.Float] struct {
	Side, Pixels, Width, Q     int
	YPixel, YRow               int
	ResidualPixel, ResidualRow int
	Shift                      []T
	Low, High                  T
}

// Tiles ends n tiles that lie side by side. Of each it writes the first rows and cols
// pixels: at the lower and the right edge of an image tiles stand over. The residual
// may be nil. All tiers give the same bits.
func (w *WinogradFinish[T]) Tiles(n int, y, tiles, residual []T, rows, cols int) {
	if y, ok := cpu.Float32s(y); ok {
		tiles, _ := cpu.Float32s(tiles)
		shift, _ := cpu.Float32s(w.Shift)
		var rest *float32
		if len(residual) > 0 {
			r, _ := cpu.Float32s(residual)
			rest = &r[0]
		}
		loops().winograd.finish[w.Side][w.Pixels](n, w.Width, &y[0], &tiles[0], w.YPixel, w.YRow, w.Q, rows, cols,
			&shift[0], rest, w.ResidualPixel, w.ResidualRow, float32(w.Low), float32(w.High))
		return
	}
	eachTile(n, w.Width, func(tile, f int) {
		u := combined(tiles[tile*w.Width+f:], w.Q, w.Side, w.Pixels)
		for i := range rows {
			for j := range cols {
				p := w.Pixels*tile + j
				v := u[i][j] + w.Shift[f]
				if len(residual) > 0 {
					v += residual[p*w.ResidualPixel+i*w.ResidualRow+f]
				}
				y[p*w.YPixel+i*w.YRow+f] = limited(v, w.Low, w.High)
			}
		}
	})
}

// combined is the transformation back of a tile whose elements are q apart: Aᵀ·M·A,
// see winograd_line.go.
func combined[T cpu.Float](tile []T, q, side, pixels int) [maxSide][maxSide]T {
	var d [maxSide][maxSide]T
	for i := range side {
		for j := range side {
			d[i][j] = tile[(side*i+j)*q]
		}
	}
	return transformed(d, side, pixels, combineLine[T])
}
