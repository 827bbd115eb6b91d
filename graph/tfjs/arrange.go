package tfjs

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// initial returns an Init with the values of a. Value i of the tensor is value
// place(i) of the file.
func initial(a array, place func(i int) int) graph.Init {
	return func(_ *rand.Rand, to []float64, _ []int) {
		for i := range to {
			to[i] = float64(a.values[place(i)])
		}
	}
}

// itself is the place of a value in a tensor that the file orders as we do.
func itself(i int) int { return i }

// filter returns the place in the file's filters (KH,KW,C,F) of value i of
// ours, (F,C,KH,KW).
func (a array) filter(i int) int {
	taps, c, f := a.shape[0]*a.shape[1], a.shape[2], a.shape[3]
	filter, channel, tap := i/(c*taps), i/taps%c, i%taps
	return (tap*c+channel)*f + filter
}

// element returns the function from the index of an element in our vectors to
// its index in the file's: they differ behind a Flatten.
func (b *builder) element() func(i int) int {
	if b.flattened == nil {
		return itself
	}
	c, pixels := b.flattened[0], b.flattened[1]*b.flattened[2]
	return func(i int) int { return i%pixels*c + i/pixels }
}

// zeroPadding hands its padding to the next layer, if that is a convolution
// without padding of its own. Otherwise it is a layer.
func zeroPadding(l *loader, e entry) ([]build, error) {
	p, err := sides(e.Config.Padding)
	if err != nil {
		return nil, err
	}
	if l.at < len(l.chain) {
		switch next := l.chain[l.at]; next.Class {
		case "Conv2D", "DepthwiseConv2D", "SeparableConv2D":
			if how := string(next.Config.Padding); how == `"valid"` || how == "" {
				l.padding = graph.PadEach(p.Top, p.Bottom, p.Left, p.Right)
				return nil, e.channelsLast()
			}
		}
	}
	return []build{func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.pad(x, p) }}, e.channelsLast()
}

// sides reads n, [height,width] or [[top,bottom],[left,right]].
func sides(text json.RawMessage) (p op.Padding, err error) {
	var one int
	var two [2]int
	var four [2][2]int
	switch {
	case len(text) == 0:
		four = [2][2]int{{1, 1}, {1, 1}} // Keras's own
	case json.Unmarshal(text, &one) == nil:
		four = [2][2]int{{one, one}, {one, one}}
	case json.Unmarshal(text, &two) == nil:
		four = [2][2]int{{two[0], two[0]}, {two[1], two[1]}}
	default:
		four = [2][2]int{}
		if err := json.Unmarshal(text, &four); err != nil {
			return p, fmt.Errorf("padding: %w", err)
		}
	}
	p = op.Padding{Top: four[0][0], Bottom: four[0][1], Left: four[1][0], Right: four[1][1]}
	if min(p.Top, p.Bottom, p.Left, p.Right) < 0 || max(p.Top, p.Bottom, p.Left, p.Right) > maxSide {
		return p, fmt.Errorf("padding %v, want 0..%d", p, maxSide)
	}
	return p, nil
}

// pad puts zeros around images.
func (b *builder) pad(x *gorgonia.Node, p op.Padding) *gorgonia.Node {
	s := x.Shape()
	if len(s) != 4 {
		return b.s.Errorf("tfjs: ZeroPadding2D: input %v, want images", s)
	}
	h, w := s[2]+p.Top+p.Bottom, s[3]+p.Left+p.Right
	if w > b.budget/h || s[1] > b.budget/(h*w) {
		return b.s.Errorf("tfjs: ZeroPadding2D: %d channels of %d×%d, want at most %d values in all such layers", s[1], h, w, maxPadded)
	}
	index := make([]int32, s[1]*h*w)
	b.budget -= len(index)
	for k := range index {
		c, i, j := k/(h*w), k/w%h-p.Top, k%w-p.Left
		if index[k] = -1; i >= 0 && i < s[2] && j >= 0 && j < s[3] {
			index[k] = int32((c*s[2]+i)*s[3] + j)
		}
	}
	return b.s.Sub("zeropadding").Node(op.Gather(x, op.Picks{Blocks: s[0], Index: index}, s[0], s[1], h, w))
}
