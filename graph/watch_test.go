package graph_test

import (
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// The output of a watched layer is what the network cut off behind it computes,
// whatever else runs together with it.
func TestWatch(t *testing.T) {
	conv := graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU}
	head := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}
	for _, tt := range []struct {
		name, watch string
		layer       graph.Layer
		until       graph.Layer
	}{
		{"fused with what follows", "conv2d", graph.Sequential{conv, graph.MaxPool2D{}, head}, conv},
		{"end of a fusion", "maxpool2d", graph.Sequential{conv, graph.MaxPool2D{}, head}, graph.Sequential{conv, graph.MaxPool2D{}}},
		{"the output itself", "dense", graph.Sequential{conv, head}, graph.Sequential{conv, head}},
		{"inside a branch", "residual/conv2d", graph.Sequential{graph.Residual{Body: graph.Conv2D{Filters: 2, Kernel: 3, Padding: graph.Same}}, head},
			graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				return s.Sub("residual").Apply(graph.Conv2D{Filters: 2, Kernel: 3, Padding: graph.Same}, x)
			})},
		{"with an op of Gorgonia behind", "conv2d", graph.Sequential{conv, graph.Activation(gorgonia.Tanh), head}, conv},
	} {
		for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
			t.Run(tt.name+"/"+mode.String(), func(t *testing.T) {
				w := &graph.Weights{}
				m := build(t, graph.Options{Weights: w, Watch: tt.watch}, tt.layer, mode, 2, 2, 8, 8)
				fill(m.Input)
				run(t, m)
				part := build(t, graph.Options{Weights: w}, tt.until, graph.Infer, 2, 2, 8, 8)
				fill(part.Input)
				run(t, part)
				if !m.Watched().Shape().Eq(part.OutputShape()) {
					t.Fatalf("watched %v, want %v", m.Watched().Shape(), part.OutputShape())
				}
				close32(t, "watched", m.Watched().Float32s(), part.Output().Float32s(), 1e-5)
			})
		}
	}
	if m := build(t, graph.Options{}, head, graph.Infer, 1, 2, 8, 8); m.Watched() != nil {
		t.Errorf("watched %v, asked for nothing", m.Watched())
	}
}

func TestWatchUnknown(t *testing.T) {
	layer := graph.Sequential{graph.Conv2D{Filters: 1, Kernel: 3}, graph.Flatten{}, graph.Dense{Units: 2}}
	_, err := graph.Options{Watch: "conv2d_1"}.Build(layer, graph.Infer, 1, 1, 8, 8)
	want := `graph: no output of layer "conv2d_1" to watch, want one of conv2d, flatten, dense`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// The gradient of a class's logit for the input, against central differences.
func TestScore(t *testing.T) {
	const classes, h = 3, 1e-6
	w := &graph.Weights{}
	o := graph.Options{Float64: true, Seed: 4, Weights: w, InputGradient: true, Loss: graph.Score{}}
	m := build(t, o, smallCNN(), graph.Eval, 2, 1, 6, 6)
	logits := build(t, graph.Options{Float64: true, Weights: w}, smallCNN(), graph.Infer, 2, 1, 6, 6)
	fill(m.Input)
	target := m.Target.Float64s()
	target[1], target[classes+2] = 1, 1 // class 1 of the first image, 2 of the second
	run(t, m)
	score := func(x []float64) float64 {
		copy(logits.Input.Float64s(), x)
		run(t, logits)
		y := logits.Output().Float64s()
		return y[1] + y[classes+2]
	}
	x := slices.Clone(m.Input.Float64s())
	if got, want := m.Loss(), score(x); got != want {
		t.Errorf("score is %v, want %v", got, want)
	}
	for i, v := range x {
		x[i] = v + h
		up := score(x)
		x[i] = v - h
		down := score(x)
		x[i] = v
		if got, want := m.InputGrad().Float64s()[i], (up-down)/(2*h); got-want > 1e-7 || want-got > 1e-7 {
			t.Errorf("gradient of pixel %d is %v, want %v", i, got, want)
		}
	}
	if s := m.Summary(); strings.Contains(s, "loss") {
		t.Errorf("the score is listed as a layer:\n%s", s)
	}
}
