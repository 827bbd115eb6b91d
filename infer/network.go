package infer

import (
	"slices"

	"tapenet/graph"
	"tapenet/graph/raster"
)

// Network is what a predictor computes with, for those who build graphs of their
// own over it: attacks, bounds, explanations.
type Network struct {
	Layer graph.Layer
	// Weights have the predictor's values, in the same memory, and tensors of
	// their own: graphs over them may be built while the predictor predicts.
	// They are fixed: a graph that trains is refused, and nobody may write to
	// them.
	Weights *graph.Weights
	Input   [3]int // channels, height, width of an image

	// Normalisation is what the layer takes of pixels in 0..1.
	Normalisation raster.Normalisation
}

// Network returns the predictor's network. Each call gives Weights of their own, so
// that goroutines with one each do not meet.
func (p *Predictor) Network() Network {
	p.models.building.RLock() // Gorgonia writes to the headers that are read here
	defer p.models.building.RUnlock()
	return Network{
		Layer: p.models.layer, Weights: p.models.weights.Share(), Input: p.Input,
		Normalisation: slices.Clone(p.models.affine),
	}
}
