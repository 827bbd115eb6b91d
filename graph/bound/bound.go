// Package bound computes what a network can make of all images near one: lower and upper
// bounds of its outputs, by interval arithmetic (Gowal et al. 2018, "On the Effectiveness
// of Interval Bound Propagation for Training Verifiably Robust Models", arXiv 1810.12715).
//
// The bounds are nodes of the network's own graph, and so can be trained: [Loss] is a loss
// for training, [Verifier] measures a trained network.
//
//	v := bound.NewVerifier(layer, weights, input, normalisation)
//	margins, err := v.Margins(ctx, images, classes, 0.3) // above 0: no image within 0.3 is taken for another class
package bound

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/raster"
)

// Interval is bounds of a node's elements: from Centre-Radius to Centre+Radius. Both have
// the node's shape. A Radius of nil is zero everywhere: the node is Centre itself.
type Interval struct{ Centre, Radius *gorgonia.Node }

// exact reports whether nothing about the node is unknown.
func (i Interval) exact() bool { return i.Radius == nil }

// Bounded is an op of one's own that knows its bounds.
type Bounded interface {
	// Bounds returns what the op makes of operands within the given intervals, of which
	// one at least has a Radius. An error goes to the scope.
	Bounds(s *graph.Scope, in []Interval) Interval
}

// Ball is the images near an image: every pixel, in 0..1, is moved by Epsilon at most, and
// stays in 0..1.
type Ball struct {
	Epsilon       *float64             // read at every run
	Normalisation raster.Normalisation // what the network takes of pixels
}

// Of returns the interval around a node of images (N,C,…), normalised ones.
func (b Ball) Of(s *graph.Scope, x *gorgonia.Node) Interval {
	if s.Err() != nil {
		return Interval{}
	}
	r, err := b.reach(x.Shape())
	if err != nil {
		s.Errorf("%w", err)
		return Interval{}
	}
	return Interval{s.Node(op.BallCentre(x, r)), s.Node(op.BallRadius(x, r))}
}

// reach is the ball in the network's values: a pixel v is v·Scale + Shift.
func (b Ball) reach(shape []int) (r op.Reach, err error) {
	if len(shape) < 2 {
		return r, fmt.Errorf("input is %v, want images (N,C,…)", shape)
	}
	n := b.Normalisation
	if n == nil {
		n = slices.Repeat(raster.Normalisation{{Scale: 1}}, shape[1])
	}
	if len(n) != shape[1] {
		return r, fmt.Errorf("a normalisation of %d channels, want %d for input %v", len(n), shape[1], shape)
	}
	for _, a := range n {
		if !(a.Scale > 0) {
			return r, fmt.Errorf("a normalisation by %g, want a factor above 0", a.Scale)
		}
		r.Low = append(r.Low, float64(a.Shift))
		r.High = append(r.High, float64(a.Shift)+float64(a.Scale))
		r.Scale = append(r.Scale, float64(a.Scale))
	}
	r.Epsilon = b.Epsilon
	return r, nil
}

// Propagation goes from the input to the nodes behind it and adds their bounds to the
// graph. It computes the bounds of a node once.
type Propagation struct {
	scope *graph.Scope
	known map[*gorgonia.Node]Interval
	ends  map[*gorgonia.Node]*lastLayer
	unit  float64 // of rounding to leave room for, see widen; 0 for none
}

// From begins with an input within an interval. The scope gets the nodes and the errors.
func From(s *graph.Scope, input *gorgonia.Node, within Interval) *Propagation {
	return &Propagation{scope: s, known: map[*gorgonia.Node]Interval{input: within}, ends: map[*gorgonia.Node]*lastLayer{}}
}

// Of returns the bounds of a node. A node that does not depend on the input has a Radius of
// nil. One whose op has no rule is an error, with the layer's path.
func (p *Propagation) Of(n *gorgonia.Node) Interval {
	if p.scope.Err() != nil || n == nil {
		return Interval{}
	}
	if i, ok := p.known[n]; ok {
		return i
	}
	operands := op.Operands(n)
	in := make([]Interval, len(operands))
	exact := true
	for k, operand := range operands {
		in[k] = p.Of(operand)
		exact = exact && in[k].exact()
	}
	i := Interval{Centre: n}
	if !exact {
		i = p.through(n, in)
	}
	p.known[n] = i
	return i
}

// through applies the rule of a node's op.
func (p *Propagation) through(n *gorgonia.Node, in []Interval) Interval {
	if p.scope.Err() != nil {
		return Interval{}
	}
	if own, ok := n.Op().(Bounded); ok {
		return own.Bounds(p.scope, in)
	}
	d, ok := op.Describe(n)
	if rule := rules[d.Kind]; ok && rule != nil {
		i, err := rule(p, step{n, d, in})
		if err != nil && p.scope.Err() == nil {
			p.refuse(n, err.Error())
		}
		return i
	}
	return p.refuse(n, "there is no rule for it")
}

// refuse makes an error of a node that cannot be bounded.
func (p *Propagation) refuse(n *gorgonia.Node, why string) Interval {
	layer := p.scope.LayerOf(n)
	if layer == "" {
		layer = "no layer"
	}
	p.scope.Errorf("no interval bounds of %v in %s: %s; want convolutions, dense layers, poolings, BatchNorm in inference, sums, and activations that rise", n.Op(), layer, why)
	return Interval{}
}
