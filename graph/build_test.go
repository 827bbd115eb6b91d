package graph_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// logits is a network whose output is its input, so that losses are easy to
// compute by hand.
var logits = graph.Sequential{}

func TestCrossEntropyByHand(t *testing.T) {
	rows := [][]float64{{1, 2, 3}, {0, -1, 4}}
	labels, weights := []int{2, 0}, []float64{1, 3}
	for _, smoothing := range []float64{0, 0.1} {
		var want, total float64
		for n, x := range rows {
			sum := math.Exp(x[0]) + math.Exp(x[1]) + math.Exp(x[2])
			for k := range x {
				target := smoothing / 3
				if k == labels[n] {
					target += 1 - smoothing
				}
				want -= weights[n] * target * math.Log(math.Exp(x[k])/sum)
			}
			total += weights[n]
		}
		want /= total
		m := build(t, graph.Options{Float64: true, Loss: graph.CrossEntropy{Smoothing: smoothing}}, logits, graph.Eval, 2, 3)
		copy(m.Input.Float64s(), slices.Concat(rows...))
		copy(m.Target.Float64s(), []float64{2, 0})
		copy(m.SampleWeights.Float64s(), weights)
		run(t, m)
		if got := m.Loss(); math.Abs(got-want) > 1e-14 {
			t.Errorf("smoothing %g: loss is %v, want %v", smoothing, got, want)
		}
	}
}

func TestMSEByHand(t *testing.T) {
	m := build(t, graph.Options{Loss: graph.MSE{}, InputGradient: true}, logits, graph.Eval, 2, 2)
	copy(m.Input.Float32s(), []float32{1, 2, 3, 4})
	copy(m.Target.Float32s(), []float32{0, 0, 3, 2})
	copy(m.SampleWeights.Float32s(), []float32{1, 3})
	run(t, m)
	// (1·(1+4)/2 + 3·(0+4)/2) / 4, and weight·2(x-target) / (2·4)
	if got := m.Loss(); got != 2.125 {
		t.Errorf("loss is %v, want 2.125", got)
	}
	close32(t, "gradient", m.InputGrad().Float32s(), []float32{0.25, 0.5, 0, 1.5}, 1e-7)
	close32(t, "prediction", m.Prediction().Float32s(), m.Output().Float32s(), 0)
}

func TestOutputAndPrediction(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Eval, graph.Infer} {
		t.Run(mode.String(), func(t *testing.T) {
			m := build(t, graph.Options{}, logits, mode, 2, 3)
			copy(m.Input.Float32s(), []float32{1, 2, 3, 500, -500, 0})
			run(t, m)
			close32(t, "output", m.Output().Float32s(), []float32{1, 2, 3, 500, -500, 0}, 0)
			for n := range 2 {
				p := m.Prediction().Float32s()[3*n:][:3]
				if sum := p[0] + p[1] + p[2]; math.Abs(float64(sum)-1) > 1e-6 {
					t.Errorf("prediction %v sums to %v, want 1", p, sum)
				}
			}
			close32(t, "prediction", m.Prediction().Float32s()[:3], []float32{0.0900306, 0.2447285, 0.6652410}, 1e-6)
		})
	}
}

// Each mode has what it needs, and nothing that nobody asked for.
func TestModes(t *testing.T) {
	tests := []struct {
		mode                                  graph.Mode
		inputGradient                         bool
		target, prediction, grads, inputGrads bool
	}{
		{graph.Train, false, true, false, true, false},
		{graph.Train, true, true, false, true, true},
		{graph.Eval, false, true, true, false, false},
		{graph.Eval, true, true, true, false, true},
		{graph.Infer, false, false, true, false, false},
		{graph.Infer, true, false, true, false, false},
	}
	for _, tt := range tests {
		m := build(t, graph.Options{InputGradient: tt.inputGradient}, graph.Dense{Units: 2}, tt.mode, 2, 3)
		fill(m.Input)
		run(t, m)
		if m.Mode != tt.mode {
			t.Errorf("%+v: Mode is %v", tt, m.Mode)
		}
		if (m.Target != nil) != tt.target || (m.SampleWeights != nil) != tt.target {
			t.Errorf("%+v: Target %v, SampleWeights %v", tt, m.Target, m.SampleWeights)
		}
		if (m.Prediction() != nil) != tt.prediction {
			t.Errorf("%+v: Prediction %v", tt, m.Prediction())
		}
		if len(m.Params()) != 2 || (m.Params()[0].Grad() != nil) != tt.grads {
			t.Errorf("%+v: parameters %v", tt, m.Params())
		}
		if (m.InputGrad() != nil) != tt.inputGrads {
			t.Errorf("%+v: InputGrad %v", tt, m.InputGrad())
		}
		if (m.Loss() != 0) != tt.target {
			t.Errorf("%+v: Loss %v", tt, m.Loss())
		}
	}
}

