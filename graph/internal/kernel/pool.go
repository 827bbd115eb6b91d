package kernel

import (
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// PoolShape is the geometry of a two-dimensional pooling. Every window holds at
// least one pixel of the image; the caller has checked that.
//
//	. . 0 1 2 3 4 5 .      a row of W = 6 pixels, with PadLeft = 2
//	└ 0 ┘   └ 2 ┘          windows of KW = 3, StrideW = 2, OW = 4: window j covers
//	    └ 1 ┘   └ 3 ┘      KW columns from j·StrideW - PadLeft on
//
// Windows never read padding: window cuts them to the image. How far it reaches at the
// right and at the bottom is no number here, as OW and OH say how many windows there are.
type PoolShape struct {
	Planes, H, W     int // input: Planes images of H×W
	KH, KW           int
	StrideH, StrideW int
	PadTop, PadLeft  int
	OH, OW           int
}

// window returns the part of the plane under output pixel (i,j): rows [h0,h1)
// and columns [w0,w1), without the padding.
func (s PoolShape) window(i, j int) (h0, h1, w0, w1 int) {
	h0, w0 = i*s.StrideH-s.PadTop, j*s.StrideW-s.PadLeft
	return max(h0, 0), min(h0+s.KH, s.H), max(w0, 0), min(w0+s.KW, s.W)
}

// Pooled is the number of pixels of all windows.
func (s PoolShape) Pooled() int { return s.Planes * s.OH * s.OW * s.KH * s.KW }

// Pairs reports whether the windows are 2×2, side by side and without padding, which
// vector.MaxPairs and vector.AvgPairs pool. A last row or column of the image may be
// left over. No window is cut, so those loops look for no bounds.
func (s PoolShape) Pairs() bool {
	return s.KH == 2 && s.KW == 2 && s.StrideH == 2 && s.StrideW == 2 && s.PadTop == 0 && s.PadLeft == 0 &&
		2*s.OH <= s.H && 2*s.OW <= s.W
}

// SideBySide reports whether each pixel is in one window at most, and windows are
// small enough for a ConvBlock.
func (s PoolShape) SideBySide() bool {
	return s.StrideH == s.KH && s.StrideW == s.KW && s.PadTop == 0 && s.PadLeft == 0 &&
		s.OH*s.KH <= s.H && s.OW*s.KW <= s.W && max(s.KH, s.KW) <= conv.MaxWindow
}

// MaxPool2D takes the largest pixel of each window:
//
//	y[p,i,j] = max_{u<KH, v<KW} x[p, i·stride+u-pad, j·stride+v-pad]
//
// Padding never wins. The first of equal pixels gets the gradient; a NaN wins
// over every number, so that it is not lost.
//
// The gradient goes where the largest pixel came from, as the other pixels could change a
// little without any effect:
//
//	dx[p,h,w] = Σ dy[p,i,j] over all (i,j) that (h,w) has won
//
// A window of -Inf alone is won by its first pixel.
type MaxPool2D[T cpu.Float] struct {
	PoolShape
	last              lastMax[T]
	y, x, dy, dx      []T
	winner            []int32 // position in its plane of each output's pixel
	forward, backward func(lo, hi int)
}

// NewMaxPool2D returns the kernel for one geometry.
func NewMaxPool2D[T cpu.Float](s PoolShape) *MaxPool2D[T] {
	m := &MaxPool2D[T]{PoolShape: s}
	m.forward, m.backward = m.forwardPlanes, m.backwardPlanes
	return m
}

// Forward computes y from in[0], and keeps each window's winner for Backward.
func (m *MaxPool2D[T]) Forward(y []T, in [][]T) {
	m.y, m.x = y, in[0]
	if l := &m.last; l.out.Last {
		if l.winner == nil {
			l.winner = make([]uint8, l.out.Unbordered().Size())
		}
		cpu.Parallel(l.lines(), l.do.forward)
		return
	}
	if m.winner == nil {
		m.winner = make([]int32, len(y))
	}
	cpu.Parallel(m.Planes, m.forward)
}

// forwardPlanes pools the planes [lo,hi): pairs by their loop, other windows
// one by one.
func (m *MaxPool2D[T]) forwardPlanes(lo, hi int) {
	out := m.OH * m.OW
	for p := lo; p < hi; p++ {
		plane, y, winner := m.x[p*m.H*m.W:][:m.H*m.W], m.y[p*out:][:out], m.winner[p*out:][:out]
		if m.Pairs() {
			vector.MaxPairs(m.OH, m.OW, y, winner, plane, m.W)
			continue
		}
		for i := range y {
			best := m.largest(plane, i/m.OW, i%m.OW)
			y[i], winner[i] = plane[best], int32(best)
		}
	}
}

// largest returns where in the plane the largest pixel of a window is.
func (m *MaxPool2D[T]) largest(plane []T, i, j int) int {
	h0, h1, w0, w1 := m.window(i, j)
	// No lowest number to begin with: the first pixel is one of the window's.
	best := h0*m.W + w0
	top := plane[best]
	for h := h0; h < h1; h++ {
		for w := h*m.W + w0; w < h*m.W+w1; w++ {
			// No number is above a NaN: once found it stays, unless another one comes.
			if v := plane[w]; v > top || v != v { // the last NaN wins
				best, top = w, v
			}
		}
	}
	return best
}

// Backward sends each output's gradient to the pixel that won in the last Forward.
// Windows may overlap: a pixel gets the sum. It reads the winners alone, neither x nor
// y.
func (m *MaxPool2D[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	switch m.dx, m.dy = dIn[0], dy; {
	case m.dx == nil:
	case m.last.out.Last:
		cpu.Parallel(m.last.out.N, m.last.do.backward)
	default:
		cpu.Parallel(m.Planes, m.backward)
	}
}

// backwardPlanes computes the gradient of the planes [lo,hi). A plane is one piece of
// work: its sums go in the order of the windows.
func (m *MaxPool2D[T]) backwardPlanes(lo, hi int) {
	out := m.OH * m.OW
	for p := lo; p < hi; p++ {
		dx := m.dx[p*m.H*m.W:][:m.H*m.W]
		clear(dx)
		winner := m.winner[p*out:][:out]
		for i, d := range m.dy[p*out:][:out] {
			dx[winner[i]] += d
		}
	}
}

// Bytes is the memory that the kernel keeps.
func (m *MaxPool2D[T]) Bytes() int {
	parts := m.last.idle.Sum(func(p *[]T) int { return cpu.BytesOf(*p) })
	return 4*len(m.winner) + len(m.last.winner) + parts + cpu.BytesOf(m.last.scale.Scale, m.last.scale.Shift)
}

// AvgPool2D takes the mean of each window's pixels. Padding does not count:
// the sum is divided by the number of pixels inside the image.
//
// With count(i,j) = number of pixels of window (i,j) inside the image,
//
//	y[p,i,j] = Σ x[p,h,w] / count(i,j)       over the pixels (h,w) of the window
//	dx[p,h,w] = Σ dy[p,i,j] / count(i,j)     over the windows (i,j) that hold (h,w)
//
// count is 1 or more, see PoolShape. It keeps nothing of Forward for Backward.
type AvgPool2D[T cpu.Float] struct {
	PoolShape
	pixels
	windows           LastPool[T]       // for images channels last
	shares            cpu.FreeList[[]T] // a row of gradients, divided by the windows' size
	y, x, dy, dx      []T
	forward, backward func(lo, hi int)
}

// NewAvgPool2D returns the kernel for one geometry.
func NewAvgPool2D[T cpu.Float](s PoolShape) *AvgPool2D[T] {
	a := &AvgPool2D[T]{PoolShape: s}
	a.forward, a.backward = a.forwardPlanes, a.backwardPlanes
	return a
}

// Forward computes y from in[0].
func (a *AvgPool2D[T]) Forward(y []T, in [][]T) {
	if a.y, a.x = y, in[0]; a.out.Last {
		a.windows.y, a.windows.x = a.y, a.x
		cpu.Parallel(a.lines(), a.do.forward)
		return
	}
	cpu.Parallel(a.Planes, a.forward)
}

// forwardPlanes pools the planes [lo,hi): pairs and single pixels by their
// loops, other windows one by one.
func (a *AvgPool2D[T]) forwardPlanes(lo, hi int) {
	out := a.OH * a.OW
	for p := lo; p < hi; p++ {
		plane, y := a.x[p*a.H*a.W:][:a.H*a.W], a.y[p*out:][:out]
		if a.Pairs() {
			vector.AvgPairs(a.OH, a.OW, y, plane, a.W)
			continue
		}
		if a.single() {
			for i := range a.OH {
				for j := range a.OW {
					y[i*a.OW+j] = plane[i*a.StrideH*a.W+j*a.StrideW]
				}
			}
			continue
		}
		for i := range y {
			y[i] = a.mean(plane, i/a.OW, i%a.OW)
		}
	}
}

// single reports whether windows are one pixel: then pooling leaves pixels out
// and does nothing else.
func (a *AvgPool2D[T]) single() bool {
	return a.KH == 1 && a.KW == 1 && a.PadTop == 0 && a.PadLeft == 0
}

// mean returns the mean of a window. A window as wide as the image is one run of
// elements. Other windows are summed row by row, each row by itself (vector.Sum), rows
// from the top.
func (a *AvgPool2D[T]) mean(plane []T, i, j int) (s T) {
	h0, h1, w0, w1 := a.window(i, j)
	count := T((h1 - h0) * (w1 - w0))
	if w1-w0 == a.W {
		return vector.Sum(plane[h0*a.W:h1*a.W]) / count
	}
	for h := h0; h < h1; h++ {
		s += vector.Sum(plane[h*a.W+w0 : h*a.W+w1])
	}
	return s / count
}

// Backward spreads each output's gradient evenly over its window.
func (a *AvgPool2D[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	switch a.dx, a.dy = dIn[0], dy; {
	case a.dx == nil:
	case a.out.Last:
		cpu.Parallel(a.out.N, a.do.backward)
	default:
		cpu.Parallel(a.Planes, a.backward)
	}
}

// backwardPlanes computes the gradient of the planes [lo,hi), with the same
// three cases.
func (a *AvgPool2D[T]) backwardPlanes(lo, hi int) {
	out := a.OH * a.OW
	for p := lo; p < hi; p++ {
		dx, dy := a.dx[p*a.H*a.W:][:a.H*a.W], a.dy[p*out:][:out]
		// Windows of pairs set their pixels. Only if some pixels are in no window, those of a
		// last row or column, zeros have to be there first.
		if !a.Pairs() || 4*out < len(dx) {
			clear(dx)
		}
		if a.Pairs() {
			vector.AvgPairsGrad(a.OH, a.OW, dy, dx, a.W)
			continue
		}
		if a.single() {
			for i := range a.OH {
				for j, d := range dy[i*a.OW:][:a.OW] {
					dx[i*a.StrideH*a.W+j*a.StrideW] = d
				}
			}
			continue
		}
		for i, d := range dy {
			a.spread(dx, i/a.OW, i%a.OW, d)
		}
	}
}

// spread adds an equal share of d to each pixel of a window. It adds, as windows may
// overlap; dx has been cleared.
func (a *AvgPool2D[T]) spread(dx []T, i, j int, d T) {
	h0, h1, w0, w1 := a.window(i, j)
	d /= T((h1 - h0) * (w1 - w0))
	if w1-w0 == a.W {
		vector.AddScalar(dx[h0*a.W:h1*a.W], d)
		return
	}
	for h := h0; h < h1; h++ {
		vector.AddScalar(dx[h*a.W+w0:h*a.W+w1], d)
	}
}
