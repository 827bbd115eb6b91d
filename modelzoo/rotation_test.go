package modelzoo_test

import (
	"fmt"
	"math"
	"testing"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/modelzoo"
)

// TestQuarterTurns: the networks of rotations give a picture and its quarter turns the
// same logits, in training, with statistics that have moved, and in inference.
func TestQuarterTurns(t *testing.T) {
	for _, tt := range []struct {
		name string
		side int
	}{{"p4cnn", 28}, {"p4cnn", 32}, {"e2cnn", 28}, {"e2cnn-0.5", 24}} {
		t.Run(fmt.Sprint(tt.name, tt.side), func(t *testing.T) {
			s, err := modelzoo.Lookup(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			net, err := graph.NewNetwork(s.New(10), []int{1, tt.side, tt.side}, graph.Options{Seed: 7, Float64: true})
			if err != nil {
				t.Fatal(err)
			}
			picture := graphtest.Random("picture", 1, 3, 1, tt.side, tt.side).Float64s()
			logits(t, net, graph.Train, picture)
			for _, mode := range []graph.Mode{graph.Infer, graph.Train} {
				x, want := picture, logits(t, net, mode, picture)
				for quarters := 1; quarters < 4; quarters++ {
					x = quarterTurned(x, tt.side)
					for i, v := range logits(t, net, mode, x) {
						if d := math.Abs(v - want[i]); !(d <= 1e-9*max(1, math.Abs(want[i]))) {
							t.Fatalf("%v, %d quarters: logit %d is %v, upright %v", mode, quarters, i, v, want[i])
						}
					}
				}
			}
		})
	}
}

func logits(t *testing.T, net *graph.Network, mode graph.Mode, x []float64) []float64 {
	t.Helper()
	m, err := net.Model(mode, 3)
	if err != nil {
		t.Fatal(err)
	}
	copy(m.Input.Float64s(), x)
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	return numbers(m.Output())
}

// quarterTurned are planes a quarter turn further, anticlockwise.
func quarterTurned(x []float64, side int) []float64 {
	y := make([]float64, len(x))
	for i := range y {
		plane, row, column := i/(side*side)*side*side, i/side%side, i%side
		y[i] = x[plane+column*side+side-1-row]
	}
	return y
}
