package graph

import (
	"tapenet/graph/op"

	"gorgonia.org/gorgonia"
)

// Layer is a piece of a network: it adds its nodes to a graph. A layer is
// plain data and keeps no state, so one value can be built into many graphs,
// and twice into one, each time with parameters of its own.
type Layer interface {
	// Build adds the layer to s and returns its output. x is the output of the
	// layer before, with the batch as its first dimension. After an error Build
	// returns nil; the error stays in the scope.
	Build(s *Scope, x *gorgonia.Node) *gorgonia.Node
}

// LayerFunc is a Layer that is just its Build method: the way to write a
// branch or a layer of one's own in place.
type LayerFunc func(s *Scope, x *gorgonia.Node) *gorgonia.Node

// Build calls f.
func (f LayerFunc) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node { return f(s, x) }

// Sequential applies one layer after the other.
type Sequential []Layer

// Build returns the output of the last layer, or x if there is none.
func (l Sequential) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	for _, layer := range l {
		x = s.Apply(layer, x)
	}
	return x
}

// Named puts a layer into a scope of its own: the paths of its parameters begin with
// the name.
type Named struct {
	Name string
	Body Layer
}

// Build returns the output of Body.
func (l Named) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Sub(l.Name).Apply(l.Body, x)
}

// Residual adds the output of Body to its input: y = Body(x) + Shortcut(x) (He
// et al. 2015). Both have one shape.
type Residual struct {
	Body     Layer
	Shortcut Layer // nil means x itself
}

// Build returns the sum.
func (r Residual) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("residual")
	y, shortcut := s.Apply(r.Body, x), x
	if r.Shortcut != nil {
		shortcut = s.Sub("shortcut").Apply(r.Shortcut, x)
	}
	return s.Node(op.Add(y, shortcut))
}

// Concat applies every layer to the same input and joins their outputs along
// the channels, axis 1.
type Concat []Layer

// Build returns the joined outputs.
func (c Concat) Build(s *Scope, x *gorgonia.Node) *gorgonia.Node {
	s = s.Sub("concat")
	branches := make([]*gorgonia.Node, len(c))
	for i, layer := range c {
		branches[i] = s.Apply(layer, x)
	}
	return s.Node(op.Concat(1, branches...))
}