func TestTargetShapes(t *testing.T) {
	for _, tt := range []struct {
		loss graph.Loss
		want tensor.Shape
	}{{nil, tensor.Shape{4}}, {graph.CrossEntropy{}, tensor.Shape{4}}, {graph.MSE{}, tensor.Shape{4, 2}}} {
		m := build(t, graph.Options{Loss: tt.loss}, graph.Dense{Units: 2}, graph.Train, 4, 3)
		if !m.Target.Shape().Eq(tt.want) || !m.SampleWeights.Shape().Eq(tensor.Shape{4}) {
			t.Errorf("%T: target is %v and sample weights %v, want %v and (4)", tt.loss, m.Target.Shape(), m.SampleWeights.Shape(), tt.want)
		}
		close32(t, "sample weights", m.SampleWeights.Float32s(), []float32{1, 1, 1, 1}, 0)
	}
}

// The whole chain of layers, in double precision, against central differences.
func TestGradientsOfNetwork(t *testing.T) {
	m := build(t, graph.Options{Float64: true, Seed: 3, InputGradient: true}, smallCNN(), graph.Train, 3, 1, 6, 6)
	fill(m.Input)
	copy(m.Target.Float64s(), []float64{2, 0, 1})
	run(t, m)
	grads := map[string][]float64{"input": slices.Clone(m.InputGrad().Float64s())}
	values := map[string][]float64{"input": m.Input.Float64s()}
	for _, p := range m.Params() {
		grads[p.Name], values[p.Name] = slices.Clone(p.Grad().Float64s()), p.Value.Float64s()
	}
	// The step of dropout stays 0: Model.Run counts it up in the weights, so
	// every other run is another model's first.
	loss := func() float64 {
		w := &graph.Weights{}
		other := build(t, graph.Options{Float64: true, Seed: 3, Weights: w}, smallCNN(), graph.Train, 3, 1, 6, 6)
		copy(other.Input.Float64s(), m.Input.Float64s())
		copy(other.Target.Float64s(), m.Target.Float64s())
		for _, p := range other.Params() {
			copy(p.Value.Float64s(), values[p.Name])
		}
		run(t, other)
		return other.Loss()
	}
	const h = 1e-6
	for name, v := range values {
		for i := 0; i < len(v); i += 1 + len(v)/8 {
			x := v[i]
			v[i] = x + h
			up := loss()
			v[i] = x - h
			down := loss()
			v[i] = x
			want := (up - down) / (2 * h)
			if got := grads[name][i]; math.Abs(got-want) > 1e-7 {
				t.Errorf("gradient of %s[%d] is %g, want %g", name, i, got, want)
			}
		}
	}
}

// The gradient for the network's input is the most expensive one of the first
// layer. Unless it is asked for, the op never has memory for it.
func TestInputGradientIsPruned(t *testing.T) {
	for _, asked := range []bool{false, true} {
		m := build(t, graph.Options{InputGradient: asked}, graph.Sequential{
			graph.Conv2D{Filters: 1, Kernel: 3}, graph.Conv2D{Filters: 1, Kernel: 3}, graph.Flatten{},
		}, graph.Train, 1, 1, 8, 8)
		computed := 0
		for line := range strings.Lines(m.Program()) {
			image := strings.Contains(line, "(1,1,8,8)") || strings.Contains(line, "(1,1,6,6)")
			if image && strings.Contains(line, "= Conv2dGrad") {
				computed++
			}
		}
		want := 1 // the second layer's, which the first one needs
		if asked {
			want = 2
		}
		if computed != want {
			t.Errorf("InputGradient %v: %d gradients of images are computed, want %d:\n%s", asked, computed, want, m.Program())
		}
	}
}
