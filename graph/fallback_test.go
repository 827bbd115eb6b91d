package graph_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// A graph with an op that is not of package op runs node by node. That must
// not be seen in its results.

// sequenced reports whether a model runs as one instruction.
func sequenced(m *graph.Model) bool {
	return slices.ContainsFunc(m.Graph().AllNodes(), func(n *gorgonia.Node) bool {
		return n.Op() != nil && strings.HasPrefix(n.Op().String(), "Sequence")
	})
}

func TestGorgoniaActivation(t *testing.T) {
	with := func(a graph.Activation) *graph.Model {
		m := build(t, graph.Options{Seed: 2, InputGradient: true}, graph.Sequential{
			graph.Conv2D{Filters: 3, Kernel: 3, Activation: a}, a, graph.Flatten{}, graph.Dense{Units: 3},
		}, graph.Train, 2, 1, 5, 5)
		fill(m.Input)
		copy(m.Target.Float32s(), []float32{2, 1})
		return m
	}
	ours, theirs := with(graph.Tanh), with(gorgonia.Tanh)
	if !sequenced(ours) || sequenced(theirs) {
		t.Fatalf("one instruction: ours %v, Gorgonia's %v, want true and false", sequenced(ours), sequenced(theirs))
	}
	for range 3 { // steps on the same weights, so that nothing adds up
		run(t, ours)
		run(t, theirs)
		if d := math.Abs(ours.Loss() - theirs.Loss()); d > 1e-6 {
			t.Errorf("loss is %g, want %g", theirs.Loss(), ours.Loss())
		}
		close32(t, "output", theirs.Output().Float32s(), ours.Output().Float32s(), 1e-6)
		close32(t, "input's gradient", theirs.InputGrad().Float32s(), ours.InputGrad().Float32s(), 1e-6)
		for i, p := range ours.Params() {
			close32(t, p.Name, theirs.Params()[i].Grad().Float32s(), p.Grad().Float32s(), 1e-6)
		}
	}
}

// gorgoniaLoss is mean(f(output)²-target), of Gorgonia's ops alone.
type gorgoniaLoss struct{ f graph.Activation }

func (gorgoniaLoss) Target(output tensor.Shape) tensor.Shape { return output }

func (l gorgoniaLoss) Cost(s *graph.Scope, output, target, _ *gorgonia.Node) *gorgonia.Node {
	y := s.Binary(gorgonia.Sub, s.Unary(gorgonia.Square, s.Unary(l.f, output)), target)
	return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Mean(x) }, y)
}

func (l gorgoniaLoss) Predict(s *graph.Scope, output *gorgonia.Node) *gorgonia.Node {
	return s.Unary(l.f, output)
}

// Gorgonia's ops overwrite their operands where it thinks that nobody needs
// them any more. The results of a run are needed.
func TestGorgoniaKeepsResults(t *testing.T) {
	tests := []struct {
		name     string
		op       graph.Activation
		f, slope func(x float64) float64
	}{
		{"Tanh", gorgonia.Tanh, math.Tanh, func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }},
		{"Exp", gorgonia.Exp, math.Exp, math.Exp},
		{"Square", gorgonia.Square, func(x float64) float64 { return x * x }, func(x float64) float64 { return 2 * x }},
		{"Neg", gorgonia.Neg, func(x float64) float64 { return -x }, func(float64) float64 { return -1 }},
	}
	for _, tt := range tests {
		for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
			t.Run(tt.name+"/"+mode.String(), func(t *testing.T) {
				m := build(t, graph.Options{Loss: gorgoniaLoss{tt.op}, InputGradient: true, Float64: true},
					graph.Dense{Units: 2, WeightInit: graph.Ones, BiasInit: graph.Ones}, mode, 1, 2)
				x := []float64{0.5, -1.25}
				copy(m.Input.Float64s(), x)
				y := x[0] + x[1] + 1
				for range 2 {
					run(t, m)
					within(t, "output", m.Output(), y, y)
					within(t, "input", m.Input, x...)
					if mode != graph.Train {
						within(t, "prediction", m.Prediction(), tt.f(y), tt.f(y))
					}
					slope := tt.f(y) * tt.slope(y) // of the mean of two squares
					if mode == graph.Train {
						within(t, "weight", m.Params()[0].Value, 1, 1, 1, 1)
						within(t, "weight's gradient", m.Params()[0].Grad(), slope*x[0], slope*x[0], slope*x[1], slope*x[1])
						within(t, "bias's gradient", m.Params()[1].Grad(), slope, slope)
					}
					if mode != graph.Infer {
						within(t, "target", m.Target, 0, 0)
						within(t, "input's gradient", m.InputGrad(), 2*slope, 2*slope)
						if want := tt.f(y) * tt.f(y); math.Abs(m.Loss()-want) > 1e-12 {
							t.Errorf("loss is %g, want %g", m.Loss(), want)
						}
					}
				}
			})
		}
	}
}

