package graphtest_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestGradient(t *testing.T) {
	x, y := graphtest.Random("x", 1, 2, 3), graphtest.Random("y", 1, 2, 3)
	graphtest.Gradient(t, hadamard, x, y)
	graphtest.Gradient(t, func(in ...*gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Mean(in[0]) }, x)
	graphtest.Gradient(t, fake{forward: scale(3), backward: scale(3)}.apply, x)
	graphtest.Op{F: hadamard, In: []*tensor.Dense{x, y}, Constant: []int{0}}.Gradient(t)
	graphtest.Op{F: counting, In: []*tensor.Dense{x, graphtest.Random("mean", 1, 3)}, State: []int{1}}.Gradient(t)
}

// TestGradientFinds runs the check on what is wrong: it has to say so.
func TestGradientFinds(t *testing.T) {
	x := graphtest.Random("x", 1, 2, 3)
	tests := []struct {
		name string
		f    graphtest.Func
		in   []*tensor.Dense
		want string
	}{
		{"double gradient", fake{backward: scale(2)}.apply, []*tensor.Dense{x}, "operand 0 is wrong: element 0 is"},
		{"one element", fake{backward: func(dx, dy []float64) { dx[4] += 3e-6 }}.apply, []*tensor.Dense{x}, "element 4"},
		{"not a number", fake{backward: func(dx, dy []float64) { dx[1] = math.NaN() }}.apply, []*tensor.Dense{x}, "element 1 is NaN"},
		{"float32 only", imprecise, []*tensor.Dense{x}, "operand 0 in float32 is wrong"},
		{"operand changed", fake{forward: func(y, x []float64) { x[3]++ }}.apply, []*tensor.Dense{x}, "running changes its operands: operand 0, element 3"},
		{"no gradient", func(in ...*gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Tanh(in[0]) }, []*tensor.Dense{x, x}, "no gradient"},
		{"no node", func(...*gorgonia.Node) (*gorgonia.Node, error) { return nil, nil }, []*tensor.Dense{x}, "returned no node"},
		{"error", func(...*gorgonia.Node) (*gorgonia.Node, error) { return nil, errors.New("too small") }, []*tensor.Dense{x}, "too small"},
		{"panic", func(...*gorgonia.Node) (*gorgonia.Node, error) { panic("oh") }, []*tensor.Dense{x}, "panic while building: oh"},
		{"Gorgonia's average pooling", func(in ...*gorgonia.Node) (*gorgonia.Node, error) {
			return gorgonia.AveragePool2D(in[0], tensor.Shape{3, 3}, []int{1, 1}, []int{2, 2})
		}, []*tensor.Dense{graphtest.Random("image", 1, 1, 1, 6, 6)}, "operand 0 is wrong"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(x.Float64s())
			err := graphtest.Op{F: test.f, In: test.in}.Check()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if !slices.Equal(x.Float64s(), before) {
				t.Errorf("the check changes the caller's operands")
			}
		})
	}
}

func TestGradientFindsUndeclaredState(t *testing.T) {
	in := []*tensor.Dense{graphtest.Random("x", 1, 2, 3), graphtest.Random("mean", 1, 3)}
	err := graphtest.Op{F: counting, In: in, Constant: []int{1}}.Check()
	if want := "changes its operands: operand 1"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
}

func TestGradientReports(t *testing.T) {
	r := &recorder{TB: t}
	graphtest.Gradient(r, fake{backward: scale(2)}.apply, graphtest.Random("x", 1, 2))
	if r.errors != 1 {
		t.Errorf("%d errors are reported, want 1", r.errors)
	}
}

// recorder counts errors in place of failing.
type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Error(...any) { r.errors++ }

func TestOpRun(t *testing.T) {
	x := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{2, 3}))
	dy := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{10, 100}))
	y, grads, err := graphtest.Op{F: hadamard, In: []*tensor.Dense{x, dy}, Constant: []int{1}}.Gradients(dy)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{20, 300}; !slices.Equal(y.Float32s(), want) {
		t.Errorf("y is %v, want %v", y.Float32s(), want)
	}
	if want := []float32{100, 10000}; !slices.Equal(grads[0].Float32s(), want) || grads[1] != nil {
		t.Errorf("gradients are %v, want %v and nil", grads, want)
	}
	sum := func(in ...*gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Sum(in[0]) }
	y, grads, err = graphtest.Op{F: sum, In: []*tensor.Dense{x}}.Gradients(nil)
	if err != nil || y.ScalarValue() != float32(5) || grads[0].Float32s()[1] != 1 {
		t.Errorf("sum is %v with gradients %v and error %v, want 5 with ones", y, grads, err)
	}
}

// TestStream compares with the first value that golden_ops.json states for one
// of its streams.
func TestStream(t *testing.T) {
	got := graphtest.Random("conv/plain/weight", 0.5, 4, 3, 3, 3).Float64s()[:4]
	for i, want := range []float64{-0.100470483, -0.18817997, -0.228458285, -0.359224796} {
		if math.Abs(got[i]-want) > 1e-9 {
			t.Errorf("value %d is %.9g, want %.9g", i, got[i], want)
		}
	}
}

func hadamard(in ...*gorgonia.Node) (*gorgonia.Node, error) {
	return gorgonia.HadamardProd(in[0], in[1])
}

// counting is batch normalisation in training, whose operand 1, the running
// mean, changes at each run.
func counting(in ...*gorgonia.Node) (*gorgonia.Node, error) {
	g := in[0].Graph()
	bind := func(name string) *gorgonia.Node {
		v := tensor.Ones(in[0].Dtype(), 3)
		return gorgonia.NewVector(g, in[0].Dtype(), gorgonia.WithShape(3), gorgonia.WithName(name), gorgonia.WithValue(v))
	}
	return op.BatchNorm(in[0], bind("gamma"), bind("beta"), in[1], bind("variance"), op.Norm{Epsilon: 1e-3, Training: true})
}

func scale(by float64) func(y, x []float64) {
	return func(y, x []float64) {
		for i := range y {
			y[i] = by * x[i]
		}
	}
}

// imprecise has a gradient that is off by a thousandth in float32 alone, which
// it knows by the zeros at the end of a number: multiples of π have them only there.
func imprecise(in ...*gorgonia.Node) (*gorgonia.Node, error) {
	y, err := fake{backward: func(dx, dy []float64) {
		for i, v := range dy {
			if float64(float32(v)) == v {
				dx[i] *= 1.001
			}
		}
	}}.apply(in...)
	if err != nil {
		return nil, err
	}
	return fake{forward: scale(math.Pi), backward: scale(math.Pi)}.apply(y)
}
