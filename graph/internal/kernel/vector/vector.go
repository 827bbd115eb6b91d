// Package vector holds loops over contiguous elements: activations, sums, the
// normalisation of a channel, pooling of pairs, and the steps of the
// optimizers.
//
// A loop is one function of any element type. Its plain Go stands in it. For
// float32 on an assembly tier one of two schemes runs:
//
//	blocks    the assembly does the whole blocks of eight elements, plain Go
//	          the rest: ReLU, Add, the optimizers' steps, Channel
//	masks     the assembly does all elements, the last ones under a mask:
//	          curves, SoftMax, NormRows, Scale and its neighbours
//
// Blocks are simpler, and do for slices of a whole tensor. Masks pay where
// slices are short (the channels of a pixel) and where plain Go would round
// otherwise than the assembly (a curve's polynomial against math.Exp).
//
// No loop checks lengths but by slicing: the caller guarantees that every
// operand is at least as long as the result. Slices are either the same one or
// do not overlap, and they are the same one only where the comment allows it.
// Nothing here starts a goroutine; the caller shares out the elements.
package vector

import "tapenet/graph/internal/kernel/cpu"

// vectorFuncs are loops over float32 in assembly, from cpu.TierAVX2 on. Each
// has the comment of its loop at its stub in vector_asm_amd64.go.
//
// A field that is a func is a loop by blocks, with vectors of eight on both
// tiers: it takes a multiple of eight elements (maxPairs alone takes any number).
// They go over whole tensors, where memory sets the pace. A field of type loops
// has a version for each tier and takes any number of elements.
//
// A loop gives the bits of its plain Go, where a conversion to float32 keeps the
// compiler from fusing a product with the sum around it. Some do not: curves and
// SoftMax, which state a bound, the gradient of SoftMax, and the sums in float64
// of a channel, which add up in another order. The two assembly tiers give the
// same bits in every loop.
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

	// Activations and functions, element by element: curve.go, hard.go, power.go.
	tanh, sigmoid, silu, gelu, elu, leakyReLU curveTiers
	hardSwish, hardSigmoid, limit             curveTiers
	exp, erf, sqrt, reciprocal, square, pow   curveTiers

	// Rows of a matrix, each by itself: softmax.go and rownorm.go.
	softMax     loops[func(y, x []float32, cols int)]
	softMaxGrad loops[func(dx, dy, p []float32, cols int)]

	normRows     loops[func(y, x, gamma, beta, mean, scale []float32, epsilon float64)]
	normRowsGrad loops[func(dx, dy, x, gamma, mean, scale []float32)]
	addNormed    loops[func(sum, dy, x []float32, mean, scale float32)]

	// Slices that may be short, such as a pixel's channels: elementwise.go.
	tanhBack loops[func(dx, dy, y []float32)]
	scale    loops[func(y, x, s []float32)]
	addTo    loops[func(y, a, b []float32)]

	scaleBy, shiftBy loops[func(y, x []float32, s float32)]
	addProducts      loops[func(sum, x, s []float32)]

	// A ReLU of an interval, see interval.go.
	reluCentre, reluRadius loops[func(y, c, r []float32)]
	reluIntervalGrad       loops[func(own, other, dy, c, r []float32)]

	// Windows of 2×2, see pairs.go.
	maxPairs     func(rows, cols int, y []float32, winner []int32, x []float32, width int)
	avgPairs     func(rows, cols int, y, x []float32, width int)
	avgPairsGrad func(rows, cols int, dy, dx []float32, width int)
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

// loops is one loop in the versions of all tiers, with the tier as the index.
// The entry of cpu.TierGo is empty: plain Go stands in the function that calls.
type loops[F any] [cpu.TierAVX512 + 1]F

// active is the loop of the tier that runs now.
func (l *loops[F]) active() F { return l[cpu.Active()] }

// head returns the part of x that the assembly does: its whole blocks of eight.
// The rest, up to seven elements, is for the plain loop of the caller.
//
//	x  ├─ 8 ─┤├─ 8 ─┤├─ 8 ─┤├ 3 ┤     27 elements of float32
//	   └────── head ───────┘└ plain Go
//
// It is empty if x is float64 or the tier is plain Go; the plain loop then begins
// at element 0.
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
// input is: so a layer that ends in a ReLU need not keep its input.
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

// Add computes dst[i] += src[i]. It is how gradients of a value with several
// readers come together, and how the parts of a sum do.
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

// AddScalar computes dst[i] += s: a channel's bias on its plane, or the share
// that each pixel of a window has in the gradient of a mean.
func AddScalar[T cpu.Float](dst []T, s T) {
	h := head(dst)
	if len(h) > 0 {
		vectors.addScalar(h, float32(s))
	}
	for i := len(h); i < len(dst); i++ {
		dst[i] += s
	}
}

// Sum adds up x in four interleaved partial sums, element i in sum i%4:
//
//	a = x₀+x₄+…, b = x₁+x₅+…, c = x₂+x₆+…, d = x₃+x₇+…;  (a+b) + (c+d)
//
// The processor adds to four at a time where one sum would wait for itself, and the
// rounding errors are about a quarter. It has no assembly, so the order is the same
// on every tier. The elements that are left, fewer than four, go to a.
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

// Dot is Σ x[i]·y[i], also in four interleaved sums and without assembly. y is
// at least as long as x.
func Dot[T cpu.Float](x, y []T) T {
	var s [4]T
	for i, v := range x {
		s[i&3] += T(v * y[i])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// SumChunks sets dst to the sum of n parts that lie one behind the other in
// parts, each as long as dst, in their order:
//
//	parts  ├─ part 0 ─┤├─ part 1 ─┤ … ├─ part n-1 ─┤     n·len(dst) elements
//	dst    ((part 0 + part 1) + …) + part n-1
//
// Kernels compute a gradient of weights in a fixed number of chunks of the batch,
// each on whichever goroutine is free, and join them here. As the order is fixed,
// the bits do not depend on the number of threads. SumChunks does nothing if dst
// is nil, which says that nobody wants that gradient. n is at least 1.
func SumChunks[T cpu.Float](dst, parts []T, n int) {
	if dst == nil {
		return
	}
	copy(dst, parts)
	for i := 1; i < n; i++ {
		Add(dst, parts[i*len(dst):])
	}
}