// within reports an error unless a tensor has these values.
func within(t *testing.T, what string, got *tensor.Dense, want ...float64) {
	t.Helper()
	for i, v := range got.Float64s() {
		if math.Abs(v-want[i]) > 1e-12 {
			t.Errorf("%s is %v, want %v", what, got.Float64s(), want)
			return
		}
	}
}

// Two parameters may have one gradient node.
func TestSumOfParameters(t *testing.T) {
	m := build(t, graph.Options{}, layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		a, b := s.Param("a", graph.GlorotUniform, 2, 2), s.Param("b", graph.GlorotUniform, 2, 2)
		return s.Binary(gorgonia.Mul, x, s.Binary(gorgonia.Add, a, b))
	}), graph.Train, 1, 2)
	copy(m.Input.Float32s(), []float32{1, 2})
	run(t, m)
	a, b := m.Params()[0].Grad(), m.Params()[1].Grad()
	close32(t, "gradient of b", b.Float32s(), a.Float32s(), 0)
	if a.Float32s()[0] == 0 {
		t.Error("gradient is 0")
	}
}

// A user's op is differentiated by its SymDiff. Its gradient is not computed
// where only the network's input could use it.
func TestUserOp(t *testing.T) {
	for _, asked := range []bool{false, true} {
		var runs, gradients int
		m := build(t, graph.Options{InputGradient: asked}, graph.Sequential{
			layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				return s.Sub("double").Op(&double{runs: &runs, gradient: &gradients}, x)
			}),
			graph.Dense{Units: 2, WeightInit: graph.Ones},
		}, graph.Train, 1, 2)
		copy(m.Input.Float32s(), []float32{1, 3})
		run(t, m)
		close32(t, "output", m.Output().Float32s(), []float32{8, 8}, 0)
		close32(t, "weight's gradient", m.Params()[0].Grad().Float32s(), []float32{-1, 1, -3, 3}, 1e-6)
		want := 0
		if asked {
			want = 1
		}
		if runs != 1 || gradients != want {
			t.Errorf("InputGradient %v: op ran %d times and its gradient %d times, want 1 and %d", asked, runs, gradients, want)
		}
	}
}

// scalarLoss is a loss that ends in a reshape to a scalar.
type scalarLoss struct{ graph.MSE }

func (l scalarLoss) Cost(s *graph.Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	product := s.Binary(func(o, t *gorgonia.Node) (*gorgonia.Node, error) {
		column, err := op.Reshape(t, 4, 1)
		if err != nil {
			return nil, err
		}
		return op.Mul(o, column, nil)
	}, output, target)
	return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(x) }, product)
}

// A reshape to a scalar gives the loss, in one sequence and node by node.
func TestReshapeToScalarLoss(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Train, graph.Eval} {
		m := build(t, graph.Options{Loss: scalarLoss{}}, graph.Dense{Units: 4}, mode, 1, 3)
		fill(m.Input)
		for i := range 4 {
			m.Target.Float32s()[i] = float32(i + 1)
		}
		run(t, m)
		var want float64
		for i, v := range m.Output().Float32s() {
			want += float64(v) * float64(i+1)
		}
		if got := m.Loss(); want == 0 || math.Abs(got-want) > 1e-5*math.Abs(want) {
			t.Errorf("%v: loss %v, want %v", mode, got, want)
		}
	}
}
