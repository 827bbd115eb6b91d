package graph

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// BlurPool2D smooths each channel of (N,C,H,W) with a filter of Size×Size binomial
// coefficients that add up to 1, and takes every Stride-th pixel of what comes of it
// (Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"): without the
// smoothing a picture that moves by one pixel would show other pixels altogether. In
// place of a max-pooling stands a MaxPool2D of stride 1 with a BlurPool2D behind it.
//
// Padding is zeros, where the paper has the image mirrored.
type BlurPool2D struct {
	Size    int     // of the filter: 2 is (1,1), 3 is (1,2,1); 0 means 3
	Stride  int     // 0 means 2
	Padding Padding // zero value: Valid
}

// Build adds the layer to s.
func (l BlurPool2D) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("blurpool2d")
	in, ok := s.image(x)
	if !ok || !s.positive(argument{"size", l.Size, "3"}, argument{"stride", l.Stride, "2"}) {
		return nil
	}
	size, stride := l.Size, l.Stride
	if size == 0 {
		size = 3
	}
	if stride == 0 {
		stride = 2
	}
	if size > mostBlur {
		return s.Errorf("size is %d, want at most %d", size, mostBlur)
	}
	filters := s.Constant("blur", binomial(in[1], size), in[1], 1, size, size)
	return s.Node(op.Conv2d(x, filters, nil, op.Conv{
		StrideH: stride, StrideW: stride, Pad: l.Padding.of(in, size, stride), Groups: in[1],
	}))
}

// mostBlur bounds a filter: a float32 has its coefficients without rounding.
const mostBlur = 13

// binomial is the filter of one channel, for each of them: the products of binomial
// coefficients of its row and its column, divided by their sum.
func binomial(channels, size int) []float32 {
	row := []float32{1}
	for len(row) < size {
		next := make([]float32, len(row)+1)
		for i, v := range row {
			next[i] += v / 2
			next[i+1] += v / 2
		}
		row = next
	}
	values := make([]float32, 0, channels*size*size)
	for range channels {
		for _, a := range row {
			for _, b := range row {
				values = append(values, a*b)
			}
		}
	}
	return values
}
