package vector

import (
	"math"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// twins are makers of operands of a size, with all the rest random.
var twins = kerneltest.Makers{
	"relu":      kerneltest.Loop(func(a, b, _, _ []float32) { ReLU(a, b) }),
	"reluGrad":  kerneltest.Loop(func(a, b, c, _ []float32) { ReLUGrad(a, b, c) }),
	"Limit":     kerneltest.Loop(func(a, b, _, _ []float32) { Limit(a, b, 0, 6) }),
	"LimitGrad": kerneltest.Loop(func(a, b, c, _ []float32) { LimitGrad(a, b, c, -1, float32(math.Inf(1))) }),
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

func TestTwins(t *testing.T) { kerneltest.RunTwins(t, twins) }

func FuzzTwins(f *testing.F) { kerneltest.FuzzTwins(f, twins) }
