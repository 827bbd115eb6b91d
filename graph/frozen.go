package graph

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// Frozen builds Body as for inference, in a graph for training too: its parameters get
// no gradients, BatchNorm uses its running statistics and leaves them as they are, and
// Dropout does nothing. It is how a network that is trained already becomes a part of
// another one.
type Frozen struct {
	Body Layer
	// But names parameters that are trained all the same, by their paths, as in
	// "conv2d_1/weight"; nil means none. BatchNorm stays as it is for them, too.
	But func(parameter string) bool
}

// Build adds the layer to s.
func (l Frozen) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	outer := s.b.frozen
	s.b.frozen = &l
	defer func() { s.b.frozen = outer }()
	return s.Apply(l.Body, x)
}

// trains reports whether a parameter of that path is trained.
func (b *builder) trains(path string) bool {
	return b.frozen == nil || b.frozen.But != nil && b.frozen.But(path)
}

// Backbone is a network up to its features: (N,d), where those of an image, (N,C,H,W),
// are averaged over its places. Its parameters behind the features belong to the
// network and have no effect, so it is one to export or to predict with, not to train.
type Backbone struct {
	Body Layer
	// Cut is the path of the layer whose output are the features; "" means what the last
	// product reads, a convolution or a Dense, or of several Dense behind each other the
	// first that reads at most 4096 values.
	Cut string
	// Whole says that the network's own output are the features.
	Whole bool
}

// Build adds the layers of the network to s and returns the features.
func (l Backbone) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	y := s.Apply(l.Body, x)
	if s.Err() != nil {
		return nil
	}
	features, err := l.features(s, y)
	if err != nil {
		return s.Errorf("%w", err)
	}
	switch features.Dims() {
	case 2:
		return features
	case 4:
		return s.Apply(GlobalAvgPool2D{}, features)
	}
	return s.Apply(Flatten{}, features)
}

// features is the node to cut at.
func (l Backbone) features(s *Scope, output *gorgonia.Node) (*gorgonia.Node, error) {
	switch {
	case l.Whole:
		return output, nil
	case l.Cut == "":
		head, err := headOf(output)
		if err != nil {
			return nil, err
		}
		d, _ := op.Describe(head)
		return d.Operands[0], nil
	}
	if n := s.b.outputOf(l.Cut); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("no output of a layer %.64q to cut at, want one that Summary lists", l.Cut)
}
