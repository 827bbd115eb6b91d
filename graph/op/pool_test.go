package op_test

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

var poolTests = []struct {
	name string
	x    tensor.Shape
	o    op.Pool
	want tensor.Shape
}{
	{"halving", tensor.Shape{2, 2, 4, 6}, op.Pool{KH: 2, KW: 2}, tensor.Shape{2, 2, 2, 3}},
	{"non-divisible", tensor.Shape{2, 2, 5, 7}, op.Pool{KH: 2, KW: 2}, tensor.Shape{2, 2, 2, 3}},
	{"overlapping", tensor.Shape{2, 1, 5, 5}, op.Pool{KH: 3, KW: 3, StrideH: 1, StrideW: 1}, tensor.Shape{2, 1, 3, 3}},
	{"overlapping by one", tensor.Shape{1, 2, 7, 7}, op.Pool{KH: 3, KW: 3, StrideH: 2, StrideW: 2}, tensor.Shape{1, 2, 3, 3}},
	{"gaps between windows", tensor.Shape{1, 1, 6, 7}, op.Pool{KH: 2, KW: 1, StrideH: 3, StrideW: 4}, tensor.Shape{1, 1, 2, 2}},
	{"rectangular", tensor.Shape{2, 2, 6, 4}, op.Pool{KH: 3, KW: 2}, tensor.Shape{2, 2, 2, 2}},
	{"padded", tensor.Shape{2, 2, 4, 4}, op.Pool{KH: 3, KW: 3, StrideH: 2, StrideW: 2, Pad: op.Padding{Top: 1, Bottom: 1, Left: 1, Right: 1}}, tensor.Shape{2, 2, 2, 2}},
	{"asymmetric padding", tensor.Shape{2, 1, 4, 3}, op.Pool{KH: 3, KW: 3, StrideH: 1, StrideW: 1, Pad: op.Padding{Bottom: 2, Left: 2}}, tensor.Shape{2, 1, 4, 3}},
	{"padded beyond the image", tensor.Shape{1, 1, 1, 1}, op.Pool{KH: 3, KW: 3, StrideH: 1, StrideW: 1, Pad: op.Padding{Top: 2, Bottom: 2, Left: 2, Right: 2}}, tensor.Shape{1, 1, 3, 3}},
	{"global", tensor.Shape{2, 3, 3, 5}, op.Pool{KH: 3, KW: 5}, tensor.Shape{2, 3, 1, 1}},
	{"one pixel", tensor.Shape{2, 2, 3, 3}, op.Pool{KH: 1, KW: 1}, tensor.Shape{2, 2, 3, 3}},
}

func TestMaxPool2D(t *testing.T) {
	for _, test := range poolTests {
		t.Run(test.name, func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.MaxPool2D(in[0], test.o) }, In: random(test.x)}
			want := naivePool(test.o, o.In[0], test.want, func(pixels []float64) float64 {
				top := math.Inf(-1)
				for _, v := range pixels {
					top = max(top, v)
				}
				return top
			})
			checkForward(t, o, want, test.want...)
			o.Gradient(t)
		})
	}
}

func TestAvgPool2D(t *testing.T) {
	for _, test := range poolTests {
		t.Run(test.name, func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.AvgPool2D(in[0], test.o) }, In: random(test.x)}
			want := naivePool(test.o, o.In[0], test.want, func(pixels []float64) float64 {
				var s float64
				for _, v := range pixels {
					s += v
				}
				return s / float64(len(pixels))
			})
			checkForward(t, o, want, test.want...)
			o.Gradient(t)
		})
	}
}

// naivePool applies f to the pixels of each window that lie in the image.
func naivePool(o op.Pool, x dense, out tensor.Shape, f func(pixels []float64) float64) []float64 {
	h, w := x.Shape()[2], x.Shape()[3]
	strideH, strideW := o.StrideH, o.StrideW
	if strideH == 0 {
		strideH = o.KH
	}
	if strideW == 0 {
		strideW = o.KW
	}
	var y []float64
	for plane := range out[0] * out[1] {
		for i := range out[2] {
			for j := range out[3] {
				var pixels []float64
				for u := range o.KH {
					for v := range o.KW {
						row, col := i*strideH+u-o.Pad.Top, j*strideW+v-o.Pad.Left
						if row >= 0 && row < h && col >= 0 && col < w {
							pixels = append(pixels, x.Float64s()[(plane*h+row)*w+col])
						}
					}
				}
				y = append(y, f(pixels))
			}
		}
	}
	return y
}

func TestMaxPool2DTies(t *testing.T) {
	o := graphtest.Op{
		F:  func(in ...node) (node, error) { return op.MaxPool2D(in[0], op.Pool{KH: 2, KW: 2}) },
		In: []dense{filled([]float64{1, 3, 3, 3}, 1, 1, 2, 2)},
	}
	_, grads, err := o.Gradients(filled([]float64{5}, 1, 1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "gradient", floats(grads[0]), []float64{0, 5, 0, 0}, 0)
}

// TestMaxPool2DNaN: a NaN is not lost, and its gradient goes where it came from.
func TestMaxPool2DNaN(t *testing.T) {
	nan := math.NaN()
	for _, p := range precisions {
		o := in(p.dtype, graphtest.Op{
			F:  func(in ...node) (node, error) { return op.MaxPool2D(in[0], op.Pool{KH: 1, KW: 3}) },
			In: []dense{filled([]float64{1, nan, 2, nan, nan, nan, 4, 5, 6}, 1, 1, 1, 9)},
		})
		y, grads, err := o.Gradients(to(p.dtype, filled([]float64{1, 2, 3}, 1, 1, 1, 3)))
		if err != nil {
			t.Fatal(err)
		}
		if v := floats(y); !math.IsNaN(v[0]) || !math.IsNaN(v[1]) || v[2] != 6 {
			t.Errorf("output is %v, want NaN, NaN and 6", v)
		}
		if d := floats(grads[0]); d[1] != 1 || d[3]+d[4]+d[5] != 2 || d[8] != 3 {
			t.Errorf("gradient is %v, want 1 for element 1, 2 among 3 to 5, and 3 for element 8", d)
		}
	}
}
