// Package vector holds loops over contiguous elements: activations, sums, the
// normalisation of a channel, pooling of pairs, and the steps of the
// optimizers.
//
// A loop is one function of any element type. Its plain Go stands in it; for
// float32 the assembly does the whole blocks of eight elements, and plain Go
// the rest.
package vector

import "tapenet/graph/internal/kernel/cpu"

// vectorFuncs are loops over float32 in assembly, from cpu.TierAVX2 on. Each
// has the comment of its loop at its stub in vector_asm_amd64.go.
//
// All but maxPairs and the curves take a multiple of eight elements. All but
// the curves and the sums in float64 give the same bits as their plain loop,
// where a conversion to float32 keeps the compiler from fusing a product with
// the sum around it.
type vectorFuncs struct {
	// Elements, see vector.go.
	relu      func(y, x []float32)
	reluGrad  func(dx, dy, x []float32)
	add       func(dst, src []float32)
	addScalar func(dst []float32, s float32)

	// Steps of optimizers, see update.go.
	average  func(a, x []float32, share float32)
	sgd      func(w, g []float32, lr float32)
	momentum func(w, g, u []float32, lr, momentum float32)
	nesterov func(w, g, u []float32, lr, momentum float32)
	rms      func(g, v []float32, beta, rest, epsilon float32)
	adam     func(w, g, m, v []float32, lr, look, epsilon, beta1, beta2, rest1, rest2, decay float32)
	lion     func(w, g, m []float32, lr, beta1, beta2, rest1, rest2, decay float32)

	// A channel's normalisation, see Channel.
	deviations func(x []float32, from float64) (sum, squares float64)
	normalise  func(y, x []float32, mean, a, beta, floor float32)
	normSums   func(dy, x []float32, mean, a, beta, floor float32) (sum, product float64)
	normGrad   func(dx, dy, x []float32, mean, a, beta, floor, shift, slope float32)

	tanh, sigmoid, silu, gelu, elu, leakyReLU curveTiers
	hardSwish, hardSigmoid, limit             curveTiers
	exp, erf, sqrt, reciprocal, square, pow   curveTiers

	softMax     loops[func(y, x []float32, cols int)]
	softMaxGrad loops[func(dx, dy, p []float32, cols int)]

	normRows     loops[func(y, x, gamma, beta, mean, scale []float32, epsilon float64)]
	normRowsGrad loops[func(dx, dy, x, gamma, mean, scale []float32)]
	addNormed    loops[func(sum, dy, x []float32, mean, scale float32)]

	tanhBack loops[func(dx, dy, y []float32)]
	scale    loops[func(y, x, s []float32)]
	addTo    loops[func(y, a, b []float32)]

	scaleBy, shiftBy loops[func(y, x []float32, s float32)]
	addProducts      loops[func(sum, x, s []float32)]

	// Windows of 2×2, see pairs.go.
	maxPairs     func(rows, cols int, y []float32, winner []int32, x []float32, width int)
	avgPairs     func(y, top, bottom []float32)
	avgPairsGrad func(top, bottom, dy []float32)
}

// curveFuncs compute an activation, y[i] = f(x[i]), and its gradient,
// dx[i] = dy[i]·f'(x[i]), for any number of elements. A curve with fewer
// parameters ignores the others.
type curveFuncs struct {
	forward  curveForward
	backward curveBackward
}

type (
	curveForward  func(y, x []float32, alpha, beta, gamma float32)
	curveBackward func(dx, dy, x []float32, alpha, beta, gamma float32)
)

// curveTiers are a curve's loops.
type curveTiers = loops[curveFuncs]

// loops is a loop on each tier; plain Go has none.
type loops[F any] [cpu.TierAVX512 + 1]F

// active is the loop of the tier that runs now.
func (l *loops[F]) active() F { return l[cpu.Active()] }

// head returns the part of x that assembly does, whole blocks of eight; the
// rest is for a plain loop.
func head[T cpu.Float](x []T) []float32 {
	f, _ := cpu.Float32s(x)
	return f[:len(f)&^7]
}

// ReLU computes y[i] = max(x[i], 0), and NaN where x[i] is NaN. The slices may
// be one.
func ReLU[T cpu.Float](y, x []T) {
	x = x[:len(y)]
	h := head(y) // the assembly's part; the loop below does the rest
	if len(h) > 0 {
		vectors.relu(h, head(x))
	}
	for i := len(h); i < len(y); i++ {
		if y[i] = x[i]; x[i] <= 0 {
			y[i] = 0
		}
	}
}

// ReLUGrad computes dx[i] = dy[i] where x[i] > 0 or NaN, else 0. The slices may
// be one. x may also be the output of the ReLU, which is positive where its
// input is.
func ReLUGrad[T cpu.Float](dx, dy, x []T) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	h := head(dx)
	if len(h) > 0 {
		vectors.reluGrad(h, head(dy), head(x))
	}
	for i := len(h); i < len(dx); i++ {
		d := dy[i]
		if x[i] <= 0 {
			d = 0
		}
		dx[i] = d
	}
}

// Add computes dst[i] += src[i].
func Add[T cpu.Float](dst, src []T) {
	src = src[:len(dst)]
	h := head(dst)
	if len(h) > 0 {
		vectors.add(h, head(src))
	}
	for i := len(h); i < len(dst); i++ {
		dst[i] += src[i]
	}
}

// AddScalar computes dst[i] += s.
func AddScalar[T cpu.Float](dst []T, s T) {
	h := head(dst)
	if len(h) > 0 {
		vectors.addScalar(h, float32(s))
	}
	for i := len(h); i < len(dst); i++ {
		dst[i] += s
	}
}

// Sum adds up x in four interleaved partial sums: faster than one, and closer
// to the exact sum.
func Sum[T cpu.Float](x []T) T {
	var a, b, c, d T
	for ; len(x) >= 4; x = x[4:] {
		a += x[0]
		b += x[1]
		c += x[2]
		d += x[3]
	}
	for _, v := range x {
		a += v
	}
	return (a + b) + (c + d)
}

// Dot is Σ x[i]·y[i], in four interleaved sums too.
func Dot[T cpu.Float](x, y []T) T {
	var s [4]T
	for i, v := range x {
		s[i&3] += T(v * y[i])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// SumChunks sets dst to the sum of n parts that lie one behind the other in
// parts, each as long as dst, in their order. It does nothing if dst is nil.
func SumChunks[T cpu.Float](dst, parts []T, n int) {
	if dst == nil {
		return
	}
	copy(dst, parts)
	for i := 1; i < n; i++ {
		Add(dst, parts[i*len(dst):])
	}
}
