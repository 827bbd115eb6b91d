package op_test

import (
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// rolls are cases of Roll.
var rolls = []struct {
	shape  tensor.Shape
	shifts []int
}{
	{tensor.Shape{2, 4, 5, 3}, []int{0, 1, 3, 0}},
	{tensor.Shape{2, 4, 5, 3}, []int{0, -1, -3, 0}},
	{tensor.Shape{2, 4, 5}, []int{1, 0, 2}},
	{tensor.Shape{3, 4}, []int{7, -9}},
	{tensor.Shape{3, 4}, []int{0, 0}},
	{tensor.Shape{5}, []int{2}},
	{tensor.Shape{5, 1}, []int{2, 0}},
}

func roll(shifts ...int) graphtest.Func {
	return func(in ...node) (node, error) { return op.Roll(in[0], shifts...) }
}

func TestRoll(t *testing.T) {
	for _, test := range rolls {
		o := graphtest.Op{F: roll(test.shifts...), In: random(test.shape)}
		x := o.In[0].Float64s()
		var want []float64
		for _, p := range positions(test.shape) {
			k := 0
			for i, d := range test.shape {
				k = k*d + ((p[i]+test.shifts[i])%d+d)%d
			}
			want = append(want, x[k])
		}
		checkForward(t, o, want, test.shape...)
		o.Gradient(t)
	}
}

var border = op.Border{Padding: op.Padding{Top: 1, Bottom: 2, Right: 3}, Fill: -0.5}

func padImage(b op.Border) graphtest.Func {
	return func(in ...node) (node, error) { return op.PadImage(in[0], b) }
}

func TestPadImage(t *testing.T) {
	for _, b := range []op.Border{border, {Padding: op.Padding{Left: 2}}, {}} {
		o := graphtest.Op{F: padImage(b), In: random(tensor.Shape{2, 3, 4, 5})}
		x, shape := o.In[0].Float64s(), []int{2, 3, 4 + b.Top + b.Bottom, 5 + b.Left + b.Right}
		var want []float64
		for _, p := range positions(shape) {
			i, j := p[2]-b.Top, p[3]-b.Left
			if i < 0 || i >= 4 || j < 0 || j >= 5 {
				want = append(want, b.Fill)
			} else {
				want = append(want, x[((p[0]*3+p[1])*4+i)*5+j])
			}
		}
		checkForward(t, o, want, shape...)
		o.Gradient(t)
	}
}

func TestRollErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	f := func(shape ...int) node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName("x"))
	}
	integers := gorgonia.NewTensor(g, tensor.Int, 1, gorgonia.WithShape(1), gorgonia.WithName("i"))
	for want, got := range map[string]func() (node, error){
		"Roll: shifts [1] of (2, 3), want one for each dimension":              func() (node, error) { return op.Roll(f(2, 3), 1) },
		"PadImage: input is (2, 3) and padding 0,0,0,0, want (N,C,H,W)":        func() (node, error) { return op.PadImage(f(2, 3), op.Border{}) },
		"PadImage: input is (1, 1, 2, 3) and padding 0,0,0,-1, want (N,C,H,W)": func() (node, error) { return op.PadImage(f(1, 1, 2, 3), op.Border{Padding: op.Padding{Right: -1}}) },
		"Roll: operand of int, want float32 or float64":                        func() (node, error) { return op.Roll(integers, 1) },
		"Roll: operand 0 is nil, want a node":                                  func() (node, error) { return op.Roll(nil) },
		"PadImage: operand of int, want float32 or float64":                    func() (node, error) { return op.PadImage(integers, op.Border{}) },
		"PadImage: operand 0 is nil, want a node":                              func() (node, error) { return op.PadImage(nil, op.Border{}) },
	} {
		if n, err := got(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v and error %v, want %q", n, err, want)
		}
	}
}

// TestRollParams: what a translator is told is what the op does.
func TestRollParams(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewTensor(g, tensor.Float32, 2, gorgonia.WithShape(3, 4), gorgonia.WithName("x"))
	y, err := op.Roll(x, -1, 9)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := op.Describe(y)
	if shifts := d.Shifts(); !ok || !slices.Equal(shifts, []int{2, 1}) {
		t.Errorf("shifts %v, want [2 1]", shifts)
	}
}
