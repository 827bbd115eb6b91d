package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
	"tapenet/graph/internal/kernel/vector"
)

// Pixelwise does for inference what another kernel does with each pixel by itself,
// on images channels last. The first operands are images of one shape; what follows
// are numbers a channel.
//
// It stands for the kernel of a graph's op: it computes the same, has the same operands
// and hands them to that kernel where images are planes after all. What it does with the
// channels beyond C does not matter as long as they stay zero.
//
//	tight         │ C channels, zeros │ C channels, zeros │      Stride = Width(C)
//	a part        │ C channels, zeros │ others' │ C channels…    Stride > Width(C)
//
// A row of tight pixels is one vector for a loop over elements. In a part of wider pixels
// each pixel is a call, of Width elements, and what others have there stays as it is.
type Pixelwise[T cpu.Float] struct {
	plain  interface{ Forward(y []T, in [][]T) }
	images int // the number of operands that are images
	ending conv.Ending
	// One of the two computes: elements some elements of y from as many of each image,
	// and pixels n pixels, given where they begin in the images.
	elements func(y []T, x [][]T)
	pixels   func(p *Pixelwise[T], y []T, x [][]T, n int)
	unclear  bool                            // elements makes another number of zero
	prepare  func(p *Pixelwise[T], in [][]T) // makes of the numbers what pixels needs

	in           []pixel.Layout
	out          pixel.Layout
	y            []T
	operands     [][]T
	scale, shift []T
	rows         func(lo, hi int)
	idle         cpu.FreeList[pixelImages[T]] // so that a run allocates nothing
	fixed, ready bool
}

// pixelImages are the images of one goroutine, from the pixels on that it works on.
// Several goroutines run someRows at once, so each takes its own from the idle ones.
type pixelImages[T cpu.Float] struct{ x [][]T }

// Ending is what the kernel that this one stands for does.
func (p *Pixelwise[T]) Ending() conv.Ending { return p.ending }

// Lay takes images channels last if one of them lies so, and gives one: an op by pixel
// follows its operands, and is no reason to turn an image.
func (p *Pixelwise[T]) Lay(in []pixel.Layout) (want []pixel.Want, out pixel.Layout, ok bool) {
	for _, l := range in[:p.images] {
		ok = ok || l.Last
	}
	if !ok {
		return nil, out, false
	}
	want = make([]pixel.Want, len(in))
	out = pixel.Planes(in[0].N, in[0].C, in[0].H, in[0].W).Lastly(pixel.Border{})
	for i := range p.images {
		want[i].Layout = out
	}
	return want, out, true
}

// Place tells the layouts.
func (p *Pixelwise[T]) Place(in []pixel.Layout, out pixel.Layout) {
	p.in, p.out = in, out
	p.rows, p.idle = p.someRows, cpu.NewFreeList[pixelImages[T]]()
}

// Prepares lists the numbers a channel.
func (p *Pixelwise[T]) Prepares() (operands []int) {
	for i := range len(p.in) - p.images {
		operands = append(operands, p.images+i)
	}
	return operands
}

// Fix tells that these never change any more.
func (p *Pixelwise[T]) Fix() { p.fixed = true }

// Forward computes y from the operands. The numbers are prepared before the rows are
// shared out: at each run, or once if they are fixed.
func (p *Pixelwise[T]) Forward(y []T, in [][]T) {
	if !p.out.Last {
		p.plain.Forward(y, in)
		return
	}
	if p.prepare != nil && (!p.fixed || !p.ready) {
		p.prepare(p, in)
		p.ready = true
	}
	p.y, p.operands = y, in
	cpu.Parallel(p.out.N*p.out.H, p.rows)
	if p.unclear {
		pixel.ClearRest(p.out, y, 0, p.out.N)
	}
}

// someRows computes the rows [lo,hi) of all images' rows: at once if they lie
// everywhere one behind the other, that is if no image has a border.
//
//	whole       one call for hi-lo rows of W pixels
//	bordered    a call for each row of W pixels; Left and Right stay as they are
func (p *Pixelwise[T]) someRows(lo, hi int) {
	whole := p.out.Whole()
	for _, l := range p.in[:p.images] {
		whole = whole && l.Whole()
	}
	step := 1
	if whole {
		step = hi - lo
	}
	images := p.idle.Get()
	if images == nil {
		images = &pixelImages[T]{make([][]T, p.images)}
	}
	for r := lo; r < hi; r += step {
		n, i := r/p.out.H, r%p.out.H
		for k := range images.x {
			images.x[k] = p.operands[k][p.in[k].At(n, i, 0):]
		}
		if y := p.y[p.out.At(n, i, 0):]; p.pixels != nil {
			p.pixels(p, y, images.x, step*p.out.W)
		} else {
			p.each(y, images.x, step*p.out.W)
		}
	}
	p.idle.Put(images)
}

// tight reports whether pixels follow each other without a gap in all images: then a
// row is one vector, whatever it consists of.
func (p *Pixelwise[T]) tight() bool {
	tight := p.out.Stride == p.out.Width()
	for _, l := range p.in[:p.images] {
		tight = tight && l.Stride == l.Width()
	}
	return tight
}

// each computes the elements of n pixels: at once if they are tight, else one by one.
func (p *Pixelwise[T]) each(y []T, x [][]T, n int) {
	width := p.out.Width()
	if p.tight() {
		p.elements(y[:n*width], x)
		return
	}
	for range n {
		p.elements(y[:width], x)
		// Behind the last pixel there may be less than Stride left.
		y = y[min(p.out.Stride, len(y)):]
		for k := range x {
			x[k] = x[k][min(p.in[k].Stride, len(x[k])):]
		}
	}
}

