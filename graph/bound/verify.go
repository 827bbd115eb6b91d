package bound

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/raster"
)

// Verifier bounds the logits of a trained classifier for all images near an image. Not
// safe for concurrent use; its ops use all processors.
//
// Bounds hold for the network as it runs in float32, rounding included, and for what its
// weights say in exact arithmetic: see the package's README for what that rests on.
type Verifier struct {
	input   [3]int
	affine  raster.Normalisation
	net     *graph.Network
	ends    *verified
	classes int
}

// verifyBatch is the number of images that a run of the graph takes.
const verifyBatch = 64

// NewVerifier makes a verifier of a network and its weights, which nobody changes any
// more. Images (C,H,W) are pixels in 0..1, of which the network takes the normalised ones.
func NewVerifier(l graph.Layer, w *graph.Weights, input [3]int, n raster.Normalisation) (*Verifier, error) {
	return Options{}.New(l, w, input, n)
}

// Options are how a verifier runs.
type Options struct {
	// MaxMemory is the most bytes that its graph may need, see [graph.Options]; 0 means no
	// bound.
	MaxMemory int
}

// New is [NewVerifier] with options.
func (o Options) New(l graph.Layer, w *graph.Weights, input [3]int, n raster.Normalisation) (*Verifier, error) {
	return newVerifier(l, w, input, n, graph.Options{MaxMemory: o.MaxMemory}, unit32)
}

func newVerifier(l graph.Layer, w *graph.Weights, input [3]int, n raster.Normalisation, o graph.Options, unit float64) (*Verifier, error) {
	v := &Verifier{input: input, affine: n, ends: &verified{layer: l, normalisation: n, unit: unit}}
	o.Loss, o.Weights = graph.Score{}, &graph.Weights{From: w.Map()}
	var err error
	if v.net, err = graph.NewNetwork(v.ends, input[:], o); err != nil {
		return nil, fmt.Errorf("bound: %w", err)
	}
	m, err := v.net.Model(graph.Infer, verifyBatch)
	if err != nil {
		return nil, fmt.Errorf("bound: %w", err)
	}
	v.classes = m.OutputShape()[1] / 2
	return v, nil
}

// Margins returns for each image, which is of the given class, a lower bound of its
// class's logit less the largest other one, for all images whose pixels are no farther
// than epsilon from its own and in 0..1. Above 0, all of them are given that class.
func (v *Verifier) Margins(ctx context.Context, images [][]float32, classes []int, epsilon float64) ([]float64, error) {
	if err := v.check(images, classes, epsilon); err != nil {
		return nil, err
	}
	m, err := v.net.Model(graph.Infer, verifyBatch)
	if err != nil {
		return nil, fmt.Errorf("bound: %w", err)
	}
	v.ends.epsilon = epsilon + 64*v.ends.unit // what a pixel and its normalisation are rounded by
	margins := make([]float64, 0, len(images))
	for len(images) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(len(images), verifyBatch)
		v.give(m, images[:n], classes[:n])
		if err := m.Run(); err != nil {
			return nil, fmt.Errorf("bound: %w", err)
		}
		out := values(m.Output())
		for i, class := range classes[:n] {
			margins = append(margins, least(out[i*2*v.classes:][:2*v.classes], class))
		}
		images, classes = images[n:], classes[n:]
	}
	return margins, nil
}

// least is the least margin of an image's class, given the bounds of what the other
// logits have more, and the slack of all logits.
func least(bounds []float64, class int) float64 {
	classes := len(bounds) / 2
	slack := bounds[classes:]
	most, first := 0.0, true
	for j, more := range bounds[:classes] {
		if more += slack[j] + slack[class]; j != class && (first || !(more <= most)) {
			most, first = more, false
		}
	}
	return -most
}

func (v *Verifier) check(images [][]float32, classes []int, epsilon float64) error {
	if len(images) != len(classes) {
		return fmt.Errorf("bound: %d images and %d classes, want a class for each", len(images), len(classes))
	}
	if !(epsilon >= 0 && epsilon <= 1) {
		return fmt.Errorf("bound: radius %g, want 0 to 1", epsilon)
	}
	size := v.input[0] * v.input[1] * v.input[2]
	for i, x := range images {
		if len(x) != size {
			return fmt.Errorf("bound: image %d has %d values, want %d of shape %v", i, len(x), size, v.input)
		}
		if classes[i] < 0 || classes[i] >= v.classes {
			return fmt.Errorf("bound: image %d is of class %d, want 0 to %d", i, classes[i], v.classes-1)
		}
		if k := slices.IndexFunc(x, func(p float32) bool { return !(p >= 0 && p <= 1) }); k >= 0 {
			return fmt.Errorf("bound: image %d has the value %g, want pixels from 0 to 1", i, x[k])
		}
	}
	return nil
}

// give writes images and classes into the graph; what is left of the batch stays as it was.
func (v *Verifier) give(m *graph.Model, images [][]float32, classes []int) {
	size := v.input[0] * v.input[1] * v.input[2]
	x := make([]float32, size)
	for i, image := range images {
		copy(x, image)
		v.affine.Apply(x)
		if m.Input.Dtype() == tensor.Float64 {
			for k, p := range x {
				m.Input.Float64s()[i*size+k] = float64(p)
			}
		} else {
			copy(m.Input.Float32s()[i*size:], x)
		}
	}
	for i, class := range classes {
		v.ends.give(i, class)
	}
}

// verified is a network and the bounds of its margins: its output is (N,2·classes), the
// margins and the slack.
type verified struct {
	layer         graph.Layer
	normalisation raster.Normalisation
	unit          float64
	epsilon       float64
	labels        *gorgonia.Node // of the graph that was built last
}

// Build adds the network and its bounds.
func (v *verified) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	logits := s.Apply(v.layer, x)
	s = s.Sub("bounds")
	if s.Err() != nil {
		return nil
	}
	n := x.Shape()[0]
	v.labels = s.Constant("labels", make([]float32, n), n)
	p := From(s, x, Ball{Epsilon: &v.epsilon, Normalisation: v.normalisation}.Of(s, x))
	p.unit = v.unit
	return s.Node(op.Concat(1, p.Margins(logits, v.labels), p.slack(logits)))
}

// give sets a label.
func (v *verified) give(i, class int) {
	switch labels := v.labels.Value().Data().(type) {
	case []float32:
		labels[i] = float32(class)
	case []float64:
		labels[i] = float64(class)
	}
}

// values are a tensor's, in float64.
func values(t *tensor.Dense) []float64 {
	if t.Dtype() == tensor.Float64 {
		return t.Float64s()
	}
	y := make([]float64, t.Size())
	for i, v := range t.Float32s() {
		y[i] = float64(v)
	}
	return y
}
