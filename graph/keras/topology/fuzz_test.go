package topology

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// shapes is a source that has every weight: zeros, whose shapes are the next bytes,
// first the number of dimensions.
type shapes []byte

// Take returns a weight of the next shape.
func (s *shapes) Take(Place, ...string) (Array, error) {
	next := func() int {
		if len(*s) == 0 {
			return 1
		}
		b := (*s)[0]
		*s = (*s)[1:]
		return int(b)
	}
	a, n := Array{}, 1
	for range next() % 5 {
		d := 1 + next()%16
		a.Shape, n = append(a.Shape, d), n*d
	}
	a.Values = make([]float32, n)
	return a, nil
}

// Skip does nothing.
func (s *shapes) Skip(Place) {}

// Rest is nothing.
func (s *shapes) Rest() string { return "" }

// FuzzNew makes networks of whatever topology comes, builds and runs them. Nothing
// may panic, or take more than its bounds.
func FuzzNew(f *testing.F) {
	files, err := filepath.Glob("../../tfjs/testdata/*/model.json")
	if err != nil || len(files) < 8 {
		f.Fatalf("%d models, %v", len(files), err)
	}
	for _, file := range files {
		var model struct {
			Topology json.RawMessage `json:"modelTopology"`
			Manifest []struct {
				Weights []struct{ Shape []byteAsNumber } `json:"weights"`
			} `json:"weightsManifest"`
		}
		b, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(b, &model)
		}
		if err != nil {
			f.Fatal(err)
		}
		var shapes []byte
		for _, w := range model.Manifest[0].Weights {
			shapes = append(shapes, byte(len(w.Shape)))
			for _, d := range w.Shape {
				shapes = append(shapes, byte(d-1))
			}
		}
		f.Add([]byte(model.Topology), shapes)
	}
	f.Fuzz(func(t *testing.T, topology, list []byte) {
		source := shapes(list)
		m, err := New("fuzzed", topology, &source)
		if err != nil {
			weights, source := Named{}, shapes(list)
			for _, name := range []string{"k", "k1", "b1", "two", "axes", "axis", "shape", "c", "size"} {
				weights[name], _ = source.Take(Place{})
			}
			if m, err = NewGraph("fuzzed", topology, nil, weights); err != nil {
				return
			}
		}
		run(t, m)
	})
}

// byteAsNumber keeps encoding/json from reading a list of bytes as base64.
type byteAsNumber uint8

// run builds and runs a model that is small, for each of its outputs.
func run(t *testing.T, m *Model) {
	input := append([]int{1}, m.Input...)
	for i, d := range input {
		input[i] = max(d, 1)
	}
	if tensor.Shape(input).TotalSize() > 1<<12 {
		return
	}
	for _, output := range m.Outputs() {
		one, err := m.With(output)
		if err != nil {
			t.Fatal(err)
		}
		g, err := graph.Options{Loss: graph.MSE{}}.Build(one, graph.Infer, input...)
		if err != nil || g.Memory().Total() > 1<<20 {
			continue
		}
		if err := g.Run(); err != nil {
			t.Errorf("a model that was built does not run: %v", err)
		}
	}
}
