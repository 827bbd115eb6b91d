package onnx

import (
	"context"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// TestFineTune: a network that was read learns as the one that was written
// does, its first layers serve in another network, and both leave again.
func TestFineTune(t *testing.T) {
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 1000), data.Limit(d.Test, 200)
	n := random(t, modelzoo.LeNet5(10), 1, 28, 28)
	m, err := Load(n.export(t, Options{Logits: true}))
	if err != nil {
		t.Fatal(err)
	}
	backbone := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Sub("backbone").Apply(m, x) })
	before := imported(t, m, m.Input...).tensors["conv2d/weight"].Clone().(*tensor.Dense).Float32s()
	for _, tt := range []struct {
		name   string
		layer  graph.Layer
		filter string
	}{
		{"the model", m, "conv2d/weight"},
		{"with a new head", graph.Sequential{backbone, graph.Tanh, graph.Dense{Units: 10}}, "backbone/conv2d/weight"},
	} {
		res, err := train.Fit(context.Background(), tt.layer, d, train.Config{Epochs: 3, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if first, last := res.History[0].Loss, res.History[2].Loss; !(last < 0.7*first) {
			t.Errorf("%s: loss %g, then %g, want it to fall", tt.name, first, last)
		}
		tensors := res.Network.Weights.Map()
		if slices.Equal(tensors[tt.filter].Float32s(), before) {
			t.Errorf("%s: training left the file's weights as they were", tt.name)
		}
		tuned := network{tt.layer, tensors, m.Input}
		x := noise(28 * 28)
		_, want, _ := tuned.run(t, x)
		back, err := Load(tuned.export(t, Options{Logits: true}))
		if err != nil {
			t.Fatal(err)
		}
		_, got, _ := imported(t, back, m.Input...).run(t, x)
		near(t, tt.name, got, want, 1e-6)
	}
}

// TestImportGradients checks the gradients of operators that need more than one
// op, or a function of their own.
func TestImportGradients(t *testing.T) {
	files := map[string]*modelProto{
		"PRelu":      single(nodeProto{Op: "PRelu", Inputs: []string{"s"}}, 13, []int{2, 3}, numbers(0.1, 0.2, 0.3)),
		"Div":        single(nodeProto{Op: "Div", Inputs: []string{"d"}}, 13, []int{2, 3}, numbers(2, -1, 3)),
		"Pow":        single(nodeProto{Op: "Pow", Inputs: []string{"p"}}, 13, []int{2, 3}, numbers(3)),
		"Mean":       single(nodeProto{Op: "ReduceMean", Attributes: []attributeProto{attributeInts("axes", 1, 3)}}, 13, []int{2, 3, 4}),
		"Clip":       single(nodeProto{Op: "Clip", Inputs: []string{"l", "h"}}, 13, []int{2, 3}, numbers(-0.3), numbers(0.4)),
		"Gemm":       single(nodeProto{Op: "Gemm", Inputs: []string{"w", "b"}, Attributes: []attributeProto{attributeFloat("alpha", 0.5), attributeFloat("beta", 2)}}, 13, []int{3}, filters(3, 2), numbers(1, 2)),
		"LogSoftmax": single(nodeProto{Op: "LogSoftmax", Attributes: []attributeProto{attributeInt("axis", 1)}}, 13, []int{3, 2}),
	}
	for name, file := range odd {
		if len(name) < 4 || name[:4] != "huge" {
			files[name] = file()
		}
	}
	for kind := range curves {
		if kind != "Log" && kind != "Sqrt" && kind != "Reciprocal" { // of positive numbers, below
			files[kind] = single(nodeProto{Op: kind}, 13, []int{2, 3})
		}
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) { gradient(t, file, "x") })
	}
}

// TestCurvesOfPositives checks those that have no gradient at 0.
func TestCurvesOfPositives(t *testing.T) {
	for _, kind := range []string{"Log", "Sqrt", "Reciprocal"} {
		m, err := Load(marshal(single(nodeProto{Op: kind}, 13, []int{3})))
		if err != nil {
			t.Fatal(err)
		}
		graphtest.Layer(t, graphtest.Case{Layer: graph.Sequential{graph.Sigmoid, m}, Input: []int{3}, Output: []int{3}})
	}
}

// gradient checks a file's by the input.
func gradient(t *testing.T, file *modelProto, name string) {
	t.Helper()
	gradientOf(t, load(t, marshal(file)), name)
}

// gradientOf checks a model's.
func gradientOf(t *testing.T, m *Model, name string) {
	t.Helper()
	g, err := graph.Options{Float64: true, Loss: graph.MSE{}, InputGradient: true}.Build(m, graph.Eval, append([]int{2}, m.Input...)...)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float64s(), graphtest.Random(name, 5, g.Input.Shape()...).Float64s())
	loss := func() float64 {
		if err := g.Run(); err != nil {
			t.Fatal(err)
		}
		return g.Loss()
	}
	loss()
	got := slices.Clone(g.InputGrad().Float64s())
	x := g.Input.Float64s()
	const h = 1e-6
	for i := 0; i < len(x); i += 1 + len(x)/60 {
		at := x[i]
		x[i] = at + h
		up := loss()
		x[i] = at - h
		down := loss()
		x[i] = at
		if want := (up - down) / (2 * h); !(abs(got[i]-want) <= 1e-6*max(1, abs(want))) {
			t.Errorf("gradient of element %d is %g, by differences %g", i, got[i], want)
		}
	}
}

func abs(x float64) float64 { return max(x, -x) }
