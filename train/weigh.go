package train

import (
	"fmt"
	"hash/fnv"
	"math"

	"tapenet/graph"
	"tapenet/train/data"
)

// checkWeights returns an error unless the weights fit the dataset.
func (c Config) checkWeights(d data.Dataset) error {
	if c.ClassWeights != nil && len(c.ClassWeights) != len(d.Classes) {
		return fmt.Errorf("%d ClassWeights, want %d, one for each class", len(c.ClassWeights), len(d.Classes))
	}
	for k, w := range c.ClassWeights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("ClassWeights[%d] %g, want a number from 0", k, w)
		}
	}
	if c.SampleWeights != nil && len(c.SampleWeights) != d.Train.Len() {
		return fmt.Errorf("%d SampleWeights, want %d, one for each training sample", len(c.SampleWeights), d.Train.Len())
	}
	for i, w := range c.SampleWeights {
		if !(w >= 0) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("SampleWeights[%d] %g, want a number from 0", i, w)
		}
	}
	return nil
}

// weigh gives a batch, which consists of these samples of the training set, the
// weights of its classes and samples.
func (r *run) weigh(m *graph.Model, samples []int) {
	if r.ClassWeights == nil && r.SampleWeights == nil {
		return
	}
	labels, weights := m.Target.Float32s(), m.SampleWeights.Float32s()
	for k, i := range samples {
		weights[k] = 1
		if r.ClassWeights != nil {
			weights[k] = float32(r.ClassWeights[int(labels[k])])
		}
		if r.SampleWeights != nil {
			weights[k] *= r.SampleWeights[i]
		}
	}
}

// describeWeights is a short text that differs for other weights, "" for none.
func describeWeights(w []float32) string {
	if w == nil {
		return ""
	}
	h := fnv.New64a()
	for _, v := range w {
		b := math.Float32bits(v)
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	return fmt.Sprintf("%d weights, hash %016x", len(w), h.Sum64())
}
