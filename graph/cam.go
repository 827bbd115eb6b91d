package graph

import (
	"errors"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// ActivationMap is a class activation map: how much each place of a layer's output
// speaks for a class, row by row.
type ActivationMap struct {
	Layer         string // path of the layer, as Summary shows it
	Height, Width int
	Values        []float64 // 0 or more; they have the unit of the logit
}

// GradCAM is the class activation map of image i of the batch, after a run with
// Options.ClassActivation and the loss [Score], for the class whose target is 1
// (Selvaraju et al. 2017, Grad-CAM, arXiv 1610.02391). With the feature maps A of the
// last layer that has places and the class's logit y it is
//
//	α_k = mean over the places of ∂y/∂A_k   (equation 1)
//	map = ReLU(Σ_k α_k·A_k)                 (equation 2)
//
// In a network that ends in GlobalAvgPool2D and one Dense, α_k is the Dense's weight over
// the number of places, and the map the class activation map of Zhou et al. 2016 (Learning
// Deep Features for Discriminative Localization) over that number, where it is above 0.
//
// The sums are in float64 and in the order of the channels: the map has the same bits
// for any number of threads.
func (m *Model) GradCAM(i int) ActivationMap {
	maps, gradient := m.dense(m.images), m.dense(m.imagesGrad)
	s := maps.Shape()
	c := ActivationMap{Layer: m.layerOf(m.images), Height: s[2], Width: s[3], Values: make([]float64, s[2]*s[3])}
	if m.b.opts.Float64 {
		gradCAM(c.Values, imageOf(maps.Float64s(), s, i), imageOf(gradient.Float64s(), s, i))
	} else {
		gradCAM(c.Values, imageOf(maps.Float32s(), s, i), imageOf(gradient.Float32s(), s, i))
	}
	return c
}

// Scaled are the values as shares of the largest; all are 0 if that is. One that is not
// finite makes others so.
func (a ActivationMap) Scaled() []float32 {
	top := slices.Max(a.Values)
	scaled := make([]float32, len(a.Values))
	for i, v := range a.Values {
		if top != 0 {
			v /= top
		}
		scaled[i] = float32(v)
	}
	return scaled
}

// imageOf is image i of a batch of shape s.
func imageOf[T any](values []T, s tensor.Shape, i int) []T {
	size := s[1] * s[2] * s[3]
	return values[i*size:][:size]
}

// gradCAM adds the map of feature maps and of the logit's gradient for them, channel by
// channel, to the values, which are 0.
func gradCAM[T float32 | float64](values []float64, maps, gradient []T) {
	plane := len(values)
	for k := 0; k < len(maps); k += plane {
		var alpha float64
		for _, g := range gradient[k:][:plane] {
			alpha += float64(g)
		}
		alpha /= float64(plane)
		for j, a := range maps[k:][:plane] {
			values[j] += alpha * float64(a)
		}
	}
	for j, v := range values {
		if v < 0 { // what is not a number stays, for the caller to see
			values[j] = 0
		}
	}
}

// grad is gorgonia.Grad, which takes nodes without operands alone: for images inside the
// network it is what Grad calls.
func (m *Model) grad(wrt gorgonia.Nodes) (gorgonia.Nodes, error) {
	if m.images == nil {
		return gorgonia.Grad(m.cost, wrt...)
	}
	one := gorgonia.NewConstant(float32(1))
	if m.b.opts.Float64 {
		one = gorgonia.NewConstant(1.0)
	}
	return gorgonia.Backpropagate(gorgonia.Nodes{m.cost}, gorgonia.Nodes{m.b.graph.AddNode(one)}, wrt)
}

// Places is the size of the network's class activation maps, 0 and 0 if it has none: if no
// convolution and no pooling that its output depends on gives images with several rows and
// columns.
func (m *Model) Places() (height, width int) {
	n := lastImages(m.output)
	if n == nil {
		return 0, 0
	}
	return n.Shape()[2], n.Shape()[3]
}

// ErrNoPlaces is the error that Options.ClassActivation asks for what the network does not
// have.
var ErrNoPlaces = errors.New("no class activation map: the output depends on no convolution and no pooling with several rows and columns, want a network with one")

// places are the kinds of ops whose results are images, whatever their operands are.
var places = []op.Kind{op.KindConv2d, op.KindMaxPool2D, op.KindAvgPool2D}

// scatters are the kinds of ops whose results do not lie where their operands do.
var scatters = []op.Kind{
	op.KindReshape, op.KindTranspose, op.KindPermute, op.KindMul, op.KindBatchMul, op.KindGather, op.KindPatches, op.KindExpand, op.KindAcross,
}

// lastImages is the last node, operands first, that the output depends on and that is
// images with several rows and columns: (N,C,H,W) of a convolution or of pooling, or of
// what follows them place by place. nil is none.
func lastImages(output *gorgonia.Node) (last *gorgonia.Node) {
	seen := map[*gorgonia.Node]bool{} // whether a node is images
	var visit func(n *gorgonia.Node) bool
	visit = func(n *gorgonia.Node) bool {
		if known, ok := seen[n]; ok {
			return known
		}
		images := false
		for _, operand := range op.Operands(n) {
			images = visit(operand) || images
		}
		d, ours := op.Describe(n)
		kind, _, _ := strings.Cut(string(d.Kind), "+") // of a fused op the first
		switch {
		case n.Op() == nil || n.Dims() != 4 || n.Shape()[2] < 2 || n.Shape()[3] < 2:
			images = false
		case ours && slices.Contains(places, op.Kind(kind)):
			images = n.Shape()[0] == output.Shape()[0]
		case ours && slices.Contains(scatters, op.Kind(kind)):
			images = false
		}
		if seen[n] = images; images {
			last = n
		}
		return images
	}
	visit(output)
	return last
}
