package open

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// arranged gives a network its images as it wants them. It takes (N,C,H,W), red
// first, and gives (N,classes) for an output (N,classes,1,…).
type arranged struct {
	graph.Layer
	blueFirst    bool
	channelsLast bool // it takes (N,H,W,C)
}

// Build adds the network to s.
func (a arranged) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	defer s.Part("", "")
	s.Part("images", "order")
	if a.blueFirst && x.Shape()[1] == 3 {
		x = s.Node(op.PickChannels(x, 2, 1, 0))
	}
	if a.channelsLast {
		x = s.Node(op.Permute(x, 0, 2, 3, 1))
	}
	y := a.Layer.Build(s, x)
	if y == nil || s.Err() != nil {
		return nil
	}
	s.Part("classes", "shape")
	if shape := y.Shape(); len(shape) > 2 && classes(shape) > 0 {
		y = s.Node(op.Reshape(y, shape[0], shape[1]))
	}
	return y
}

// twoClasses gives a network with one logit (N,1), whose Sigmoid is the probability of the
// second class, the logits (N,2) that a SoftMax makes the same of: 0 and that one.
type twoClasses struct{ graph.Layer }

// Build adds the network to s.
func (t twoClasses) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	y := t.Layer.Build(s, x)
	if y == nil || s.Err() != nil {
		return nil
	}
	defer s.Part("", "")
	s.Part("classes", "two")
	n := y.Shape()[0]
	both := s.Node(op.PadChannels(s.Node(op.Reshape(y, n, 1, 1, 1)), 2))
	return s.Node(op.Reshape(s.Node(op.PickChannels(both, 1, 0)), n, 2))
}
