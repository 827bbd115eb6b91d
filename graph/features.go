package graph

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// Features is what the network's last product, a Dense or a convolution, reads:
// (N,d), or images (N,C,H,W). It is there after a run if Options.Features asked
// for it, else nil.
func (m *Model) Features() *tensor.Dense { return m.dense(m.features) }

// joins are the kinds of ops whose operands are equals: before one there is no
// last product.
var joins = []op.Kind{op.KindAdd, op.KindConcat, op.KindHadamard, op.KindBatchMul}

// featuresOf follows the output back to the operand of the last product.
func featuresOf(output *gorgonia.Node) (*gorgonia.Node, error) {
	for n := output; ; {
		d, ok := op.Describe(n)
		switch {
		case !ok || len(d.Operands) == 0:
			return nil, fmt.Errorf("graph: no features: before the output %v there is no Dense and no convolution, want one", output.Shape())
		case slices.Contains(joins, d.Kind):
			return nil, fmt.Errorf("graph: no features: the output %v joins several by %s, want a Dense or a convolution at the network's end", output.Shape(), d.Kind)
		case d.Kind == op.KindMul || d.Kind == op.KindConv2d:
			return d.Operands[0], nil
		}
		n = d.Operands[0]
	}
}
