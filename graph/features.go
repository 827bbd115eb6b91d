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

// ChannelMeans are the values of a batch, (N,d), in float32; of images (N,C,H,W) they are the
// means of the channels, (N,C).
func ChannelMeans(values *tensor.Dense) []float32 {
	all, shape := values.Float32s(), values.Shape()
	if len(shape) != 4 {
		return all
	}
	plane := shape[2] * shape[3]
	means := make([]float32, 0, shape[0]*shape[1])
	for channel := range slices.Chunk(all, plane) {
		var sum float64
		for _, v := range channel {
			sum += float64(v)
		}
		means = append(means, float32(sum/float64(plane)))
	}
	return means
}

// joins are the kinds of ops whose operands are equals: before one there is no
// last product.
var joins = []op.Kind{op.KindAdd, op.KindConcat, op.KindHadamard, op.KindBatchMul}

// featuresOf follows the output back to the operand of the last product.
func featuresOf(output *gorgonia.Node) (*gorgonia.Node, error) {
	last, err := lastProduct(output)
	if err != nil {
		return nil, err
	}
	d, _ := op.Describe(last)
	return d.Operands[0], nil
}

// Head is the path of the layer before which [Backbone] cuts.
func (m *Model) Head() (string, error) {
	first, err := headOf(m.output)
	if err != nil {
		return "", err
	}
	return m.b.layerOf(first), nil
}

// widestFeatures is the largest number of features before which headOf goes back.
const widestFeatures = 4096

// headOf is the first of the Dense layers that follow each other up to the output, if
// there are several: what they have learnt is more about the classes than about images.
// One that reads very many values does not count.
func headOf(output *gorgonia.Node) (*gorgonia.Node, error) {
	head, err := lastProduct(output)
	for err == nil {
		d, _ := op.Describe(head)
		before, none := lastProduct(d.Operands[0])
		if none != nil {
			break
		}
		if d, _ = op.Describe(before); d.Kind != op.KindMul || d.Operands[0].Dims() != 2 || d.Operands[0].Shape()[1] > widestFeatures {
			break
		}
		head = before
	}
	return head, err
}

// lastProduct follows the output back to the last Dense or convolution.
func lastProduct(output *gorgonia.Node) (*gorgonia.Node, error) {
	for n := output; ; {
		d, ok := op.Describe(n)
		switch {
		case !ok || len(d.Operands) == 0:
			return nil, fmt.Errorf("graph: no features: before the output %v there is no Dense and no convolution, want one", output.Shape())
		case slices.Contains(joins, d.Kind):
			return nil, fmt.Errorf("graph: no features: the output %v joins several by %s, want a Dense or a convolution at the network's end", output.Shape(), d.Kind)
		case d.Kind == op.KindMul || d.Kind == op.KindConv2d:
			return n, nil
		}
		n = d.Operands[0]
	}
}
