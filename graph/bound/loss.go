package bound

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/raster"
)

// Loss trains a classifier on its bounds, in Train mode (Gowal et al. 2018, equation 12):
//
//	κ·cross-entropy(logits) + (1-κ)·cross-entropy(worst logits)
//
// where the worst logits are those of [Propagation.Margins] within a ball of radius ε in
// pixels: each class as high as it can come, the label's own as low. Otherwise it is Plain.
//
// ε and κ are numbers that Set changes between runs; at first they are 0 and 1. One Loss
// serves all graphs of a network, one after the other.
type Loss struct {
	Plain         graph.CrossEntropy
	Normalisation raster.Normalisation // what the network takes of pixels in 0..1; nil for pixels

	epsilon, kappa, rest float64
}

// NewLoss returns a Loss of ε 0 and κ 1.
func NewLoss(plain graph.CrossEntropy, n raster.Normalisation) *Loss {
	return &Loss{Plain: plain, Normalisation: n, kappa: 1}
}

// Set sets what the next runs compute with: ε from 0, in pixels, and κ in 0..1.
func (l *Loss) Set(epsilon, kappa float64) { l.epsilon, l.kappa, l.rest = epsilon, kappa, 1-kappa }

// Target is (N).
func (l *Loss) Target(output tensor.Shape) tensor.Shape { return l.Plain.Target(output) }

// Predict is SoftMax.
func (l *Loss) Predict(s *graph.Scope, output *gorgonia.Node) *gorgonia.Node {
	return l.Plain.Predict(s, output)
}

// Cost is the sum of both losses in Train mode.
func (l *Loss) Cost(s *graph.Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	plain := l.Plain.Cost(s, output, target, weights)
	if !s.Training() || s.Err() != nil {
		return plain
	}
	bounds := s.Sub("bounds")
	input, err := inputOf(output)
	if err != nil {
		return bounds.Errorf("%w", err)
	}
	p := From(bounds, input, Ball{Epsilon: &l.epsilon, Normalisation: l.Normalisation}.Of(bounds, input))
	worst := p.Margins(output, target)
	return bounds.Node(op.Combine(plain, graph.CrossEntropy{Sum: l.Plain.Sum}.Cost(bounds, worst, target, weights), &l.kappa, &l.rest))
}

// inputOf finds the network's input among the nodes that an output is computed from.
func inputOf(output *gorgonia.Node) (*gorgonia.Node, error) {
	seen, todo := map[*gorgonia.Node]bool{}, gorgonia.Nodes{output}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n.Op() == nil && n.Name() == "input" {
			return n, nil
		}
		for _, operand := range op.Operands(n) {
			if !seen[operand] {
				seen[operand] = true
				todo = append(todo, operand)
			}
		}
	}
	return nil, fmt.Errorf("the output does not depend on the input")
}
