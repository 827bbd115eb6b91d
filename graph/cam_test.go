package graph_test

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// camOptions are those that class activation maps want.
func camOptions(w *graph.Weights) graph.Options {
	return graph.Options{Float64: true, Seed: 5, Weights: w, ClassActivation: true, Loss: graph.Score{}}
}

// TestGradCAM: the map of the definition, whose gradient is by central differences of the
// head alone, for each image of a batch and its class.
func TestGradCAM(t *testing.T) {
	const h = 1e-6
	conv := graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same, Activation: graph.ReLU}
	for _, tt := range []struct {
		name  string
		body  graph.Sequential // up to the feature maps
		head  graph.Sequential
		layer string
	}{
		{"pooling", graph.Sequential{conv, graph.BatchNorm{}, graph.MaxPool2D{}}, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}, "maxpool2d"},
		{"a hidden layer", graph.Sequential{conv},
			graph.Sequential{graph.Flatten{}, graph.Dense{Units: 5, Activation: graph.Tanh}, graph.Dropout{Rate: 0.5}, graph.Dense{Units: 3}}, "conv2d"},
		{"a shortcut", graph.Sequential{conv, graph.Residual{Body: graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same}}},
			graph.Sequential{graph.GlobalAvgPool2D{}, graph.Dense{Units: 3, Activation: graph.Sigmoid}}, "residual"},
		{"an op of Gorgonia", graph.Sequential{conv, graph.Activation(gorgonia.Tanh)}, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}, "activation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &graph.Weights{}
			m := build(t, camOptions(w), slices.Concat(tt.body, tt.head), graph.Eval, 2, 1, 6, 6)
			fill(m.Input)
			classes := []int{1, 2}
			for i, k := range classes {
				m.Target.Float64s()[3*i+k] = 1
			}
			run(t, m)
			body := build(t, graph.Options{Float64: true, Weights: w}, tt.body, graph.Infer, 2, 1, 6, 6)
			fill(body.Input)
			run(t, body)
			s := body.OutputShape()
			head := build(t, graph.Options{Float64: true, Weights: w}, tt.head, graph.Infer, s...)
			maps := head.Input.Float64s()
			copy(maps, body.Output().Float64s())
			plane := s[2] * s[3]
			for i, class := range classes {
				logit := func() float64 { run(t, head); return head.Output().Float64s()[3*i+class] }
				want := make([]float64, plane)
				for k := range s[1] {
					channel := maps[(i*s[1]+k)*plane:][:plane]
					alpha := 0.0
					for j, v := range channel {
						channel[j] = v + h
						up := logit()
						channel[j] = v - h
						alpha += (up - logit()) / (2 * h) / float64(plane)
						channel[j] = v
					}
					for j, v := range channel {
						want[j] += alpha * v
					}
				}
				got := m.GradCAM(i)
				if got.Layer != tt.layer || got.Height != s[2] || got.Width != s[3] {
					t.Fatalf("a map of %s, %d×%d, want %s, %d×%d", got.Layer, got.Height, got.Width, tt.layer, s[2], s[3])
				}
				for j, v := range got.Values {
					if d := v - max(want[j], 0); math.Abs(d) > 1e-7 {
						t.Errorf("image %d, place %d: %v, want %v", i, j, v, max(want[j], 0))
					}
				}
			}
		})
	}
}

// TestGradCAMIsCAM: of a network that ends in global average pooling and one Dense, the map is
// the Dense's own of Zhou et al., over the number of places.
func TestGradCAMIsCAM(t *testing.T) {
	w := &graph.Weights{}
	body := graph.Sequential{
		graph.Conv2D{Filters: 5, Kernel: 3, Activation: graph.ReLU}, graph.BatchNorm{}, graph.Conv2D{Filters: 6, Kernel: 3, Activation: graph.ReLU},
	}
	m := build(t, camOptions(w), slices.Concat(body, graph.Sequential{graph.GlobalAvgPool2D{}, graph.Dense{Units: 4}}), graph.Eval, 1, 2, 9, 8)
	fill(m.Input)
	features := build(t, graph.Options{Float64: true, Weights: w}, body, graph.Infer, 1, 2, 9, 8)
	fill(features.Input)
	run(t, features)
	s, weight := features.OutputShape(), w.Get("dense/weight").Float64s() // (6,4)
	plane := s[2] * s[3]
	for class := range 4 {
		clear(m.Target.Float64s())
		m.Target.Float64s()[class] = 1
		run(t, m)
		for j, got := range m.GradCAM(0).Values {
			cam := 0.0
			for k := range s[1] {
				cam += weight[k*4+class] * features.Output().Float64s()[k*plane+j]
			}
			if want := max(cam, 0) / float64(plane); math.Abs(got-want) > 1e-9*max(want, 1) {
				t.Fatalf("class %d, place %d: %v, want %v", class, j, got, want)
			}
		}
	}
}

// TestGradCAMThreads: the same bits for any number of threads, and from run to run.
func TestGradCAMThreads(t *testing.T) {
	w := &graph.Weights{}
	o := graph.Options{Weights: w, ClassActivation: true, Loss: graph.Score{}}
	layer := graph.Sequential{graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, graph.Conv2D{Filters: 48, Kernel: 3}, graph.Flatten{}, graph.Dense{Units: 7}}
	var first []float64
	for _, threads := range []int{1, 2, 3, 8} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			m := build(t, o, layer, graph.Eval, 1, 3, 24, 24)
			fill(m.Input)
			m.Target.Float32s()[4] = 1
			for range 2 {
				run(t, m)
				if got := m.GradCAM(0).Values; first == nil {
					first = got
				} else if !slices.Equal(got, first) {
					t.Errorf("other values with %d threads", threads)
				}
			}
		}()
	}
}

// TestNoGradCAM: only Eval has a map, and only a network with places.
func TestNoGradCAM(t *testing.T) {
	flat := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}
	one := graph.Sequential{graph.Conv2D{Filters: 3, Kernel: 6}, graph.Flatten{}, graph.Dense{Units: 3}}
	for name, layer := range map[string]graph.Layer{"no places": flat, "one place": one} {
		if _, err := camOptions(nil).Build(layer, graph.Eval, 1, 1, 6, 6); !errors.Is(err, graph.ErrNoPlaces) {
			t.Errorf("%s: error %v, want %v", name, err, graph.ErrNoPlaces)
		}
		build(t, camOptions(nil), layer, graph.Infer, 1, 1, 6, 6)
	}
}
