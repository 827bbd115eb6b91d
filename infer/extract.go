package infer

import (
	"fmt"
	"image"
	"slices"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/modelzoo/open"
)

// Extractor computes features of images: a row of numbers for each, by which images
// are compared. Its network need not be a classifier. It is safe for concurrent use.
type Extractor struct {
	Input [3]int // channels, height, width of an image
	Size  int    // how many features an image has

	p     *Predictor
	ask   variant // but for the batch
	value func(g *graph.Model) *tensor.Dense
}

// LoadExtractor reads a network as [Load] does, and one that takes images and does
// not classify them too. output says what the features are:
//
//   - "": what the last Dense or convolution of a classifier reads, as
//     [Predictor.Features] has it; of other networks their output;
//   - of an ONNX file one of its outputs, or any other value of it;
//   - the path of a layer, as graph.Model's Summary and the command zoo show it.
//
// Of a value that is an image, (N,C,H,W), the features are the means of its channels.
func LoadExtractor(path, output string) (*Extractor, error) {
	m, err := open.Options{Output: output}.Open(path)
	layer := ""
	if err != nil && output != "" { // no value of an ONNX file
		var e error
		if m, e = open.Open(path); e != nil {
			return nil, fmt.Errorf("infer: %w", e)
		}
		layer = output
	} else if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	e, failed := newExtractor(m, layer, output != "" && layer == "")
	if failed != nil && layer != "" && m.Format == open.ONNX {
		return nil, fmt.Errorf("infer: %w; nor is it a layer: %w", err, failed)
	}
	return e, failed
}

// newExtractor makes the extractor of a model: for a layer's output, for the network's
// own, or for what its last product reads.
func newExtractor(m open.Model, layer string, own bool) (*Extractor, error) {
	if len(m.Sample) != 3 {
		return nil, fmt.Errorf("infer: %s takes samples of %s, want a network that takes images (channels,height,width)", m.Path, open.Shape(m.Sample))
	}
	e := &Extractor{Input: m.Input, ask: variant{watch: layer}}
	var err error
	if m.Classifies {
		e.p, err = of(m)
	} else if e.p, _, err = prepare(m.Layer, m.Model, graph.MSE{}); err == nil {
		e.p.notes = m.Notes
	}
	if err != nil {
		return nil, err
	}
	switch {
	case layer != "":
		e.value = (*graph.Model).Watched
	case own && m.Classifies && m.SoftMax:
		e.value = (*graph.Model).Prediction
	case own || !m.Classifies:
		e.value = (*graph.Model).Output
	default:
		e.ask.features, e.value = true, (*graph.Model).Features
	}
	one, err := e.Features([][]float32{make([]float32, m.Input[0]*m.Input[1]*m.Input[2])})
	if err != nil && layer != "" {
		return nil, fmt.Errorf("infer: %s: no output of a layer %.64q: want one that go run ./cmd/zoo -model %[1]s lists", m.Path, layer)
	} else if err != nil {
		return nil, fmt.Errorf("%w; want another value by its name", err)
	}
	e.Size = len(one[0])
	return e, nil
}

// Notes are those of [Predictor.Notes].
func (e *Extractor) Notes() []string { return e.p.Notes() }

// Preprocessing is what a picture goes through on its way into the network. Nobody
// changes its slices.
func (e *Extractor) Preprocessing() raster.Preprocessing { return e.p.preprocessing }

// Pixels turns a picture into the network's input, as [Predictor.Pixels] does.
func (e *Extractor) Pixels(img image.Image) ([]float32, error) { return e.p.Pixels(img) }

// Features are the features of any number of images, as Pixels returns them. They are
// finite, or the error is a [NotFiniteError].
func (e *Extractor) Features(images [][]float32) ([][]float32, error) {
	all, err := inBatches(e.p, images, e.run)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(row []float32) bool { return !finite(row) }); i >= 0 {
		return nil, NotFiniteError{i}
	}
	return all, nil
}

// run computes the features of a batch.
func (e *Extractor) run(images [][]float32) (list [][]float32, err error) {
	v := e.ask
	v.batch = len(images)
	err = e.p.models.use(v, images, func(g *graph.Model) error {
		if err := g.Run(); err != nil {
			return err
		}
		value := e.value(g)
		if s := value.Shape(); len(s) == 0 || s[0] != v.batch {
			return fmt.Errorf("infer: a value %v for a batch of %d, want one with the batch first", s, v.batch)
		}
		list = rows(graph.ChannelMeans(value), v.batch)
		return nil
	})
	return list, err
}
