package op_test

import (
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestMul(t *testing.T) {
	tests := []struct {
		name string
		x, w tensor.Shape
		bias bool
	}{
		{"matrices", tensor.Shape{3, 4}, tensor.Shape{4, 5}, false},
		{"with bias", tensor.Shape{3, 4}, tensor.Shape{4, 5}, true},
		{"one row", tensor.Shape{1, 4}, tensor.Shape{4, 5}, true},
		{"one column", tensor.Shape{3, 4}, tensor.Shape{4, 1}, true},
		{"inner dimension 1", tensor.Shape{3, 1}, tensor.Shape{1, 5}, true},
		{"all 1", tensor.Shape{1, 1}, tensor.Shape{1, 1}, true},
		{"rank 3", tensor.Shape{2, 3, 4}, tensor.Shape{4, 5}, false},
		{"rank 3 with bias", tensor.Shape{2, 3, 4}, tensor.Shape{4, 5}, true},
		{"rank 4", tensor.Shape{2, 1, 3, 4}, tensor.Shape{4, 2}, true},
		{"wider than a tile", tensor.Shape{7, 19}, tensor.Shape{19, 35}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			shapes := []tensor.Shape{test.x, test.w}
			if test.bias {
				shapes = append(shapes, test.w[1:])
			}
			o := graphtest.Op{F: mul, In: random(shapes...)}
			want := append(test.x[:len(test.x)-1].Clone(), test.w[1])
			checkForward(t, o, naiveMul(o.In...), want...)
			o.Gradient(t)
		})
	}
}

func mul(in ...node) (node, error) { return op.Mul(in[0], in[1], optional(in, 2)) }

func naiveMul(in ...dense) []float64 {
	x, w := in[0].Float64s(), in[1].Float64s()
	k, n := in[1].Shape()[0], in[1].Shape()[1]
	var y []float64
	for i := range len(x) / k {
		for j := range n {
			var s float64
			if len(in) > 2 {
				s = in[2].Float64s()[j]
			}
			for l := range k {
				s += x[i*k+l] * w[l*n+j]
			}
			y = append(y, s)
		}
	}
	return y
}