// Backward is not there: programs for training keep planes.
func (p *Pixelwise[T]) Backward([][]T, []T, [][]T) { panic("kernel: Pixelwise has no gradient") }

// Bytes is the memory that the kernel keeps, and the one that it stands for.
func (p *Pixelwise[T]) Bytes() int { return cpu.BytesOf(p.scale, p.shift) + bytesOf(p.plain) }

// bytesOf is the memory that a kernel keeps, if it keeps some.
func bytesOf(kernel any) int {
	if k, ok := kernel.(interface{ Bytes() int }); ok {
		return k.Bytes()
	}
	return 0
}

// Lastly returns the kernel for images channels last.
func (r *ReLU[T]) Lastly() (last any, ok bool) {
	relu := func(y []T, x [][]T) { vector.ReLU(y, x[0]) }
	return &Pixelwise[T]{plain: r, images: 1, ending: r.Ending(), elements: relu}, true
}

// Ending is that of a convolution.
func (r *ReLU[T]) Ending() conv.Ending {
	return conv.Ending{Act: &conv.Act{Limited: true, Low: 0, High: math.Inf(1)}}
}

// Lastly returns the kernel for images channels last.
func (a *Activation[T]) Lastly() (last any, ok bool) {
	curve := func(y []T, x [][]T) { vector.Activate(a.Curve, y, x[0][:len(y)]) }
	return &Pixelwise[T]{plain: a, images: 1, ending: a.Ending(), elements: curve, unclear: a.Curve.F(0) != 0}, true
}

// Ending is that of a convolution.
func (a *Activation[T]) Ending() conv.Ending {
	if low, high, ok := a.Curve.Limits(); ok {
		return conv.Ending{Act: &conv.Act{Limited: true, Low: low, High: high}}
	}
	return conv.Ending{Act: &conv.Act{Curve: &a.Curve}}
}

// Lastly returns the kernel for images channels last. The images are the same for
// any number of operands.
func (a *Add[T]) Lastly() (last any, ok bool) {
	if a.operands < 2 {
		return nil, false
	}
	// From left to right, as the plain kernel adds them: the bits are the same.
	sum := func(y []T, x [][]T) {
		vector.AddTo(y, x[0][:len(y)], x[1][:len(y)])
		for _, v := range x[2:] {
			vector.Add(y, v[:len(y)])
		}
	}
	return &Pixelwise[T]{plain: a, images: a.operands, ending: a.Ending(), elements: sum}, true
}

// Ending is that of a convolution, for two operands. The other one is its residual.
func (a *Add[T]) Ending() conv.Ending { return conv.Ending{Sum: a.operands == 2} }

// Lastly returns the kernel for images channels last.
func (h *Hadamard[T]) Lastly() (last any, ok bool) {
	product := func(y []T, x [][]T) { vector.Scale(y, x[0][:len(y)], x[1][:len(y)]) }
	return &Pixelwise[T]{plain: h, images: 2, elements: product}, true
}

// Lastly returns the kernel for images channels last, with running statistics. A pixel
// is a window of one pixel, whose weights are the channels' scales.
func (b *BatchNorm[T]) Lastly() (last any, ok bool) {
	if b.Training {
		return nil, false
	}
	low := math.Inf(-1)
	if b.ReLU {
		low = 0
	}
	norm := func(p *Pixelwise[T], y []T, x [][]T, n int) {
		width := p.out.Width()
		w := pixel.Window[T]{
			Kind: pixel.Dot, Width: width, KH: 1, KW: 1, XPixel: p.in[0].Stride, WPixel: width, YPixel: p.out.Stride,
			Shift: p.shift, Low: T(low), High: T(math.Inf(1)),
		}
		w.Slide(n, y, x[0], p.scale)
	}
	return &Pixelwise[T]{plain: b, images: 1, ending: b.Ending(), prepare: b.fold, pixels: norm}, true
}

// fold prepares the scale and the shift of each channel, in float64:
//
//	γ·(x-μ)/√(σ²+ε) + β = x·s + (β-μ·s) with s = γ/√(σ²+ε)
//
// Their elements beyond C stay the zeros that they are made of, so that zeros stay
// zeros there. A pixel is one product and one sum then, where the plain kernel takes
// the difference first: the last digits may differ.
func (b *BatchNorm[T]) fold(p *Pixelwise[T], in [][]T) {
	p.scale, p.shift = cpu.Sized(p.scale, pixel.Width(b.C)), cpu.Sized(p.shift, pixel.Width(b.C))
	for c := range b.C {
		scale := float64(in[1][c]) / math.Sqrt(float64(in[4][c])+b.Epsilon)
		p.scale[c], p.shift[c] = T(scale), T(float64(in[2][c])-float64(in[3][c])*scale)
	}
}

// Ending is that of a convolution, for running statistics: those are numbers that can
// be folded into its filters. With a ReLU in it, which a normalisation's ending does
// not have, it offers nothing.
func (b *BatchNorm[T]) Ending() conv.Ending {
	if b.Training || b.ReLU {
		return conv.Ending{}
	}
	return conv.Ending{Norm: &conv.Norm{Epsilon: b.Epsilon, Momentum: b.Momentum}}
}
