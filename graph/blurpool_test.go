package graph_test

import (
	"fmt"
	"math"
	"testing"

	"tapenet/graph"
)

// TestBlurPoolAgainstLoops compares the layer with its formula.
func TestBlurPoolAgainstLoops(t *testing.T) {
	x := noisePlanes("blur", 2, 3, 8)
	for _, tt := range []struct {
		layer             graph.BlurPool2D
		row               []float64
		stride, pad, side int
	}{
		{graph.BlurPool2D{}, []float64{0.25, 0.5, 0.25}, 2, 0, 3},
		{graph.BlurPool2D{Size: 2, Stride: 1}, []float64{0.5, 0.5}, 1, 0, 7},
		{graph.BlurPool2D{Size: 4, Padding: graph.Pad(1)}, []float64{0.125, 0.375, 0.375, 0.125}, 2, 1, 4},
		{graph.BlurPool2D{Size: 5, Stride: 3, Padding: graph.Pad(2)}, []float64{0.0625, 0.25, 0.375, 0.25, 0.0625}, 3, 2, 3},
	} {
		t.Run(fmt.Sprint(tt.layer), func(t *testing.T) {
			want := planes{2, 3, tt.side, nil}
			for i := range 2 * 3 * tt.side * tt.side {
				plane, row, column := i/(tt.side*tt.side), i/tt.side%tt.side, i%tt.side
				sum := 0.0
				for u, a := range tt.row {
					for v, b := range tt.row {
						sum += a * b * x.at(plane/3, plane%3, row*tt.stride+u-tt.pad, column*tt.stride+v-tt.pad)
					}
				}
				want.v = append(want.v, sum)
			}
			wantPlanes(t, "output", doubled(t, tt.layer, graph.Infer, nil, x), want, 1e-12)
		})
	}
}

// TestBlurPoolBearsShifts: when a picture moves by a pixel, the pooled picture moves
// by half a pixel. Measured is the mean of the pooled pixels, which should not change
// at all: with the blur it changes several times less than without.
func TestBlurPoolBearsShifts(t *testing.T) {
	change := func(l graph.Layer) float64 {
		l = graph.Sequential{l, graph.GlobalAvgPool2D{}}
		worst := 0.0
		for size := 1; size <= 3; size++ { // squares of sharp edges
			var means []float64
			for shift := range 4 {
				x := planes{1, 1, 24, make([]float64, 24*24)}
				for i := range x.v {
					row, column := i/24-8-shift, i%24-8-shift
					if row >= 0 && row < size && column >= 0 && column < size {
						x.v[i] = 1
					}
				}
				means = append(means, doubled(t, l, graph.Infer, nil, x).v[0])
			}
			for _, m := range means[1:] {
				worst = math.Max(worst, math.Abs(m-means[0])/math.Max(m, means[0]))
			}
		}
		return worst
	}
	maximum := change(graph.MaxPool2D{})
	blurred := change(graph.Sequential{graph.MaxPool2D{Size: 2, Stride: 1}, graph.BlurPool2D{Padding: graph.Pad(1)}})
	if !(blurred < 1e-12 && maximum > 0.5) {
		t.Errorf("a shift changes the mean by %.3g of it after blur pooling and by %.3g after max-pooling, want nothing and more than half", blurred, maximum)
	}
}
