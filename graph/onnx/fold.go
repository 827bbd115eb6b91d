package onnx

import (
	"math"
	"path"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// fold writes the convolution or matrix product before a normalisation with
// weights that do the work of both:
//
//	w' = w·s  and  b' = (b-mean)·s + beta  with  s = gamma/√(variance+epsilon)
func (e *exporter) fold(norm op.Description) (y string, ok bool) {
	before := norm.Operands[0]
	d, _ := op.Describe(before)
	if !e.FoldBatchNorm || d.Name != "Conv2d" && d.Name != "Mul" || e.uses[before] > 1 {
		return "", false
	}
	for _, n := range slices.Concat(d.Operands[1:], norm.Operands[1:]) {
		if n.Op() != nil {
			return "", false
		}
	}
	weight := d.Operands[1]
	w, b := folded(d, norm)
	names := []string{e.value(d.Operands[0]), e.renamed(weight, weight.Name()), ""}
	e.weight(names[1], weight.Shape(), w)
	if len(d.Operands) == 3 {
		names[2] = e.renamed(d.Operands[2], d.Operands[2].Name())
	} else {
		names[2] = e.unique(path.Join(path.Dir(weight.Name()), "bias"))
	}
	e.weight(names[2], tensor.Shape{len(b)}, b)
	if d.Name == "Mul" {
		return e.product(d.Operands[0].Dims(), names), true
	}
	return e.conv(d, names), true
}

// renamed is the name of a changed weight: its own, unless others use it too.
func (e *exporter) renamed(n *gorgonia.Node, name string) string {
	if e.uses[n] > 1 {
		return e.unique(name)
	}
	return name
}

// folded computes the weights of a convolution or product that normalises too.
func folded(d, norm op.Description) (w, b []float32) {
	leaf := func(n *gorgonia.Node) []float32 { return n.Value().(*tensor.Dense).Float32s() }
	gamma, beta, mean, variance := leaf(norm.Operands[1]), leaf(norm.Operands[2]), leaf(norm.Operands[3]), leaf(norm.Operands[4])
	old := leaf(d.Operands[1])
	w, b = make([]float32, len(old)), make([]float32, len(gamma))
	scale := make([]float64, len(gamma))
	for f := range gamma {
		scale[f] = float64(gamma[f]) / math.Sqrt(float64(variance[f])+norm.Params.(op.Norm).Epsilon)
		bias := 0.0
		if len(d.Operands) == 3 {
			bias = float64(leaf(d.Operands[2])[f])
		}
		b[f] = float32((bias-float64(mean[f]))*scale[f] + float64(beta[f]))
	}
	for i, v := range old {
		f := i % len(gamma) // of a product's (in,out)
		if d.Name == "Conv2d" {
			f = i / (len(old) / len(gamma)) // of filters (F,…)
		}
		w[i] = float32(float64(v) * scale[f])
	}
	return w, b
}
