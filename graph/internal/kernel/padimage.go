package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
)

// PadImage puts a border of one value around Planes planes of H×W.
//
//	F F F F F      Top rows, as wide as the result
//	F x x x F      Left and Right elements around each of H rows of W
//	F x x x F
//	F F F F F      Bottom rows
//
// With d for a plane, y[d, Top+i, Left+j] = x[d,i,j], and Fill elsewhere.
type PadImage[T cpu.Float] struct {
	Planes, H, W             int
	Top, Bottom, Left, Right int
	Fill                     float64

	to, from          []T
	forward, backward func(lo, hi int)
}

// Forward computes y from in[0].
func (p *PadImage[T]) Forward(y []T, in [][]T) {
	if p.forward == nil {
		p.forward, p.backward = p.forwardPlanes, p.backwardPlanes
	}
	p.to, p.from = y, in[0]
	cpu.Parallel(p.Planes, p.forward)
}

// size is the height and width with the border.
func (p *PadImage[T]) size() (h, w int) { return p.H + p.Top + p.Bottom, p.W + p.Left + p.Right }

func (p *PadImage[T]) forwardPlanes(lo, hi int) {
	h, w := p.size()
	for n := lo; n < hi; n++ {
		to, from := p.to[n*h*w:][:h*w], p.from[n*p.H*p.W:][:p.H*p.W]
		for i := range h {
			row := to[i*w:][:w]
			if i < p.Top || i >= p.Top+p.H {
				p.fill(row)
				continue
			}
			p.fill(row[:p.Left])
			copy(row[p.Left:], from[(i-p.Top)*p.W:][:p.W])
			p.fill(row[p.Left+p.W:])
		}
	}
}

func (p *PadImage[T]) fill(v []T) {
	for i := range v {
		v[i] = T(p.Fill)
	}
}

// Backward cuts the border off. dx[d,i,j] = dy[d, Top+i, Left+j]: every element of dx
// is set, so nothing is cleared before. The border is a constant and its gradient goes
// nowhere.
func (p *PadImage[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if p.to, p.from = dIn[0], dy; p.to != nil {
		cpu.Parallel(p.Planes, p.backward)
	}
}

func (p *PadImage[T]) backwardPlanes(lo, hi int) {
	h, w := p.size()
	for n := lo; n < hi; n++ {
		for i := range p.H {
			copy(p.to[(n*p.H+i)*p.W:][:p.W], p.from[n*h*w+(p.Top+i)*w+p.Left:])
		}
	}
}
