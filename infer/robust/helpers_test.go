package robust

import (
	"errors"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// made is samples that a test makes.
type made struct {
	images  [][]float32
	classes []int
}

func (s made) Len() int { return len(s.images) }

func (s made) Read(i int, x []float32) (int, error) {
	if len(x) != len(s.images[i]) {
		return 0, errors.New("not of this size")
	}
	copy(x, s.images[i])
	return s.classes[i], nil
}

const side = 7

// dot is an image of 7×7 with one white pixel.
func dot(row, column int) []float32 {
	x := make([]float32, side*side)
	x[row*side+column] = 1
	return x
}

// sides is a predictor whose answers are known: "left" (0) unless the right columns
// are brighter than the left ones. The logits are a class's sum of pixels, times 4.
func sides(t testing.TB) *infer.Predictor {
	t.Helper()
	w := make([]float32, side*side*2)
	for i := range side * side {
		if column := i % side; column < side/2 {
			w[2*i] = 4
		} else if column > side/2 {
			w[2*i+1] = 4
		}
	}
	return predictor(t, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2, NoBias: true}}, weights.Model{
		Input: [3]int{1, side, side}, Classes: []string{"left", "right"},
		Tensors: map[string]*tensor.Dense{"dense/weight": tensor.New(tensor.WithShape(side*side, 2), tensor.WithBacking(w))},
	})
}

func predictor(t testing.TB, l graph.Layer, m weights.Model) *infer.Predictor {
	t.Helper()
	p, err := infer.New(l, m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// random is a predictor with random weights.
func random(t testing.TB, l graph.Layer, m weights.Model) *infer.Predictor {
	t.Helper()
	n, err := graph.NewNetwork(l, m.Input[:], graph.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	m.Tensors = n.Weights.Map()
	return predictor(t, l, m)
}

// pictures are smooth images of this shape, in as many classes.
func pictures(input [3]int, n, classes int) made {
	var s made
	for i := range n {
		x := make([]float32, input[0]*input[1]*input[2])
		for k := range x {
			row, column := k/input[2]%input[1], k%input[2]
			x[k] = float32((row*(i+1)+column*(i%3)+k/(input[1]*input[2])*40)*9%256) / 255
		}
		s.images, s.classes = append(s.images, x), append(s.classes, i%classes)
	}
	return s
}

func measure(t testing.TB, p *infer.Predictor, s Samples, c Config) *Report {
	t.Helper()
	r, err := Measure(t.Context(), p, s, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q, want one with %q", err, part)
		}
	}
}
