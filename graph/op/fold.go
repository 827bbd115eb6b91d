package op

import (
	"math"

	"gorgonia.org/gorgonia"
)

// Fold returns the weights and the bias with which a convolution or a matrix
// product does the work of the normalisation behind it too, for programs that
// write a graph in another language:
//
//	w' = w·s  and  b' = (b-mean)·s + beta  with  s = gamma/√(variance+epsilon)
//
// norm describes a BatchNorm; ok is false unless it does, its first operand is a
// Conv2d, or a Mul of (N,K), and all weights of both have [Values]. Whether
// others use the product as well is for the caller to know.
func Fold(norm Description) (w, b []float32, ok bool) {
	if norm.Kind != KindBatchNorm {
		return nil, nil, false
	}
	d, _ := Describe(norm.Operands[0])
	if d.Kind != KindConv2d && (d.Kind != KindMul || d.Operands[0].Dims() != 2) {
		return nil, nil, false
	}
	product, okProduct := leaves(d.Operands[1:])
	stats, okNorm := leaves(norm.Operands[1:])
	if !okProduct || !okNorm {
		return nil, nil, false
	}
	bias := make([]float32, len(stats[0]))
	if len(product) == 2 {
		bias = product[1]
	}
	scale, b := affine(stats, norm.Norm().Epsilon, bias)
	return scaledBy(d.Kind, product[0], scale), b, true
}

// affine is what a normalisation of x+bias by gamma, beta, mean and variance
// makes of x: scale·x + shift.
func affine(stats [][]float32, epsilon float64, bias []float32) (scale []float64, shift []float32) {
	gamma, beta, mean, variance := stats[0], stats[1], stats[2], stats[3]
	scale, shift = make([]float64, len(gamma)), make([]float32, len(gamma))
	for f := range gamma {
		scale[f] = float64(gamma[f]) / math.Sqrt(float64(variance[f])+epsilon)
		shift[f] = float32((float64(bias[f])-float64(mean[f]))*scale[f] + float64(beta[f]))
	}
	return scale, shift
}

// scaledBy multiplies the weights of each filter of (F,…), or of each column of a
// product's (K,N), by its scale.
func scaledBy(kind Kind, old []float32, scale []float64) []float32 {
	w := make([]float32, len(old))
	for i, v := range old {
		f := i % len(scale)
		if kind == KindConv2d {
			f = i / (len(old) / len(scale))
		}
		w[i] = float32(float64(v) * scale[f])
	}
	return w
}

// leaves are the [Values] of nodes.
func leaves(nodes gorgonia.Nodes) (values [][]float32, ok bool) {
	for _, n := range nodes {
		v, ok := Values(n)
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
	return values, true
}
