package pixel

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// twins are makers of operands of a size, with all the rest random.
var twins = kerneltest.Makers{
	"largest":         largestTwin,
	"spread":          spreadTwin,
	"channelSums":     channelTwin(func(f [][]float32, n, width int) { Sums(f[0], f[6], n, width) }),
	"channelSquares":  channelTwin(func(f [][]float32, n, width int) { Squares(f[0], f[6], f[1], n, width) }),
	"channelDots":     channelTwin(func(f [][]float32, n, width int) { Dots(f[0], f[1], f[6], f[7], f[2], n, width) }),
	"channelNormGrad": channelTwin(func(f [][]float32, n, width int) { NormGrad(f[8], f[6], f[7], f[0], f[1], f[2], f[3], n, width) }),
	"affine":          channelTwin(func(f [][]float32, n, width int) { limitsOf(f, n, width).Affine(f[8], f[6], nil, n) }),
	"affineAdd":       channelTwin(func(f [][]float32, n, width int) { limitsOf(f, n, width).Affine(f[8], f[6], f[7], n) }),
	"through":         channelTwin(func(f [][]float32, n, width int) { limitsOf(f, n, width).Through(f[8], f[6], f[7], nil, n) }),
	"throughAdd":      channelTwin(func(f [][]float32, n, width int) { limitsOf(f, n, width).Through(f[8], f[6], f[7], f[9], n) }),
	"addPatches":      addPatchesTwin,
	"tapsForward":     tapsTwin(func(t Taps, f [][]float32) { TapsForward(t, f[0], f[1], f[2]) }),
	"tapsFilter":      tapsTwin(func(t Taps, f [][]float32) { TapsFilter(t, f[2], f[1], f[0]) }),
	"tapsInput":       tapsInputTwin,
	"fromPlanes": turnTwin(func(f [][]float32, distance, plane, channels, pixels int) {
		FromPlanes(f[0], distance, f[1], plane, channels, pixels)
	}),
	"toPlanes": turnTwin(func(f [][]float32, distance, plane, channels, pixels int) {
		ToPlanes(f[1], plane, f[0], distance, channels, pixels)
	}),
	"winogradImage":  winogradTileTwin(func(t tileCase, f [][]float32) { WinogradImage(t.side, t.n, t.width, f[0], f[1], t.step, t.row, t.q) }),
	"winogradSpread": winogradTileTwin(func(t tileCase, f [][]float32) { WinogradSpread(t.side, t.n, t.width, f[1], f[0], t.step, t.row, t.q) }),
	"windowDot":      windowTwin(Dot),
	"windowSum":      windowTwin(Sum),
	"windowMax":      windowTwin(Max),
	"endPixels":      endTwin,
	"winogradEvaluate": winogradTileTwin(func(t tileCase, f [][]float32) {
		WinogradEvaluate(t.side, t.pixels, t.n, t.width, f[0], f[1], t.step, t.row, t.q)
	}),
	"winogradCombine": winogradTileTwin(func(t tileCase, f [][]float32) {
		WinogradCombine(t.side, t.pixels, t.n, t.width, f[1], f[0], t.step, t.row, t.q, t.rows, t.cols)
	}),
	"winogradFinish": winogradFinishTwin,
}

func TestTwins(t *testing.T) { kerneltest.RunTwins(t, twins) }

func FuzzTwins(f *testing.F) { kerneltest.FuzzTwins(f, twins) }

// randomWindows are a row of n windows; there is always one.
func randomWindows(r *rand.Rand, n int) Windows[float32] {
	w := Windows[float32]{Cols: max(n, 1), Width: 8 * (1 + r.IntN(5)), KH: 1 + r.IntN(3), KW: 1 + r.IntN(3)}
	if r.IntN(2) > 0 {
		w.KH, w.KW = 2, 2
	}
	w.Row = w.Cols*w.KW*w.Width + r.IntN(20)
	w.Scale, w.Shift = kerneltest.Normal[float32](r, w.Width), kerneltest.Normal[float32](r, w.Width)
	if w.Unscaled = r.IntN(2) > 0; w.Unscaled {
		for f := range w.Scale {
			w.Scale[f] = 1
		}
	}
	if r.IntN(2) > 0 {
		w.Floor = float32(math.Inf(-1))
	}
	if w.Top = 0.5; r.IntN(2) > 0 {
		w.Top = float32(math.Inf(1))
	}
	return w
}

