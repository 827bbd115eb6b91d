package graph_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// The first of equal values wins, and NaN never does.
func TestArgMax(t *testing.T) {
	nan := float32(math.NaN())
	for _, tt := range []struct {
		x    []float32
		want int
	}{
		{[]float32{3}, 0},
		{[]float32{1, 2, 0}, 1},
		{[]float32{-3, -1, -2}, 1},
		{[]float32{1, 5, 5}, 1},
		{[]float32{0, nan, 1}, 2},
	} {
		if got := graph.ArgMax(tt.x); got != tt.want {
			t.Errorf("ArgMax(%v) = %d, want %d", tt.x, got, tt.want)
		}
	}
}

// TestTemperature: the prediction is SoftMax of the logits over the temperature; 0
// and 1 add nothing to the graph, and the cost does not change.
func TestTemperature(t *testing.T) {
	w := &graph.Weights{}
	predict := func(temperature float64) *graph.Model {
		m := build(t, graph.Options{Weights: w, Seed: 2, Loss: graph.CrossEntropy{Temperature: temperature}}, smallCNN(), graph.Eval, 2, 1, 6, 6)
		fill(m.Input)
		run(t, m)
		return m
	}
	plain := predict(0)
	softMax := func(logits []float32, temperature float32) []float64 {
		var p []float64
		for row := range slices.Chunk(logits, plain.OutputShape()[1]) {
			sum := 0.0
			for _, v := range row {
				sum += math.Exp(float64(v / temperature))
			}
			for _, v := range row {
				p = append(p, math.Exp(float64(v/temperature))/sum)
			}
		}
		return p
	}
	for _, temperature := range []float64{0, 1, 0.3, 2.5} {
		m := predict(temperature)
		divisor := float32(temperature)
		if temperature == 0 {
			divisor = 1
		}
		near(t, "probabilities", numbers(m.Prediction()), softMax(m.Output().Float32s(), divisor), 1e-6)
		if m.Loss() != plain.Loss() {
			t.Errorf("the loss at temperature %v is %v, want %v as without", temperature, m.Loss(), plain.Loss())
		}
		if more := len(m.Graph().AllNodes()) - len(plain.Graph().AllNodes()); (more > 0) != (temperature != 0 && temperature != 1) {
			t.Errorf("temperature %v adds %d nodes", temperature, more)
		}
	}
	for _, wrong := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := graph.Options{Loss: graph.CrossEntropy{Temperature: wrong}}.Build(smallCNN(), graph.Infer, 1, 1, 6, 6)
		if err == nil || !strings.Contains(err.Error(), "want a number above 0") {
			t.Errorf("temperature %v: error %v", wrong, err)
		}
	}
}
