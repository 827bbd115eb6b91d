package graph_test

import (
	"flag"
	"math"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// build builds a network that has to build.
func build(t testing.TB, o graph.Options, l graph.Layer, mode graph.Mode, shape ...int) *graph.Model {
	t.Helper()
	m, err := o.Build(l, mode, shape...)
	if err != nil {
		t.Fatalf("Build(%v, %v): %v", mode, shape, err)
	}
	return m
}

// run runs a model that has to run.
func run(t testing.TB, m *graph.Model) {
	t.Helper()
	if err := m.Run(); err != nil {
		t.Fatalf("Run: %v", err)
	}
}

// smallCNN has one layer of each kind that behaves in a way of its own.
func smallCNN() graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same, Activation: graph.ReLU},
		graph.Residual{Body: graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same, NoBias: true}, graph.BatchNorm{}}},
		graph.MaxPool2D{},
		graph.Flatten{},
		graph.Dropout{Rate: 0.25},
		graph.Dense{Units: 3},
	}
}

// fill sets a tensor to reproducible values between -1 and 1.
func fill(d *tensor.Dense) {
	for i := range d.Size() {
		v := math.Sin(float64(3*i + 1))
		if d.Dtype() == tensor.Float64 {
			d.Float64s()[i] = v
		} else {
			d.Float32s()[i] = float32(v)
		}
	}
}

// step is one step of gradient descent.
func step(m *graph.Model, rate float32) {
	for _, p := range m.Params() {
		for i, g := range p.Grad().Float32s() {
			p.Value.Float32s()[i] -= rate * g
		}
	}
}

// close32 reports an error unless got is want, up to the given difference.
func close32(t testing.TB, what string, got, want []float32, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d values %v, want %d %v", what, len(got), got, len(want), want)
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= within) {
			t.Fatalf("%s: got %v, want %v (value %d is off by %g)", what, got, want, i, d)
		}
	}
}

// binary is op.Add as Scope.Binary wants it.
func binary(a, b *gorgonia.Node) (*gorgonia.Node, error) { return op.Add(a, b) }

// moments returns the largest absolute value and the standard deviation around
// 0.
func moments(values []float64) (top, deviation float64) {
	for _, v := range values {
		top = max(top, math.Abs(v))
		deviation += v * v
	}
	return top, math.Sqrt(deviation / float64(len(values)))
}