// pixels is the number of elements under the windows.
func (w Windows[T]) pixels() int { return (w.KH-1)*w.Row + w.Cols*w.KW*w.Width }

// largestTwin pools, with and without keeping the winners' places.
func largestTwin(r *rand.Rand, n int) kerneltest.Twin {
	w, keep := randomWindows(r, n), r.IntN(2)
	if r.IntN(3) == 0 {
		w.Floor, w.Top = float32(math.NaN()), float32(math.NaN())
	}
	return kerneltest.Twin{
		Floats: [][]float32{kerneltest.Values(r, w.Cols*w.Width), kerneltest.Values(r, w.pixels()), w.Scale, w.Shift},
		Bytes:  [][]uint8{make([]uint8, keep*w.Cols*w.Width)},
		Run: func(f [][]float32, i [][]uint8) {
			w := w
			w.Scale, w.Shift = f[2], f[3]
			w.Largest(f[0], i[0], f[1])
		},
	}
}

func spreadTwin(r *rand.Rand, n int) kerneltest.Twin {
	w := randomWindows(r, n)
	at := make([]uint8, w.Cols*w.Width)
	for i := range at {
		if at[i] = uint8(r.IntN(w.KH * w.KW)); r.IntN(4) == 0 {
			at[i] = clipped
		}
	}
	return kerneltest.Twin{
		Floats: [][]float32{kerneltest.Values(r, w.pixels()), kerneltest.Values(r, w.Cols*w.Width)},
		Bytes:  [][]uint8{at},
		Run:    func(f [][]float32, i [][]uint8) { w.Spread(f[0], f[1], i[0]) },
	}
}

// channelTwin is a loop over n pixels, at least one: with six operands of one
// value a channel, and four of a whole image.
func channelTwin(run func(f [][]float32, n, width int)) func(r *rand.Rand, n int) kerneltest.Twin {
	return func(r *rand.Rand, n int) kerneltest.Twin {
		n, width := max(n, 1), 8*(1+r.IntN(5))
		w := kerneltest.Twin{Run: func(f [][]float32, _ [][]uint8) { run(f, n, width) }}
		for range 6 {
			w.Floats = append(w.Floats, kerneltest.Normal[float32](r, width))
		}
		for range 4 {
			w.Floats = append(w.Floats, kerneltest.Values(r, n*width))
		}
		return w
	}
}

// limitsOf are windows of one pixel with limits, or without for an odd number of them.
func limitsOf(f [][]float32, n, width int) *Windows[float32] {
	w := &Windows[float32]{Width: width, Scale: f[0], Shift: f[1], Top: 0.5}
	if n%2 > 0 {
		w.Floor, w.Top = float32(math.Inf(-1)), float32(math.Inf(1))
	}
	return w
}

// addPatchesTwin adds up n patches, at least one.
func addPatchesTwin(r *rand.Rand, n int) kerneltest.Twin {
	n, kh, depth, step := max(n, 1), 1+r.IntN(3), 8*(1+r.IntN(5)), 1+r.IntN(40)
	row := n*step + depth + r.IntN(9)
	return kerneltest.Twin{
		Floats: [][]float32{kerneltest.Values(r, (kh-1)*row+(n-1)*step+depth), kerneltest.Values(r, n*kh*depth)},
		Run:    func(f [][]float32, _ [][]uint8) { AddPatches(f[0], f[1], n, kh, depth, step, row) },
	}
}

// turnTwin has n pixels, which may lie close, be parts of wider ones, or have room
// for the zeros behind their channels.
func turnTwin(run func(f [][]float32, distance, plane, channels, pixels int)) func(r *rand.Rand, n int) kerneltest.Twin {
	return func(r *rand.Rand, n int) kerneltest.Twin {
		channels := r.IntN(40)
		if r.IntN(4) == 0 {
			channels = 3
		}
		distance := channels + r.IntN(9)*r.IntN(2)
		if r.IntN(2) == 0 {
			distance = Width(channels) + 8*r.IntN(3)
		}
		distance = max(distance, 1)
		pixels := max(0, n-1)*distance + min(distance, Width(channels))
		plane := n + r.IntN(9)
		planes := max(0, channels-1)*plane + n
		return kerneltest.Twin{
			Floats: [][]float32{kerneltest.Values(r, pixels), kerneltest.Values(r, planes)},
			Run:    func(f [][]float32, _ [][]uint8) { run(f, distance, plane, channels, n) },
		}
	}
}

