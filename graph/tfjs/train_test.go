package tfjs

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tapenet/graph"
)

// TestTrain: training goes on from the file's weights, and moves all of them.
func TestTrain(t *testing.T) {
	m, err := Load(os.DirFS(filepath.Join("testdata", "layers")), "model.json")
	if err != nil {
		t.Fatal(err)
	}
	w := &graph.Weights{}
	g, err := graph.Options{Weights: w}.Build(m, graph.Train, append([]int{8}, m.Input...)...)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i, x := 0, g.Input.Float32s(); i < len(x); i++ {
		x[i] = r.Float32()
	}
	for i, y := 0, g.Target.Float32s(); i < len(y); i++ {
		y[i] = float32(i % 3)
	}
	before := map[string][]float32{}
	for _, name := range w.Names() {
		before[name] = slices.Clone(w.Get(name).Float32s())
	}
	var first float64
	for step := range 60 {
		if err := g.Run(); err != nil {
			t.Fatal(err)
		}
		if step == 0 {
			first = g.Loss()
		}
		for _, p := range g.Params() {
			for i, d := range p.Grad().Float32s() {
				p.Value.Float32s()[i] -= 0.1 * d
			}
		}
		w.Step++
	}
	if last := g.Loss(); !(last < 0.9*first) {
		t.Errorf("loss %g, then %g, want it to fall", first, last)
	}
	constant := []string{"batchnorm_1/gamma", "batchnorm_2/beta"} // that the file does not have
	for _, name := range w.Names() {
		if changed := !slices.Equal(before[name], w.Get(name).Float32s()); changed == slices.Contains(constant, name) {
			t.Errorf("%s: changed is %v", name, changed)
		}
	}
}
