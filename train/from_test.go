package train

import (
	"maps"
	"slices"
	"testing"
)

// TestFrom: a run begins with the values of Config.From, whatever the seed, and does
// not write to them.
func TestFrom(t *testing.T) {
	first := fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 1, Seed: 3}).Network.Weights.Map()
	kept := copies(first)
	var weights [2][]float32
	for i := range weights {
		net := fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 1, Batch: 20, Seed: uint64(i), From: first, Optimizer: SGD{LR: 1e-30}}).Network
		weights[i] = net.Weights.Get("dense/weight").Float32s()
	}
	if want := kept["dense/weight"].Float32s(); !slices.Equal(weights[0], want) || !slices.Equal(weights[1], want) {
		t.Errorf("weights %v and %v, want %v", weights[0], weights[1], want)
	}
	for name, w := range first {
		if !slices.Equal(w.Float32s(), kept[name].Float32s()) {
			t.Errorf("%s was written to", name)
		}
	}
	less := maps.Clone(first)
	delete(less, "dense/weight")
	failing(t, plainNet(), blobSet(20, 5), Config{From: less}, "Config.From: graph: tensor dense/weight is missing")
}
