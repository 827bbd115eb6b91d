package op_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// interval returns a centre and a radius of a shape. Some intervals hold 0, some do not.
func interval(shape ...int) []dense {
	c, r := graphtest.Random("centre", 1, shape...), graphtest.Random("radius", 1, shape...)
	for i, v := range r.Float64s() {
		r.Float64s()[i] = math.Abs(v)
	}
	return []dense{c, r}
}

// intervalOps are the ops of interval.go, for what holds of all ops.
var intervalOps = map[string]graphtest.Op{
	"Abs":        {F: func(in ...node) (node, error) { return op.Abs(in[0]) }, In: random(tensor.Shape{4, 5})},
	"Combine":    {F: combine(0.25, -2), In: random(tensor.Shape{4, 5}, tensor.Shape{4, 5})},
	"ReLUCentre": {F: func(in ...node) (node, error) { return op.ReLUCentre(in[0], in[1]) }, In: interval(4, 5)},
	"ReLURadius": {F: func(in ...node) (node, error) { return op.ReLURadius(in[0], in[1]) }, In: interval(4, 5)},
	"Margins":    {F: margins, In: append(interval(3, 5), graphtest.Random("w", 1, 5, 4), vector(2, 0, 3), graphtest.Random("b", 1, 4)), Constant: []int{3}},
	"Margins without bias": {F: func(in ...node) (node, error) { return op.Margins(in[0], in[1], in[2], nil, in[3]) },
		In: append(interval(3, 5), graphtest.Random("w", 1, 5, 4), vector(2, 0, 3)), Constant: []int{3}},
}

func combine(alpha, beta float64) func(in ...node) (node, error) {
	return func(in ...node) (node, error) { return op.Combine(in[0], in[1], &alpha, &beta) }
}

func margins(in ...node) (node, error) { return op.Margins(in[0], in[1], in[2], in[4], in[3]) }

func TestIntervalGradients(t *testing.T) {
	for name, o := range intervalOps {
		t.Run(name, func(t *testing.T) { o.Gradient(t) })
	}
}

// TestIntervalForward compares each op with its definition.
func TestIntervalForward(t *testing.T) {
	relu := func(v float64) float64 { return max(v, 0) }
	for name, want := range map[string]func(in []dense) []float64{
		"Abs":     func(in []dense) []float64 { return each(in[:1], func(x []float64) float64 { return math.Abs(x[0]) }) },
		"Combine": func(in []dense) []float64 { return each(in, func(x []float64) float64 { return 0.25*x[0] - 2*x[1] }) },
		"ReLUCentre": func(in []dense) []float64 {
			return each(in, func(x []float64) float64 { return (relu(x[0]+x[1]) + relu(x[0]-x[1])) / 2 })
		},
		"ReLURadius": func(in []dense) []float64 {
			return each(in, func(x []float64) float64 { return (relu(x[0]+x[1]) - relu(x[0]-x[1])) / 2 })
		},
		"Margins": naiveMargins,
	} {
		t.Run(name, func(t *testing.T) {
			y, _, err := intervalOps[name].Gradients(nil)
			if err != nil {
				t.Fatal(err)
			}
			got, want := floats(y), want(intervalOps[name].In)
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-12 {
					t.Errorf("element %d is %g, want %g", i, got[i], want[i])
				}
			}
		})
	}
}

// each calls f with the operands' elements.
func each(in []dense, f func(x []float64) float64) (y []float64) {
	for i := range in[0].Size() {
		x := make([]float64, len(in))
		for k := range in {
			x[k] = in[k].Float64s()[i]
		}
		y = append(y, f(x))
	}
	return y
}

// naiveMargins takes for each pair of logits the corner of the interval where their
// difference is largest.
func naiveMargins(in []dense) (y []float64) {
	c, r, w, b := in[0].Float64s(), in[1].Float64s(), in[2].Float64s(), in[4].Float64s()
	const features, classes = 5, 4
	for n, label := range in[3].Float64s() {
		for j := range classes {
			sum, t := b[j]-b[int(label)], int(label)
			for k := range features {
				d := w[k*classes+j] - w[k*classes+t]
				low, high := c[n*features+k]-r[n*features+k], c[n*features+k]+r[n*features+k]
				sum += max(d*low, d*high)
			}
			y = append(y, sum)
		}
	}
	return y
}

