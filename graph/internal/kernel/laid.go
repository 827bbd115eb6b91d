package kernel

import (
	"slices"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// This file has what kernels that work element by element add to train on images
// channels last. Nothing is different for an element: the loops are those of package
// vector, on other stretches of memory.
//
//	an operand (N,3,2,4) with a border of one pixel     its gradient
//	· · · · · ·                                         p p p p
//	· p p p p ·   p is a pixel: c₀ c₁ c₂ 0 0 0 0 0      p p p p
//	· p p p p ·   · is one of zeros
//	· · · · · ·
//
// Invariants, which hold for what comes and for what is given: channels from C up to
// Stride are zero, in values and in gradients. Borders are the program's, which writes
// their zeros behind each Forward; loops here leave them alone.

// pixels says how the images of a kernel for training lie: its operands, the first
// two, and its result. Gradients lie the same way without a border. The zero value
// is planes. A kernel embeds it and asks out.Last which of its two loops to run.
type pixels struct {
	in  [2]pixel.Layout
	out pixel.Layout
	do  struct{ forward, backward func(lo, hi int) } // the loops for images channels last
}

// place takes up the layouts, and the loops, which are made once: a method that is
// handed to cpu.Parallel at each run would be an allocation each time.
func (p *pixels) place(in []pixel.Layout, out pixel.Layout, forward, backward func(lo, hi int)) {
	copy(p.in[:], in)
	p.out = out
	p.do.forward, p.do.backward = forward, backward
}

// lines is the number of rows of all images of the result.
func (p *pixels) lines() int { return p.out.N * p.out.H }

// forth calls do for the rows [lo,hi) of all images' rows, or for several at once
// where they follow each other: with where n elements begin in the result and in the
// operands. All have the result's shape.
func (p *pixels) forth(lo, hi int, do func(y, a, b, n int)) {
	eachLine(lo, hi, p.out, p.in[0], p.other(), do)
}

// back is forth for the gradients, which have no border.
func (p *pixels) back(lo, hi int, do func(d, a, b, n int)) {
	eachLine(lo, hi, p.out.Unbordered(), p.in[0], p.other(), do)
}

// other is the layout of the second operand, or the first one's again.
func (p *pixels) other() pixel.Layout {
	if p.in[1].Last {
		return p.in[1]
	}
	return p.in[0]
}

// eachLine is the loop of forth and back. A row is W·Stride elements, with the channels
// beyond C: vectors are full, and what they make of zeros is zero for most ops. If no
// image has a border, the rows [lo,hi) are one stretch, over the ends of images too, and
// do is called once. y, a and b have one W and one Stride, as alike asked for.
func eachLine(lo, hi int, y, a, b pixel.Layout, do func(y, a, b, n int)) {
	step := 1
	if y.Whole() && a.Whole() && b.Whole() {
		step = hi - lo
	}
	for r := lo; r < hi; r += step {
		n, i := r/y.H, r%y.H
		do(y.At(n, i, 0), a.At(n, i, 0), b.At(n, i, 0), step*y.W*y.Stride)
	}
}

// alike is LayBack of kernels whose first operands are images of the result's shape:
// it takes them channels last if one lies so. It wants no border and gives none of its
// own: an op that reads the result, a convolution for example, says which it needs.
func alike(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	for _, l := range in {
		ok = ok || l.Last
	}
	if !ok {
		return nil, out, false
	}
	out = pixel.Planes(in[0].N, in[0].C, in[0].H, in[0].W).Lastly(pixel.Border{})
	want = make([]pixel.Want, len(in))
	for i := range want {
		want[i].Layout = out
	}
	return want, out, true
}

// LayBack takes an image channels last if it lies so.
func (r *ReLU[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	return alike(in)
}

// Place tells the layouts.
func (r *ReLU[T]) Place(in []pixel.Layout, out pixel.Layout) {
	r.place(in, out, r.forwardLines, r.backwardLines)
}

// forwardLines needs to clear nothing: max(0,0) is 0.
func (r *ReLU[T]) forwardLines(lo, hi int) {
	r.forth(lo, hi, func(y, x, _, n int) { vector.ReLU(r.y[y:y+n], r.x[x:x+n]) })
}

// backwardLines finds x within its border, but dx and dy without one.
func (r *ReLU[T]) backwardLines(lo, hi int) {
	r.back(lo, hi, func(d, x, _, n int) { vector.ReLUGrad(r.dx[d:d+n], r.dy[d:d+n], r.x[x:x+n]) })
}

// LayBack takes an image channels last if it lies so.
func (a *Activation[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	return alike(in)
}

// Place tells the layouts.
func (a *Activation[T]) Place(in []pixel.Layout, out pixel.Layout) {
	a.place(in, out, a.forwardLines, a.backwardLines)
}

// forwardLines clears the channels that fill pixels up, where zero becomes another
// number: 1/2 for the sigmoid, 1 for Exp, infinite for Reciprocal.
func (a *Activation[T]) forwardLines(lo, hi int) {
	a.forth(lo, hi, func(y, x, _, n int) { vector.Activate(a.Curve, a.y[y:y+n], a.x[x:x+n]) })
	if a.Curve.F(0) != 0 {
		clearRest(a.out, a.y, lo, hi)
	}
}

// backwardLines clears them too where the derivative at zero is infinite: times the
// gradient there, zero, it is NaN, and a convolution would add that to all channels.
// √x and 1/x have such a derivative. 0*slope is 0 for every number, and NaN for an
// infinity or a NaN: one comparison finds both.
func (a *Activation[T]) backwardLines(lo, hi int) {
	a.back(lo, hi, func(d, x, _, n int) { vector.ActivateGrad(a.Curve, a.dx[d:d+n], a.dy[d:d+n], a.x[x:x+n]) })
	if slope := T(a.Curve.DF(0)); 0*slope != 0 {
		clearRest(a.out.Unbordered(), a.dx, lo, hi)
	}
}

// clearRest writes the zeros of the channels beyond C, for the rows [lo,hi) of all
// images' rows.
func clearRest[T cpu.Float](l pixel.Layout, data []T, lo, hi int) {
	if l.C == l.Stride {
		return
	}
	for r := lo; r < hi; r++ {
		row := data[l.At(r/l.H, r%l.H, 0):]
		for j := range l.W {
			clear(row[j*l.Stride+l.C : (j+1)*l.Stride])
		}
	}
}

// LayBack takes images channels last if one of them lies so: two, or more of them as
// sums of gradients have.
func (a *Add[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	if len(in) < 2 {
		return nil, out, false
	}
	return alike(in)
}

// Place tells the layouts.
func (a *Add[T]) Place(in []pixel.Layout, out pixel.Layout) {
	a.place(in, out, a.forwardLines, nil)
	a.more = slices.Clone(in[2:])
}

// forwardLines adds up the first two operands. With more of them it goes row by row, so
// that a row stays in the cache while the others are added to it, in their order: the
// same sum as on planes, bit by bit. The others may have borders of their own.
func (a *Add[T]) forwardLines(lo, hi int) {
	first := func(y, x, z, n int) { vector.AddTo(a.y[y:y+n], a.in[0][x:x+n], a.in[1][z:z+n]) }
	if len(a.more) == 0 {
		a.forth(lo, hi, first)
		return
	}
	for r := lo; r < hi; r++ {
		a.forth(r, r+1, first)
		for i, l := range a.more {
			eachLine(r, r+1, a.out, l, l, func(y, x, _, n int) { vector.Add(a.y[y:y+n], a.in[2+i][x:x+n]) })
		}
	}
}

// LayBack takes two images channels last if one of them lies so.
func (h *Hadamard[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	return alike(in)
}

// Place tells the layouts.
func (h *Hadamard[T]) Place(in []pixel.Layout, out pixel.Layout) {
	h.place(in, out, h.forwardLines, h.backwardLines)
}

func (h *Hadamard[T]) forwardLines(lo, hi int) {
	h.forth(lo, hi, func(y, a, b, n int) { vector.Scale(h.y[y:y+n], h.a[a:a+n], h.b[b:b+n]) })
}

func (h *Hadamard[T]) backwardLines(lo, hi int) {
	h.back(lo, hi, func(d, a, b, n int) {
		if dx := h.dIn[0]; dx != nil {
			vector.Scale(dx[d:d+n], h.dy[d:d+n], h.b[b:b+n])
		}
		if dx := h.dIn[1]; dx != nil {
			vector.Scale(dx[d:d+n], h.dy[d:d+n], h.a[a:a+n])
		}
	})
}

// LayBack takes an image channels last if it lies so. The result has the same pixels
// and more channels: a sample of To elements has To/(H·W) of them.
func (p *PadChannels[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	if want, out, ok = alike(in); ok {
		out = pixel.Planes(out.N, p.To/(out.H*out.W), out.H, out.W).Lastly(pixel.Border{})
	}
	return want, out, ok
}

// Place tells the layouts.
func (p *PadChannels[T]) Place(in []pixel.Layout, out pixel.Layout) { p.in, p.out = in[0], out }

// forwardPixels appends zeros to each pixel: to its C channels those up to Stride of y.
// On planes the zeros follow the sample's last plane, here they follow each pixel.
//
//	x   c₀ … c_{C-1}, zeros up to its Stride
//	y   c₀ … c_{C-1} 0 … 0, zeros up to its Stride
func (p *PadChannels[T]) forwardPixels(y, x []T) {
	for r := range p.in.N * p.in.H {
		n, i := r/p.in.H, r%p.in.H
		movePixels(y[p.out.At(n, i, 0):], p.out.Stride, x[p.in.At(n, i, 0):], p.in.Stride, p.in.C, p.in.W)
	}
}

// backwardPixels drops the gradient of the zeros. Gradients have no border: all pixels
// are one stretch.
func (p *PadChannels[T]) backwardPixels(dx, dy []T) {
	movePixels(dx, p.in.Stride, dy, p.out.Stride, p.in.C, p.in.N*p.in.H*p.in.W)
}

// movePixels copies the channels of pixels, and clears what is left of a pixel of y.
func movePixels[T cpu.Float](y []T, yPixel int, x []T, xPixel, channels, n int) {
	for j := range n {
		pixel := y[j*yPixel:][:yPixel]
		clear(pixel[copy(pixel[:channels], x[j*xPixel:]):])
	}
}
