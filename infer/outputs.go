package infer

import (
	"errors"
	"fmt"
	"slices"

	"tapenet/graph"
	"tapenet/graph/weights"
)

// Temperature is what the logits are divided by before their SoftMax; 1 unless the
// model's file has another one.
func (p *Predictor) Temperature() float64 {
	if p.temperature == 0 {
		return 1
	}
	return p.temperature
}

// Logits are the network's own outputs for any number of images, as Predict takes
// them: the class's probability is SoftMax of the logits over the temperature.
func (p *Predictor) Logits(images [][]float32) ([][]float32, error) {
	outputs, err := p.outputs(images, false)
	if err != nil {
		return nil, err
	}
	logits := make([][]float32, len(outputs))
	for i, o := range outputs {
		logits[i] = o.logits
	}
	return logits, nil
}

// Features are what the network's last Dense or convolution reads, for any number
// of images, as Predict takes them: the numbers by which an image is classified. Of a
// layer that reads an image they are the means of its channels. A network that does
// not end in such a layer has none, which is an error.
func (p *Predictor) Features(images [][]float32) ([][]float32, error) {
	outputs, err := p.outputs(images, true)
	if err != nil {
		return nil, err
	}
	features := make([][]float32, len(outputs))
	for i, o := range outputs {
		features[i] = o.features
	}
	return features, nil
}

// output is what the network makes of one image.
type output struct {
	probabilities, logits []float32
	features              []float32 // nil unless asked for
}

// ErrNotFinite is of an image of which a network makes NaN or infinite numbers.
var ErrNotFinite = errors.New("the network's output is not finite, want weights and pixels that give numbers")

// NotFiniteError is an [ErrNotFinite] that says which image it is of.
type NotFiniteError struct {
	Image int // among those of the call, from 0; the first one
}

func (e NotFiniteError) Error() string {
	return fmt.Sprintf("infer: image %d: %v", e.Image, ErrNotFinite)
}

// Unwrap implements the interface of package errors.
func (e NotFiniteError) Unwrap() error { return ErrNotFinite }

// outputs runs any number of images through the network, batch by batch. With a
// NotFiniteError it returns them all.
func (p *Predictor) outputs(images [][]float32, features bool) ([]output, error) {
	all, err := inBatches(p, images, func(batch [][]float32) ([]output, error) { return p.models.run(batch, features) })
	if i := slices.IndexFunc(all, func(o output) bool { return !finite(o.probabilities) || !finite(o.features) }); i >= 0 {
		return all, NotFiniteError{i}
	}
	return all, err
}

// inBatches checks any number of images, and runs them batch by batch.
func inBatches[T any](p *Predictor, images [][]float32, run func(batch [][]float32) ([]T, error)) ([]T, error) {
	for i, x := range images {
		if err := p.check(x); err != nil {
			return nil, fmt.Errorf("infer: image %d: %w", i, err)
		}
	}
	all := make([]T, 0, len(images))
	for len(images) > 0 {
		n := batchSize(len(images))
		batch, err := run(images[:n])
		if err != nil {
			return nil, err
		}
		all = append(all, batch...)
		images = images[n:]
	}
	return all, nil
}

// run returns the outputs of a batch, in memory of the caller's.
func (m *models) run(images [][]float32, features bool) (outputs []output, err error) {
	err = m.use(variant{batch: len(images), features: features}, images, func(g *graph.Model) error {
		if err := g.Run(); err != nil {
			return err
		}
		outputs = make([]output, len(images))
		probabilities, logits := rows(g.Prediction().Float32s(), len(images)), rows(g.Output().Float32s(), len(images))
		for i := range outputs {
			outputs[i] = output{probabilities: probabilities[i], logits: logits[i]}
		}
		if features {
			for i, row := range rows(graph.ChannelMeans(g.Features()), len(images)) {
				outputs[i].features = row
			}
		}
		return nil
	})
	return outputs, err
}

// rows copies values and cuts them into n parts.
func rows(values []float32, n int) [][]float32 {
	values = slices.Clone(values)
	width := len(values) / n
	list := make([][]float32, n)
	for i := range list {
		list[i] = values[i*width:][:width:width]
	}
	return list
}

// Unknown says when the network calls an image unknown; nil if it never does. Nobody
// changes it.
func (p *Predictor) Unknown() *weights.Unknown { return p.unknown }
