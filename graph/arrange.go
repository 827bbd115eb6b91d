package graph

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// Transpose exchanges the two axes of each sample: (N,A,B) becomes (N,B,A), so
// that the next Dense acts on the other one.
type Transpose struct{}

// Build adds the layer to s.
func (Transpose) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("transpose").Node(op.Transpose(x))
}

// PadChannels appends channels of zeros: (N,C,H,W) becomes (N,Channels,H,W).
type PadChannels struct{ Channels int }

// Build adds the layer to s.
func (l PadChannels) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub("padchannels").Node(op.PadChannels(x, l.Channels))
}