// tapsTwin has n output pixels, at least one.
func tapsTwin(run func(t Taps, f [][]float32)) func(r *rand.Rand, n int) kerneltest.Twin {
	return func(r *rand.Rand, n int) kerneltest.Twin {
		t := Taps{Cols: max(n, 1), Width: 8 * (1 + r.IntN(4)), KH: 1 + r.IntN(5), KW: 1 + r.IntN(9)}
		t.Pixel, t.Column, t.Row = (1+r.IntN(3))*t.Width, (1+r.IntN(3))*t.Width, r.IntN(100)
		image := (t.Cols-1)*t.Pixel + (t.KH-1)*t.Row + (t.KW-1)*t.Column + t.Width
		return kerneltest.Twin{
			Floats:    [][]float32{kerneltest.Normal[float32](r, t.Cols*t.Width), kerneltest.Normal[float32](r, image), kerneltest.Normal[float32](r, t.KH*t.KW*t.Width)},
			Run:       func(f [][]float32, _ [][]uint8) { run(t, f) },
			Roundings: 2 * (t.Cols + 2) * t.KH * t.KW,
		}
	}
}

// tapsInputTwin has n columns of output pixels, at least one, and an image that may
// be smaller or larger than what filters see. Sometimes the output has the border.
func tapsInputTwin(r *rand.Rand, n int) kerneltest.Twin {
	axis := func(out int) Axis {
		a := Axis{Out: out, Filter: 1 + r.IntN(9), Stride: 1 + r.IntN(4), Dilation: 1 + r.IntN(4), Pad: r.IntN(4)}
		a.Image = max(1, (a.Out-1)*a.Stride+(a.Filter-1)*a.Dilation+r.IntN(7)-3-a.Pad)
		switch r.IntN(3) {
		case 0:
			a.Before, a.After = a.Border()
		case 1:
			a.Before, a.After = r.IntN(3), r.IntN(3)
		}
		return a
	}
	t := TapsImage{Down: axis(1 + r.IntN(4)), Across: axis(max(n, 1)), Width: 8 * (1 + r.IntN(4))}
	rows, cols := t.Down.Before+t.Down.Out+t.Down.After, t.Across.Before+t.Across.Out+t.Across.After
	t.Row, t.OutRow = t.Across.Image*t.Width+r.IntN(9), cols*t.Width+r.IntN(9)
	first := t.Down.Before*t.OutRow + t.Across.Before*t.Width
	dy := make([]float32, (rows-1)*t.OutRow+cols*t.Width)
	for i := range t.Down.Out {
		copy(dy[first+i*t.OutRow:], kerneltest.Normal[float32](r, t.Across.Out*t.Width))
	}
	lo := r.IntN(t.Down.Image)
	return kerneltest.Twin{
		Floats: [][]float32{
			kerneltest.Normal[float32](r, (t.Down.Image-1)*t.Row+t.Across.Image*t.Width),
			dy,
			kerneltest.Normal[float32](r, t.Down.Filter*t.Across.Filter*t.Width),
		},
		Run:       func(f [][]float32, _ [][]uint8) { TapsInput(&t, f[0], f[1], first, f[2], lo, t.Down.Image) },
		Roundings: 2 * (t.Down.Filter*t.Across.Filter + 1),
	}
}

// tileCase is n of Winograd's tiles, and places in memory.
type tileCase struct {
	side, pixels, n, width, step, row, q int
	rows, cols                           int // of the pixels that are wanted
}

// winogradTileTwin has at least one tile, all matrices of the tiles, and an image
// that is as large as the pixels of a tile that has as many as it can need it.
func winogradTileTwin(run func(t tileCase, f [][]float32)) func(r *rand.Rand, n int) kerneltest.Twin {
	return func(r *rand.Rand, n int) kerneltest.Twin {
		t := tileCase{side: 4 + 2*r.IntN(2), n: max(n, 1), width: 8 * (1 + r.IntN(4))}
		t.pixels = 2 + r.IntN(t.side-2)
		t.rows, t.cols = 1+r.IntN(t.pixels), 1+r.IntN(t.pixels)
		t.step = t.pixels * t.width
		image := (t.n-1)*t.step + t.side*t.width
		t.row, t.q = image+r.IntN(9), t.n*t.width+r.IntN(9)
		return kerneltest.Twin{
			Floats: [][]float32{kerneltest.Normal[float32](r, (t.side*t.side-1)*t.q+t.n*t.width), kerneltest.Normal[float32](r, (t.side-1)*t.row+image)},
			Run:    func(f [][]float32, _ [][]uint8) { run(t, f) },
		}
	}
}

