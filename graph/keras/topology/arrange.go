package topology

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// initial returns an Init with the values of a. Value i of the tensor is value
// place(i) of the file.
func initial(a Array, place func(i int) int) graph.Init {
	return func(_ *rand.Rand, to []float64, _ []int) {
		for i := range to {
			to[i] = float64(a.Values[place(i)])
		}
	}
}

// itself is the place of a value in a tensor that the file orders as we do.
func itself(i int) int { return i }

// filter returns the place in the file's filters (KH,KW,C,F) of value i of
// ours, (F,C,KH,KW).
func (a Array) filter(i int) int {
	taps, c, f := a.Shape[0]*a.Shape[1], a.Shape[2], a.Shape[3]
	filter, channel, tap := i/(c*taps), i/taps%c, i%taps
	return (tap*c+channel)*f + filter
}

// element returns the function from the index of an element in our vectors to
// its index in the file's: they differ behind a Flatten.
func (b *builder) element() func(i int) int {
	if b.flattened == nil {
		return itself
	}
	return lastly(b.flattened)
}

// lastly returns the function from the index of an element of (C,H,W) to its
// index in (H,W,C).
func lastly(shape []int) func(i int) int {
	c, pixels := shape[0], shape[1]*shape[2]
	return func(i int) int { return i%pixels*c + i/pixels }
}

// firstly is the other way: from the index in (H,W,C) to the one in (C,H,W).
func firstly(shape []int) func(i int) int {
	c, pixels := shape[0], shape[1]*shape[2]
	return func(i int) int { return i%c*pixels + i/c }
}

func flatten(_ *loader, s step) ([]build, error) {
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node {
		if s := x.Shape(); len(s) == 4 && s[1] > 1 && s[2]*s[3] > 1 {
			b.flattened = slices.Clone(s[1:])
		}
		return b.s.Apply(graph.Flatten{}, x)
	}}, s.channelsLast()
}

// ordered returns a value whose elements are in the file's order.
func (b *builder) ordered(v value) *gorgonia.Node {
	if v.flattened == nil {
		return v.node
	}
	return b.move("order", v.node, firstly(v.flattened), v.node.Shape()[1])
}

// reshape gives the elements of a sample, in the file's order, another shape: a
// vector, or (height,width,channels). One dimension may be -1.
func reshape(_ *loader, s step) ([]build, error) {
	shape := s.config.TargetShape
	if n := len(shape); n != 1 && n != 3 {
		return nil, fmt.Errorf("target_shape %v, want one dimension or three", shape)
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.reshape(x, shape) }}, nil
}

func (b *builder) reshape(x *gorgonia.Node, shape []int) *gorgonia.Node {
	in := x.Shape()
	to, err := fitting(shape, in.TotalSize()/in[0])
	if err != nil {
		return b.errorf("target_shape %v of %v: %w", shape, in, err)
	}
	var from []int // (C,H,W) where that is our order
	if from = b.flattened; len(in) == 4 {
		from = slices.Clone(in[1:])
	}
	b.flattened = nil
	if len(to) == 1 { // a Flatten
		b.flattened = from
		return b.s.Apply(graph.Flatten{}, x)
	}
	if to = []int{to[2], to[0], to[1]}; to[1]*to[2] == 1 && from == nil {
		return b.s.Sub("reshape").Node(op.Reshape(x, in[0], to[0], 1, 1))
	}
	file, ours := lastly(to), itself
	if from != nil {
		ours = firstly(from)
	}
	return b.move("reshape", x, func(i int) int { return ours(file(i)) }, to...)
}

// fitting replaces a dimension of -1 so that the shape has n elements.
func fitting(shape []int, n int) ([]int, error) {
	to, open, rest := slices.Clone(shape), -1, n
	for i, d := range to {
		switch {
		case d == -1 && open < 0:
			open = i
		case d < 1 || rest%d != 0:
			return nil, fmt.Errorf("want %d elements", n)
		default:
			rest /= d
		}
	}
	if open >= 0 {
		to[open], rest = rest, 1
	}
	if rest != 1 {
		return nil, fmt.Errorf("want %d elements", n)
	}
	return to, nil
}

// move makes a sample of the given shape, whose element i is element from(i) of
// x, or 0 where that is negative.
func (b *builder) move(name string, x *gorgonia.Node, from func(i int) int, shape ...int) *gorgonia.Node {
	n := 1
	for _, d := range shape {
		if n *= d; n > b.budget {
			return b.errorf("more than %d values in all layers that pad or reorder", maxMoved)
		}
	}
	b.budget -= n
	index := make([]int32, n)
	for i := range index {
		index[i] = int32(from(i))
	}
	batch := x.Shape()[0]
	return b.s.Sub(name).Node(op.Gather(x, op.Picks{Blocks: batch, Index: index}, append([]int{batch}, shape...)...))
}

// pad puts zeros around images.
func (b *builder) pad(x *gorgonia.Node, p op.Padding) *gorgonia.Node {
	s := x.Shape()
	if len(s) != 4 {
		return b.errorf("input %v, want images", s)
	}
	h, w := s[2]+p.Top+p.Bottom, s[3]+p.Left+p.Right
	return b.move("zeropadding", x, func(k int) int {
		c, i, j := k/(h*w), k/w%h-p.Top, k%w-p.Left
		if i < 0 || i >= s[2] || j < 0 || j >= s[3] {
			return -1
		}
		return (c*s[2]+i)*s[3] + j
	}, s[1], h, w)
}
