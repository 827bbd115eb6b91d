package infer

import (
	"slices"
	"sync"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
)

// colourNet is a network that takes normalised pixels, and its model.
func colourNet(t *testing.T) (graph.Layer, weights.Model) {
	l := graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3}, graph.BatchNorm{}, graph.ReLU,
		graph.Dropout{Rate: 0.5}, graph.Flatten{}, graph.Dense{Units: 3},
	}
	return l, untrained(t, l, weights.Model{
		Input: [3]int{3, 5, 6}, Classes: []string{"a", "b", "c"},
		Preprocessing: raster.Preprocessing{Mean: []float64{0.1, 0.5, 0.9}, Deviation: []float64{0.1, 2, 0.5}},
	})
}

// TestNetwork: a graph over what Network gives, fed by its normalisation, answers as
// Predict does, bit for bit.
func TestNetwork(t *testing.T) {
	l, m := colourNet(t)
	p, err := New(l, m)
	if err != nil {
		t.Fatal(err)
	}
	n := p.Network()
	if want := m.Preprocessing.Normalisation(); n.Input != m.Input || !slices.Equal(n.Normalisation, want) {
		t.Errorf("input %v, normalisation %v, want the model's", n.Input, n.Normalisation)
	}
	g, err := graph.Options{Weights: n.Weights, Fixed: true}.Build(n.Layer, graph.Infer, 1, n.Input[0], n.Input[1], n.Input[2])
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*5*6)
	for i := range x {
		x[i] = float32(i*37%90) / 90
	}
	want := predict(t, p, [][]float32{x})[0].Probabilities
	copy(g.Input.Float32s(), x)
	n.Normalisation.Apply(g.Input.Float32s())
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	if got := g.Prediction().Float32s(); !slices.Equal(got, want) {
		t.Errorf("probabilities %v, want %v", got, want)
	}
}

// TestNetworkShares: the values are the predictor's own, the slices are not, and
// nobody trains them.
func TestNetworkShares(t *testing.T) {
	l, m := colourNet(t)
	p, err := New(l, m)
	if err != nil {
		t.Fatal(err)
	}
	a, b := p.Network(), p.Network()
	names := a.Weights.Names()
	if len(names) != len(m.Tensors) {
		t.Errorf("tensors %v, want %d", names, len(m.Tensors))
	}
	for _, name := range names {
		x, y := a.Weights.Get(name), b.Weights.Get(name)
		if x == y || &x.Float32s()[0] != &y.Float32s()[0] {
			t.Errorf("%s: want two tensors of one memory", name)
		}
	}
	a.Normalisation[0] = raster.Affine{Scale: 7}
	if c := p.Network(); !slices.Equal(c.Normalisation, m.Preprocessing.Normalisation()) {
		t.Errorf("normalisation %v, changed by a caller", c.Normalisation)
	}
	_, err = graph.Options{Weights: a.Weights}.Build(a.Layer, graph.Train, 1, 3, 5, 6)
	wantError(t, err, "training of weights that are fixed")
}

// TestNetworkWhilePredicting: graphs of several goroutines are built and run beside
// the predictor's. The race detector judges.
func TestNetworkWhilePredicting(t *testing.T) {
	l, m := colourNet(t)
	p, err := New(l, m)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wait.Go(func() {
			if i%2 == 0 {
				_, errs[i] = p.Predict(make([][]float32, 0))
				for n := 1; n < 8 && errs[i] == nil; n++ {
					images := make([][]float32, n)
					for k := range images {
						images[k] = make([]float32, 3*5*6)
					}
					_, errs[i] = p.Predict(images)
				}
				return
			}
			n := p.Network()
			g, err := graph.Options{Weights: n.Weights, Fixed: true, InputGradient: true}.Build(n.Layer, graph.Eval, 2, 3, 5, 6)
			if err == nil {
				err = g.Run()
			}
			errs[i] = err
		})
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("goroutine %d: %v", i, err)
		}
	}
}
