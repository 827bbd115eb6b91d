package op_test

import (
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// views are cases of Strided.
var views = []struct {
	name  string
	shape tensor.Shape
	view  op.View
}{
	{"transposed", tensor.Shape{2, 3, 20}, op.View{Shape: []int{20, 2, 3}, Steps: []int{1, 60, 20}}},
	{"rows and columns", tensor.Shape{3, 4}, op.View{Shape: []int{4, 3}, Steps: []int{1, 4}}},
	{"windows", tensor.Shape{2, 4, 6, 3}, op.View{Shape: []int{2, 2, 3, 2, 2, 3}, Steps: []int{72, 36, 6, 18, 3, 1}}},
	{"cut", tensor.Shape{4, 5}, op.View{From: 6, Shape: []int{3, 3}, Steps: []int{5, 1}}},
	{"every second", tensor.Shape{4, 6}, op.View{From: 1, Shape: []int{2, 3}, Steps: []int{12, 2}}},
	{"repeated", tensor.Shape{2, 3}, op.View{Shape: []int{2, 4, 3}, Steps: []int{3, 0, 1}}},
	{"repeated inside", tensor.Shape{2, 3}, op.View{Shape: []int{3, 2, 4}, Steps: []int{1, 3, 0}}},
	{"overlapping", tensor.Shape{2, 4}, op.View{Shape: []int{3, 3}, Steps: []int{2, 1}}},
	{"as it is", tensor.Shape{2, 4}, op.View{}},
	{"one element", tensor.Shape{2, 4}, op.View{From: 5, Shape: []int{1}, Steps: []int{7}}},
}

func TestStrided(t *testing.T) {
	for _, test := range views {
		t.Run(test.name, func(t *testing.T) {
			o := graphtest.Op{F: func(in ...node) (node, error) { return op.Strided(in[0], test.view) }, In: random(test.shape)}
			x, v := o.In[0].Float64s(), test.view
			if v.Shape == nil {
				v = op.View{Shape: test.shape, Steps: []int{4, 1}}
			}
			var want []float64
			for _, p := range positions(v.Shape) {
				want = append(want, at(v, x, p...))
			}
			checkForward(t, o, want, v.Shape...)
			o.Gradient(t)
		})
	}
}

func TestPermute(t *testing.T) {
	for _, test := range []struct {
		shape tensor.Shape
		axes  []int
	}{
		{tensor.Shape{2, 5, 3, 4}, []int{0, 2, 3, 1}}, {tensor.Shape{2, 5, 3, 4}, []int{0, 3, 1, 2}}, {tensor.Shape{2, 3}, []int{1, 0}},
		{tensor.Shape{2, 17, 33}, []int{0, 2, 1}}, {tensor.Shape{4, 3, 2}, []int{0, 1, 2}}, {tensor.Shape{3, 1, 4}, []int{1, 0, 2}}, {tensor.Shape{5}, []int{0}},
	} {
		o := graphtest.Op{F: func(in ...node) (node, error) { return op.Permute(in[0], test.axes...) }, In: random(test.shape)}
		x, shape := o.In[0].Float64s(), make([]int, len(test.axes))
		for i, a := range test.axes {
			shape[i] = test.shape[a]
		}
		var want []float64
		for _, p := range positions(shape) {
			from := make([]int, len(p))
			for i, a := range test.axes {
				from[a] = p[i]
			}
			k := 0
			for i, d := range test.shape {
				k = k*d + from[i]
			}
			want = append(want, x[k])
		}
		checkForward(t, o, want, shape...)
		o.Gradient(t)
	}
}

func TestPickChannels(t *testing.T) {
	channels := []int{3, 0, 3, 1}
	for _, s := range []tensor.Shape{{2, 4, 3, 2}, {3, 4}} {
		o := graphtest.Op{F: func(in ...node) (node, error) { return op.PickChannels(in[0], channels...) }, In: random(s)}
		x, size := o.In[0].Float64s(), tensor.Shape(s[2:]).TotalSize()
		var want []float64
		for n := range s[0] {
			for _, c := range channels {
				want = append(want, x[(n*4+c)*size:][:size]...)
			}
		}
		shape := s.Clone()
		shape[1] = len(channels)
		checkForward(t, o, want, shape...)
		o.Gradient(t)
	}
}