// winogradFinishTwin ends n tiles, at least one, with or without a residual and limits,
// in images whose pixels and rows have gaps.
func winogradFinishTwin(r *rand.Rand, n int) kerneltest.Twin {
	n = max(n, 1)
	w := WinogradFinish[float32]{Side: 4 + 2*r.IntN(2), Width: 8 * (1 + r.IntN(5)), Low: float32(math.Inf(-1)), High: float32(math.Inf(1))}
	w.Pixels = 2 * (1 + r.IntN(w.Side/2-1))
	rows, cols := 1+r.IntN(w.Pixels), 1+r.IntN(w.Pixels)
	w.YPixel, w.ResidualPixel, w.Q = w.Width+8*r.IntN(2), w.Width+8*r.IntN(2), n*w.Width+r.IntN(9)
	last := w.Pixels*(n-1) + cols - 1 // pixel of a row
	w.YRow, w.ResidualRow = (last+1)*w.YPixel+r.IntN(9), (last+1)*w.ResidualPixel+r.IntN(9)
	if r.IntN(2) == 0 {
		w.Low, w.High = -1, 2
	}
	residual := kerneltest.Normal[float32](r, (rows-1)*w.ResidualRow+last*w.ResidualPixel+w.Width)
	if r.IntN(2) == 0 {
		residual = nil
	}
	tiles := kerneltest.Normal[float32](r, (w.Side*w.Side-1)*w.Q+n*w.Width)
	tiles[r.IntN(len(tiles))] = float32(math.NaN())
	return kerneltest.Twin{
		Floats: [][]float32{kerneltest.Values(r, (rows-1)*w.YRow+last*w.YPixel+w.Width), tiles, residual, kerneltest.Normal[float32](r, w.Width)},
		Run: func(f [][]float32, _ [][]uint8) {
			w := w
			w.Shift = f[3]
			w.Tiles(n, f[0], f[1], f[2], rows, cols)
		},
	}
}

// windowTwin slides over n places, at least one. The sums and the largest pixels are
// the same bits on all tiers, whatever is special in the image.
func windowTwin(kind WindowKind) func(r *rand.Rand, n int) kerneltest.Twin {
	return func(r *rand.Rand, n int) kerneltest.Twin {
		c := newWindowCase[float32](r, kind, max(n%100, 1))
		t := kerneltest.Twin{Floats: [][]float32{kerneltest.Values(r, len(c.x)), c.w, c.Shift, make([]float32, (c.n-1)*c.YPixel+c.Width)}}
		if kind == Dot {
			c.Low, c.High = float32(math.Inf(-1)), float32(math.Inf(1))
			t.Floats[0], t.Roundings = c.x, 2*(c.KH*c.KW+2)
		}
		t.Run = func(f [][]float32, _ [][]uint8) {
			c := c
			c.Shift = f[2]
			c.Slide(c.n, f[3], f[0], f[1])
		}
		return t
	}
}

// endTwin ends n pixels, at least one.
func endTwin(r *rand.Rand, n int) kerneltest.Twin {
	n = max(n, 1)
	e := End[float32]{Width: 8 * (1 + r.IntN(5)), Low: 0, High: 1}
	e.YPixel, e.XPixel, e.ResidualPixel = e.Width+8*r.IntN(2), e.Width+8*r.IntN(2), e.Width+8*r.IntN(2)
	residual := make([]float32, r.IntN(2)*((n-1)*e.ResidualPixel+e.Width))
	copy(residual, kerneltest.Values(r, len(residual)))
	return kerneltest.Twin{
		Floats: [][]float32{make([]float32, (n-1)*e.YPixel+e.Width), kerneltest.Values(r, (n-1)*e.XPixel+e.Width), residual, kerneltest.Values(r, e.Width)},
		Run: func(f [][]float32, _ [][]uint8) {
			e := e
			e.Shift = f[3]
			e.Pixels(n, f[0], f[1], f[2])
		},
	}
}
