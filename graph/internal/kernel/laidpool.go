package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// lay is LayBack of a pooling: it takes an image channels last if it lies so.
func (s PoolShape) lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	if want, out, ok = alike(in); ok {
		out = pixel.Planes(out.N, out.C, s.OH, s.OW).Lastly(pixel.Border{})
	}
	return want, out, ok
}

// apart reports whether no pixel is in two windows.
func (s PoolShape) apart() bool { return s.StrideH >= s.KH && s.StrideW >= s.KW }

// lastMax is what MaxPool2D has for images channels last. A place counts the pixels of
// the window that is left when the image's edge has cut it, row by row. Backward cuts
// the window in the same way, and so finds the pixel again:
//
//	0 1 2      the whole window of 3×3        0 1      the window of the first pixel
//	3 4 5                                     2 3      with a padding of 1
//	6 7 8
//
// A byte is enough, as conv.MaxWindow squared is 225. 255 would be a pixel that a bound
// of pixel.Windows has clipped; here none does.
type lastMax[T cpu.Float] struct {
	pixels
	winner []uint8          // the place in its window of each winner, as pixels lie
	scale  pixel.Windows[T] // a scale of one, a shift of zero
	idle   cpu.FreeList[[]T]
}

// LayBack takes an image channels last if it lies so. A window too large for a byte
// stays in planes.
func (m *MaxPool2D[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	if max(m.KH, m.KW) > conv.MaxWindow {
		return nil, out, false
	}
	return m.lay(in)
}

// Place tells the layouts.
func (m *MaxPool2D[T]) Place(in []pixel.Layout, out pixel.Layout) {
	m.last.place(in, out, m.forwardLines, m.backwardImages)
	width := out.Stride
	w := pixel.Windows[T]{Cols: 1, Width: width, Row: in[0].Row(), Scale: make([]T, width), Shift: make([]T, width), Unscaled: true}
	// Bounds that are NaN clip nothing. An infinite one would take its gradient from a
	// pixel that has the same value.
	w.Floor, w.Top = T(math.NaN()), T(math.NaN())
	for i := range w.Scale {
		w.Scale[i] = 1
	}
	m.last.scale, m.last.idle = w, cpu.NewFreeList[[]T]()
}

// forwardLines computes the rows [lo,hi) of all images' rows, and keeps where the
// winners are. A window is a call of its own, because windows may overlap and edges cut
// some of them: pixel.Windows takes rows of windows that lie side by side, and here
// such a row has one.
func (m *MaxPool2D[T]) forwardLines(lo, hi int) {
	l := &m.last
	w, width := l.scale, l.out.Stride
	for r := lo; r < hi; r++ {
		n, i := r/m.OH, r%m.OH
		for j := range m.OW {
			h0, h1, w0, w1 := m.window(i, j)
			w.KH, w.KW = h1-h0, w1-w0
			w.Largest(m.y[l.out.At(n, i, j):][:width], l.winner[(r*m.OW+j)*width:][:width], m.x[l.in[0].At(n, h0, w0):])
		}
	}
}

// backwardImages computes the gradient of the images [lo,hi): where windows overlap
// that of each window by itself first. dx[n,h,w,c] is the sum of dy[n,i,j,c] over the
// windows (i,j) that (h,w) has won, in the order of i, then j. An image is one piece of
// work, as windows of neighbouring rows may add to the same pixel.
func (m *MaxPool2D[T]) backwardImages(lo, hi int) {
	l := &m.last
	dx, dy, w, width := l.in[0].Unbordered(), l.out.Unbordered(), l.scale, l.out.Stride
	part := l.idle.Get()
	if part == nil {
		part = new([]T)
	}
	defer l.idle.Put(part)
	if !m.apart() {
		*part = cpu.Sized(*part, m.KH*m.KW*width)
	}
	for n := lo; n < hi; n++ {
		// Pixels between the windows, or beyond the last ones, are in none: they stay zero.
		clear(m.dx[dx.At(n, 0, 0):][:dx.Image()])
		for p := range m.OH * m.OW {
			i, j := p/m.OW, p%m.OW
			h0, h1, w0, w1 := m.window(i, j)
			w.KH, w.KW = h1-h0, w1-w0
			d, at := m.dy[dy.At(n, i, j):], l.winner[((n*m.OH+i)*m.OW+j)*width:][:width]
			// Spread sets every pixel of a window, to zero where it has not won. That is
			// right for dx itself only where no other window has written before.
			if w.Row = dx.Row(); m.apart() {
				w.Spread(m.dx[dx.At(n, h0, w0):], d, at)
				continue
			}
			w.Row = w.KW * width
			w.Spread(*part, d, at)
			for u := range w.KH {
				vector.Add(m.dx[dx.At(n, h0+u, w0):][:w.Row], (*part)[u*w.Row:])
			}
		}
	}
}

// LayBack takes an image channels last if it lies so.
func (a *AvgPool2D[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	return a.lay(in)
}

// Place tells the layouts. Of LastPool only the loop over rows is used: it needs no
// plain kernel.
func (a *AvgPool2D[T]) Place(in []pixel.Layout, out pixel.Layout) {
	a.place(in, out, a.forwardLines, a.backwardImages)
	a.windows = LastPool[T]{PoolShape: a.PoolShape, kind: pixel.Sum}
	a.windows.Place(in, out)
	a.shares = cpu.NewFreeList[[]T]()
}

// forwardLines computes the rows [lo,hi) of all images' rows: a row of windows at a
// time as in inference, or a large window row by row. A window with a side above
// conv.MaxWindow, as a global pooling often has, is added up in four interleaved sums
// for each of its rows (pixel.Sums): they depend on each other less than one sum of
// many terms, and lose fewer digits.
func (a *AvgPool2D[T]) forwardLines(lo, hi int) {
	if !a.single() && max(a.KH, a.KW) <= conv.MaxWindow {
		a.windows.someRows(lo, hi)
		return
	}
	for r := lo; r < hi; r++ {
		n, i := r/a.OH, r%a.OH
		for j := range a.OW {
			h0, h1, w0, w1 := a.window(i, j)
			y := a.y[a.out.At(n, i, j):][:a.out.Stride]
			if a.single() {
				copy(y, a.x[a.pixels.in[0].At(n, h0, w0):])
				continue
			}
			clear(y)
			for h := h0; h < h1; h++ {
				pixel.Sums(y, a.x[a.pixels.in[0].At(n, h, w0):], w1-w0, len(y))
			}
			count := T((h1 - h0) * (w1 - w0))
			for f := range y {
				y[f] /= count
			}
		}
	}
}

// backwardImages computes the gradient of the images [lo,hi). With count(i,j) for the
// pixels of window (i,j) that lie inside the image,
//
//	dx[n,h,w,c] = Σ dy[n,i,j,c] / count(i,j)   over the windows (i,j) that hold (h,w)
//
// Each term is divided before it is added. Windows come in the order of i, then j.
func (a *AvgPool2D[T]) backwardImages(lo, hi int) {
	if a.SideBySide() {
		a.spreadRows(lo, hi)
		return
	}
	dx, dy, width := a.pixels.in[0].Unbordered(), a.out.Unbordered(), a.out.Stride
	for n := lo; n < hi; n++ {
		clear(a.dx[dx.At(n, 0, 0):][:dx.Image()])
		for p := range a.OH * a.OW {
			i, j := p/a.OW, p%a.OW
			h0, h1, w0, w1 := a.window(i, j)
			count, d := T((h1-h0)*(w1-w0)), a.dy[dy.At(n, i, j):][:width]
			first := a.dx[dx.At(n, h0, w0):][:width]
			for f := range first {
				first[f] += d[f] / count
			}
			for q := 1; q < (h1-h0)*(w1-w0); q++ {
				to := a.dx[dx.At(n, h0+q/(w1-w0), w0+q%(w1-w0)):][:width]
				if a.apart() {
					// No other window is here: all pixels get what the first one has.
					copy(to, first)
					continue
				}
				for f := range to {
					to[f] += d[f] / count
				}
			}
		}
	}
}

// spreadRows is backwardImages for windows that lie side by side, row by row: it gives
// the pixels of a window's first row its gradient's share, and repeats that row.
// For windows of 2×2 and a row of dy with the shares a, b and c:
//
//	dx   a a b b c c 0      a row of the image; the last pixel is in no window
//	     a a b b c c 0      the same once more
//
// A row of dx is written once and then copied from the cache. Rows [lo,hi) of images are
// a loop over OH rows each, which no other call writes to.
func (a *AvgPool2D[T]) spreadRows(lo, hi int) {
	dx, dy, width := a.pixels.in[0].Unbordered(), a.out.Unbordered(), a.out.Stride
	share := a.shares.Get()
	if share == nil {
		share = new([]T)
	}
	defer a.shares.Put(share)
	*share = cpu.Sized(*share, a.OW*width)
	for r := lo * a.OH; r < hi*a.OH; r++ {
		n, i := r/a.OH, r%a.OH
		vector.ScaleBy(*share, a.dy[dy.At(n, i, 0):], 1/T(a.KH*a.KW))
		first := a.dx[dx.At(n, i*a.KH, 0):][:a.W*width]
		for j := range a.OW * a.KW {
			copy(first[j*width:][:width], (*share)[j/a.KW*width:])
		}
		clear(first[a.OW*a.KW*width:])
		for u := 1; u < a.KH; u++ {
			copy(a.dx[dx.At(n, i*a.KH+u, 0):], first)
		}
	}
	// Rows of the image below the last windows are in none.
	for n := lo; n < hi && a.OH*a.KH < a.H; n++ {
		clear(a.dx[dx.At(n, a.OH*a.KH, 0):][:(a.H-a.OH*a.KH)*a.W*width])
	}
}

// Bytes is the memory that the kernel keeps.
func (a *AvgPool2D[T]) Bytes() int {
	return a.windows.ownBytes() + a.shares.Sum(func(s *[]T) int { return cpu.BytesOf(*s) })
}
