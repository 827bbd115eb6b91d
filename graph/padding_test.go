package graph_test

import (
	"slices"
	"testing"

	"tapenet/graph"
)

// The expected sizes and offsets follow TensorFlow's rule for SAME: out =
// ⌈in/stride⌉, total = max((out-1)·stride + window - in, 0), the smaller half
// before. https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
func TestPaddingSame(t *testing.T) {
	tests := []struct {
		in, kernel, stride, dilation int
		out, before, after           int
	}{
		{5, 1, 1, 1, 5, 0, 0},
		{5, 2, 1, 1, 5, 0, 1},
		{5, 3, 1, 1, 5, 1, 1},
		{5, 4, 1, 1, 5, 1, 2},
		{5, 5, 1, 1, 5, 2, 2},
		{6, 3, 2, 1, 3, 0, 1},
		{7, 3, 2, 1, 4, 1, 1},
		{8, 2, 3, 1, 3, 0, 0},
		{224, 7, 2, 1, 112, 2, 3},
		{5, 1, 2, 1, 3, 0, 0},
		{4, 1, 3, 1, 2, 0, 0},
		{5, 3, 1, 2, 5, 2, 2},
		{6, 3, 2, 2, 3, 1, 2},
		{1, 3, 1, 1, 1, 1, 1},
		{2, 7, 1, 1, 2, 3, 3},
	}
	for _, tt := range tests {
		l := graph.Conv2D{Filters: 1, Kernel: tt.kernel, Stride: tt.stride, Dilation: tt.dilation, NoBias: true, WeightInit: graph.Ones}
		l.Padding = graph.Same
		same := padded(t, l, tt.in)
		l.Padding = graph.PadEach(tt.before, tt.after, tt.before, tt.after)
		each := padded(t, l, tt.in)
		if got, want := same.Output().Shape(), []int{1, 1, tt.out, tt.out}; !slices.Equal(got, want) {
			t.Errorf("%+v: output is %v, want %v", tt, got, want)
		}
		if !slices.Equal(same.Output().Float32s(), each.Output().Float32s()) {
			t.Errorf("%+v: Same differs from padding %d before and %d after", tt, tt.before, tt.after)
		}
	}
}

// Height and width are padded for themselves.
func TestPaddingSameOfRectangle(t *testing.T) {
	m := build(t, graph.Options{}, graph.Conv2D{Filters: 1, Kernel: 3, Stride: 2, Padding: graph.Same}, graph.Infer, 1, 1, 6, 7)
	if got, want := m.OutputShape(), []int{1, 1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("output is %v, want %v", got, want)
	}
	if got, want := m.Layers()[0].Ops[0], "Conv2d stride 2x2 pad 0,1,1,1"; got != want {
		t.Errorf("op is %q, want %q", got, want)
	}
}

// padded runs a layer on an image that tells every pixel's place.
func padded(t *testing.T, l graph.Layer, size int) *graph.Model {
	t.Helper()
	m := build(t, graph.Options{}, l, graph.Infer, 1, 1, size, size)
	fill(m.Input)
	run(t, m)
	return m
}

func TestPadding(t *testing.T) {
	tests := []struct {
		name    string
		padding graph.Padding
		want    []int // output of a 3×3 filter on 5×6 pixels
		op      string
	}{
		{"zero value", graph.Padding{}, []int{1, 1, 3, 4}, "Conv2d stride 1x1"},
		{"Valid", graph.Valid, []int{1, 1, 3, 4}, "Conv2d stride 1x1"},
		{"Same", graph.Same, []int{1, 1, 5, 6}, "Conv2d stride 1x1 pad 1,1,1,1"},
		{"Pad", graph.Pad(2), []int{1, 1, 7, 8}, "Conv2d stride 1x1 pad 2,2,2,2"},
		{"PadEach", graph.PadEach(1, 2, 3, 4), []int{1, 1, 6, 11}, "Conv2d stride 1x1 pad 1,2,3,4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := build(t, graph.Options{}, graph.Conv2D{Filters: 1, Kernel: 3, Padding: tt.padding}, graph.Infer, 1, 1, 5, 6)
			l := m.Layers()[0]
			if !slices.Equal(l.Output, tt.want) || l.Ops[0] != tt.op {
				t.Errorf("got %v by %q, want %v by %q", l.Output, l.Ops[0], tt.want, tt.op)
			}
		})
	}
}

// A pooling pads with pixels that do not count, so that nothing but the size
// of the output changes for an image of ones.
func TestPaddingOfPools(t *testing.T) {
	for name, l := range map[string]graph.Layer{
		"max": graph.MaxPool2D{Size: 3, Stride: 2, Padding: graph.Same},
		"avg": graph.AvgPool2D{Size: 3, Stride: 2, Padding: graph.Same},
	} {
		t.Run(name, func(t *testing.T) {
			m := build(t, graph.Options{}, l, graph.Infer, 1, 1, 5, 5)
			for i := range m.Input.Float32s() {
				m.Input.Float32s()[i] = -1
			}
			run(t, m)
			close32(t, "output", m.Output().Float32s(), slices.Repeat([]float32{-1}, 9), 0)
		})
	}
}
