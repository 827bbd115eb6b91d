package op_test

import (
	"fmt"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestAdd(t *testing.T) {
	for _, n := range []int{2, 3, 5} {
		for _, shape := range []tensor.Shape{{4}, {2, 3}, {2, 3, 2, 2}} {
			t.Run(fmt.Sprint(n, shape), func(t *testing.T) {
				o := graphtest.Op{F: add, In: random(slices.Repeat([]tensor.Shape{shape}, n)...)}
				want := make([]float64, shape.TotalSize())
				for _, x := range o.In {
					for i, v := range x.Float64s() {
						want[i] += v
					}
				}
				checkForward(t, o, want, shape...)
				o.Gradient(t)
			})
		}
	}
}

func add(in ...node) (node, error) { return op.Add(in...) }

// TestOneNodeTwice: the gradients of a node's uses add up.
func TestOneNodeTwice(t *testing.T) {
	graphtest.Gradient(t, func(in ...node) (node, error) { return op.Add(in[0], in[0], in[0]) }, random(tensor.Shape{2, 3})...)
	graphtest.Gradient(t, func(in ...node) (node, error) { return op.Mul(in[0], in[0], nil) }, random(tensor.Shape{3, 3})...)
	graphtest.Gradient(t, func(in ...node) (node, error) { return op.Concat(0, in[0], in[0]) }, random(tensor.Shape{2, 3})...)
	graphtest.Gradient(t, func(in ...node) (node, error) { return op.Conv2d(in[0], in[0], nil, op.Conv{Pad: op.Padding{Top: 1}}) },
		random(tensor.Shape{2, 2, 3, 3})...)
}

func TestConcat(t *testing.T) {
	tests := []struct {
		axis int
		in   []tensor.Shape
		want tensor.Shape
	}{
		{0, []tensor.Shape{{2, 3}, {1, 3}}, tensor.Shape{3, 3}},
		{1, []tensor.Shape{{2, 3}, {2, 1}, {2, 2}}, tensor.Shape{2, 6}},
		{0, []tensor.Shape{{3}, {2}}, tensor.Shape{5}},
		{0, []tensor.Shape{{2, 2, 3, 2}, {1, 2, 3, 2}}, tensor.Shape{3, 2, 3, 2}},
		{1, []tensor.Shape{{2, 2, 3, 2}, {2, 3, 3, 2}, {2, 1, 3, 2}}, tensor.Shape{2, 6, 3, 2}},
		{2, []tensor.Shape{{2, 2, 3, 2}, {2, 2, 1, 2}}, tensor.Shape{2, 2, 4, 2}},
		{3, []tensor.Shape{{2, 2, 3, 2}, {2, 2, 3, 4}}, tensor.Shape{2, 2, 3, 6}},
		{1, []tensor.Shape{{2, 3, 2}}, tensor.Shape{2, 3, 2}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.axis, test.in), func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.Concat(test.axis, in...) }, In: random(test.in...)}
			checkForward(t, o, naiveConcat(test.axis, test.want, o.In), test.want...)
			o.Gradient(t)
		})
	}
}

// naiveConcat finds for each output element the operand that it comes from.
func naiveConcat(axis int, out tensor.Shape, in []dense) []float64 {
	var y []float64
	for i := range out.TotalSize() {
		at := coordinates(i, out)
		from := 0
		for at[axis] >= in[from].Shape()[axis] {
			at[axis] -= in[from].Shape()[axis]
			from++
		}
		y = append(y, in[from].Float64s()[position(at, in[from].Shape())])
	}
	return y
}

func coordinates(i int, s tensor.Shape) []int {
	at := make([]int, len(s))
	for d := len(s) - 1; d >= 0; d-- {
		at[d], i = i%s[d], i/s[d]
	}
	return at
}

func position(at []int, s tensor.Shape) int {
	i := 0
	for d, a := range at {
		i = i*s[d] + a
	}
	return i
}

func TestReshape(t *testing.T) {
	tests := []struct{ from, to tensor.Shape }{
		{tensor.Shape{2, 3, 2}, tensor.Shape{2, 6}},
		{tensor.Shape{6}, tensor.Shape{1, 2, 3, 1}},
		{tensor.Shape{2, 3}, tensor.Shape{6}},
		{tensor.Shape{2, 3}, tensor.Shape{2, 3}},
		{tensor.Shape{1, 1}, tensor.Shape{}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.from, test.to), func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.Reshape(in[0], test.to...) }, In: random(test.from)}
			checkForward(t, o, o.In[0].Float64s(), test.to...)
			o.Gradient(t)
		})
	}
}

func TestPatches(t *testing.T) {
	tests := []struct {
		x    tensor.Shape
		size int
		want tensor.Shape
	}{
		{tensor.Shape{2, 1, 4, 6}, 2, tensor.Shape{2, 6, 4}},
		{tensor.Shape{1, 2, 6, 3}, 3, tensor.Shape{1, 2, 18}},
		{tensor.Shape{2, 3, 2, 4}, 2, tensor.Shape{2, 2, 12}},
		{tensor.Shape{2, 3, 2, 2}, 1, tensor.Shape{2, 4, 3}},
		{tensor.Shape{1, 2, 3, 3}, 3, tensor.Shape{1, 1, 18}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.x, test.size), func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.Patches(in[0], test.size) }, In: random(test.x)}
			checkForward(t, o, naivePatches(o.In[0], test.size, test.want), test.want...)
			o.Gradient(t)
		})
	}
}

// naivePatches finds for each output element the pixel that it comes from.
func naivePatches(x dense, size int, out tensor.Shape) []float64 {
	var y []float64
	across := x.Shape()[3] / size
	for i := range out.TotalSize() {
		at := coordinates(i, out)
		c, u, v := at[2]/size/size, at[2]/size%size, at[2]%size
		row, col := at[1]/across*size+u, at[1]%across*size+v
		y = append(y, x.Float64s()[position([]int{at[0], c, row, col}, x.Shape())])
	}
	return y
}
