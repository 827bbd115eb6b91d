package kernel

import "tapenet/graph/internal/kernel/cpu"

// Concat joins operands along an axis: Outer times, one block of each operand
// follows the other. Blocks holds the operands' block sizes.
//
// Outer is the product of the dimensions before the axis, and a block's size that of
// the axis and those behind it. For images (N,Ci,H,W) that are joined along the
// channels, Outer is N and Blocks[i] is Ci·H·W:
//
//	in[0]   │ a₀ │ a₁ │             (Outer, Blocks[0])
//	in[1]   │ b₀   │ b₁   │         (Outer, Blocks[1])
//	y       │ a₀ │ b₀   │ a₁ │ b₁   │     (Outer, Blocks[0]+Blocks[1])
//
// Every element of y comes from exactly one element of one operand. So the gradient
// is the same walk with source and destination exchanged, nothing is added, and
// elements keep their bits, NaNs too.
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

// Backward cuts dy into the operands' gradients, skipping those that are nil: the
// block of such an operand is passed over in dy all the same.
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
// Size divides H and W. This is how a vision transformer reads an image (Dosovitskiy
// et al. 2020): a product of y with a matrix (C·Size·Size, D) gives each block as a
// vector of D numbers, as a convolution of that size and stride would.
//
//	x, one plane, Size 2        y[n], one line a block
//	┌────┬────┐
//	│ 0 1│ 2 3│                 (0,0)  0 1 4 5  then the same of the next channel
//	│ 4 5│ 6 7│                 (0,1)  2 3 6 7
//	├────┼────┤                 (1,0)  8 …
//	│ 8 …│    │
type Patches[T cpu.Float] struct{ N, C, H, W, Size int }

// Forward computes y (N, H/Size·W/Size, C·Size·Size) from in[0].
func (p *Patches[T]) Forward(y []T, in [][]T) { p.rows(in[0], y, func(x, y []T) { copy(y, x) }) }

// Backward puts the blocks of dy back where they came from. As Size divides H and W,
// the blocks cover each pixel once: dIn[0] is set as a whole, and nothing is added.
func (p *Patches[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] != nil {
		p.rows(dIn[0], dy, func(dx, dy []T) { copy(dx, dy) })
	}
}

// rows calls f with each row of each block, Size elements long: where it lies
// in the images and where in the patches. The order is that of the patches, which are
// passed from their first element to their last; in the images it jumps by W from row
// to row of a block, and by H·W from channel to channel.
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