// TestBall: two channels with limits and scales of their own.
func TestBall(t *testing.T) {
	epsilon := 0.25
	reach := op.Reach{Low: []float64{0, -1}, High: []float64{1, 1}, Scale: []float64{1, 2}, Epsilon: &epsilon}
	x := filled([]float64{0, 0.5, 1, -1, 0.25, 0.75}, 1, 2, 3)
	for _, tt := range []struct {
		name string
		f    func(x node, r op.Reach) (node, error)
		want []float64 // from bounds 0 to ¼, ¼ to ¾, ¾ to 1; -1 to -½, -¼ to ¾, ¼ to 1
	}{
		{"centre", op.BallCentre, []float64{0.125, 0.5, 0.875, -0.75, 0.25, 0.625}},
		{"radius", op.BallRadius, []float64{0.125, 0.25, 0.125, 0.25, 0.5, 0.375}},
	} {
		plus := func(in ...node) (node, error) { // something that has a gradient
			y, err := tt.f(in[0], reach)
			if err != nil {
				return nil, err
			}
			return op.Add(y, in[1])
		}
		got, _, err := graphtest.Op{F: plus, In: []dense{x, filled(make([]float64, 6), 1, 2, 3)}, Constant: []int{0}}.Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(floats(got), tt.want) {
			t.Errorf("%s is %v, want %v", tt.name, floats(got), tt.want)
		}
	}
}

func TestIntervalErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	f := func(shape ...int) node {
		return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...))
	}
	one := 1.0
	for name, tt := range map[string]struct {
		f    func() (node, error)
		want string
	}{
		"Abs":             {func() (node, error) { return op.Abs(nil) }, "Abs: operand 0 is nil"},
		"Combine, factor": {func() (node, error) { return op.Combine(f(2), f(2), &one, nil) }, "Combine: a factor is nil"},
		"Combine, shapes": {func() (node, error) { return op.Combine(f(2), f(3), &one, &one) }, "Combine: operands are (2) and (3), want one shape"},
		"ReLUCentre":      {func() (node, error) { return op.ReLUCentre(f(2), f(3)) }, "ReLUCentre: operands are (2) and (3)"},
		"ReLURadius":      {func() (node, error) { return op.ReLURadius(f(2), f(3)) }, "ReLURadius: operands are (2) and (3)"},
		"Ball, vector":    {func() (node, error) { return op.BallCentre(f(2), op.Reach{}) }, "Ball: input is (2), want (N,C,…)"},
		"Ball, channels":  {func() (node, error) { return op.BallRadius(f(2, 3), op.Reach{Low: []float64{1}}) }, "Ball: 1 numbers, want one for each of 3"},
		"Ball, epsilon": {func() (node, error) {
			return op.BallCentre(f(2, 1), op.Reach{Low: []float64{0}, High: []float64{1}, Scale: []float64{1}})
		}, "Ball: Epsilon is nil"},
		"Margins, radius":  {func() (node, error) { return op.Margins(f(2, 3), f(2), f(3, 4), nil, f(2)) }, "Margins: centre is (2, 3) and radius (2)"},
		"Margins, weights": {func() (node, error) { return op.Margins(f(2, 3), f(2, 3), f(4, 4), nil, f(2)) }, "Margins: weights are (4, 4), want (3,classes)"},
		"Margins, labels":  {func() (node, error) { return op.Margins(f(2, 3), f(2, 3), f(3, 4), nil, f(3)) }, "Margins: labels are (3), want (2)"},
		"Margins, bias":    {func() (node, error) { return op.Margins(f(2, 3), f(2, 3), f(3, 4), f(3), f(2)) }, "Margins: bias is (3), want (4)"},
	} {
		if _, err := tt.f(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
}
