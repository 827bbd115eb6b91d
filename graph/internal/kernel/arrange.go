package kernel

import "tapenet/graph/internal/kernel/cpu"

// Concat joins operands along an axis: Outer times, one block of each operand
// follows the other. Blocks holds the operands' block sizes.
type Concat[T cpu.Float] struct {
	Outer  int
	Blocks []int
}

// Forward computes y: of each operand a block, Outer times.
func (c *Concat[T]) Forward(y []T, in [][]T) {
	for o := range c.Outer {
		for i, size := range c.Blocks {
			copy(y[:size], in[i][o*size:])
			y = y[size:]
		}
	}
}

// Backward cuts dy into the operands' gradients, skipping those that are nil.
func (c *Concat[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	for o := range c.Outer {
		for i, size := range c.Blocks {
			if dIn[i] != nil {
				copy(dIn[i][o*size:][:size], dy)
			}
			dy = dy[size:]
		}
	}
}

// Patches cuts images (N,C,H,W) into blocks of Size×Size pixels, row by row of
// blocks:
//
//	y[n, (i,j), (c,u,v)] = x[n, c, i·Size+u, j·Size+v]
//
// Size divides H and W. This is how a vision transformer reads an image.
type Patches[T cpu.Float] struct{ N, C, H, W, Size int }

// Forward computes y (N, H/Size·W/Size, C·Size·Size) from in[0].
func (p *Patches[T]) Forward(y []T, in [][]T) { p.rows(in[0], y, func(x, y []T) { copy(y, x) }) }

// Backward puts the blocks of dy back where they came from.
func (p *Patches[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] != nil {
		p.rows(dIn[0], dy, func(dx, dy []T) { copy(dx, dy) })
	}
}

// rows calls f with each row of each block, Size elements long: where it lies
// in the images and where in the patches.
func (p *Patches[T]) rows(images, patches []T, f func(image, patch []T)) {
	at := 0
	for n := range p.N {
		for i := range p.H / p.Size {
			for j := range p.W / p.Size {
				for c := range p.C {
					for u := range p.Size {
						x := ((n*p.C+c)*p.H+i*p.Size+u)*p.W + j*p.Size
						f(images[x:][:p.Size], patches[at:][:p.Size])
						at += p.Size
					}
				}
			}
		}
	}
}
