package vector

import (
	"math"
	"math/rand/v2"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// twins are makers of operands of a size, with all the rest random.
var twins = kerneltest.Makers{
	"relu":              kerneltest.Loop(func(a, b, _, _ []float32) { ReLU(a, b) }),
	"reluGrad":          kerneltest.Loop(func(a, b, c, _ []float32) { ReLUGrad(a, b, c) }),
	"Limit":             kerneltest.Loop(func(a, b, _, _ []float32) { Limit(a, b, 0, 6) }),
	"LimitGrad":         kerneltest.Loop(func(a, b, c, _ []float32) { LimitGrad(a, b, c, -1, float32(math.Inf(1))) }),
	"NormRows, one":     kerneltest.Loop(func(a, b, c, d []float32) { NormRows(a, b, c, d, nil, nil, 1e-5) }),
	"NormRows in place": kerneltest.Loop(func(a, b, c, _ []float32) { NormRows(a, a, b, c, nil, nil, 1e-5) }),
	"NormRows":          rows(3, "MMRRCC", func(f [][]float32) { NormRows(f[0], f[1], f[2], f[3], f[4], f[5], 1e-3) }),
	"NormRowsGrad":      rows(3, "MMMRCC", func(f [][]float32) { NormRowsGrad(f[0], f[1], f[2], f[3], f[4], f[5]) }),
	"NormRowsGrad in place": rows(2, "MMRCC", func(f [][]float32) {
		NormRowsGrad(f[0], f[0], f[1], f[2], f[3], f[4])
	}),
	"AddNormed":   kerneltest.Loop(func(a, b, c, _ []float32) { AddNormed(a, b, c, 0.5, 3) }),
	"Scale":       kerneltest.Loop(func(a, b, c, _ []float32) { Scale(a, b, c) }),
	"AddTo":       kerneltest.Loop(func(a, b, c, _ []float32) { AddTo(a, b, c) }),
	"ScaleBy":     kerneltest.Loop(func(a, b, _, _ []float32) { ScaleBy(a, b, 0.3) }),
	"ShiftBy":     kerneltest.Loop(func(a, b, _, _ []float32) { ShiftBy(a, b, -7) }),
	"TanhBack":    kerneltest.Loop(func(a, b, c, _ []float32) { TanhBack(a, b, c) }),
	"AddProducts": kerneltest.Loop(func(a, b, c, _ []float32) { AddProducts(a, b, c) }),
	"ReLUCentre":  kerneltest.Loop(func(a, b, c, _ []float32) { ReLUCentre(a, b, c) }),
	"ReLURadius":  kerneltest.Loop(func(a, b, c, _ []float32) { ReLURadius(a, b, c) }),
	"ReLUIntervalGrad": kerneltest.Loop(func(a, b, c, d []float32) {
		e := append([]float32{}, a...)
		ReLUIntervalGrad(a, b, c, d, e)
	}),
	"products in place": kerneltest.Loop(func(a, b, c, d []float32) {
		Scale(a, a, b)
		AddProducts(c, c, d)
		AddTo(d, d, d)
	}),
	"add":       kerneltest.Loop(func(a, b, _, _ []float32) { Add(a, b) }),
	"addScalar": kerneltest.Loop(func(a, _, _, _ []float32) { AddScalar(a, 0.3) }),
	"SGD":       kerneltest.Loop(func(a, b, _, _ []float32) { SGD(a, b, 0.1) }),
	"Momentum":  kerneltest.Loop(func(a, b, c, _ []float32) { Momentum(a, b, c, 0.1, 0.9) }),
	"Average":   kerneltest.Loop(func(a, b, _, _ []float32) { Average(a, b, 0.1) }),
	"Nesterov":  kerneltest.Loop(func(a, b, c, _ []float32) { Nesterov(a, b, c, 0.1, 0.9) }),
	"Normalise": kerneltest.Loop(func(a, b, _, _ []float32) { Normalise(a, b, 0.9, 0.1, 1e-8) }),
	"Adam": kerneltest.Loop(func(a, b, c, d []float32) {
		Adam(a, b, c, d, AdamStep{LR: 0.001, Epsilon: 1e-7, Beta1: 0.9, Beta2: 0.999, Rest1: 0.1, Rest2: 0.001})
	}),
	"Adam, all terms": kerneltest.Loop(func(a, b, c, d []float32) {
		Adam(a, b, c, d, AdamStep{0.001, 0.002, 1e-7, 0.9, 0.999, 0.1, 0.001, 0.01})
	}),
	"Lion": kerneltest.Loop(func(a, b, c, _ []float32) { Lion(a, b, c, LionStep{0.001, 0.9, 0.99, 0.1, 0.01, 0.02}) }),
}

// rows is a kernel over n rows. The shape has a letter for each operand: M for a
// matrix of n rows, R for a row, C for a column. The first row of a matrix has
// special numbers, the others do not.
func rows(n int, shape string, run func(f [][]float32)) func(r *rand.Rand, cols int) kerneltest.Twin {
	return func(r *rand.Rand, cols int) kerneltest.Twin {
		var operands [][]float32
		for _, s := range shape {
			x := kerneltest.Normal[float32](r, map[rune]int{'M': n * cols, 'R': cols, 'C': n}[s])
			if s == 'M' {
				copy(x, kerneltest.Values(r, cols))
			}
			operands = append(operands, x)
		}
		return kerneltest.Twin{Floats: operands, Run: func(f [][]float32, _ [][]uint8) { run(f) }}
	}
}

func TestTwins(t *testing.T) { kerneltest.RunTwins(t, twins) }

func FuzzTwins(f *testing.F) { kerneltest.FuzzTwins(f, twins) }
