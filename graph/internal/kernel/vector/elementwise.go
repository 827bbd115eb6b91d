package vector

import "tapenet/graph/internal/kernel/cpu"

// The loops here run over slices of one length. Whole tensors of one shape are such
// slices, and so are the channels of one pixel beside one number for each channel:
//
//	planes          x ├──────── H·W of a channel ────────┤ · one number: ScaleBy
//	channels last   x ├ C ┤├ C ┤├ C ┤  each pixel · s ├ C ┤: Scale, pixel by pixel
//
// All tiers give the same bits: each operation is rounded by itself, and no element
// depends on another. In assembly the last elements go under a mask, so that a few
// channels are no slow case: a pixel of 24 channels is a vector of sixteen and half
// a one, not one and eight elements one by one.
//
// A second operand may be longer than the result; its other elements are not read.

// Scale computes y[i] = x[i]·s[i]. y may be x or s. It is Hadamard, its gradient,
// and squeeze-and-excite's product of a pixel with the channels' factors.
func Scale[T cpu.Float](y, x, s []T) {
	x, s = x[:len(y)], s[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		s, _ := cpu.Float32s(s)
		vectors.scale.active()(y, x, s)
		return
	}
	for i, v := range x {
		y[i] = v * s[i]
	}
}

// AddTo computes y[i] = a[i] + b[i]. y may be a or b. [Add] is the same sum in
// place; AddTo leaves both terms, which a residual connection reads again.
func AddTo[T cpu.Float](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		a, _ := cpu.Float32s(a)
		b, _ := cpu.Float32s(b)
		vectors.addTo.active()(y, a, b)
		return
	}
	for i, v := range a {
		y[i] = v + b[i]
	}
}

// ScaleBy computes y[i] = x[i]·factor. y may be x. The factor is a channel's where
// its pixels lie side by side, or 1/n where sums become means.
func ScaleBy[T cpu.Float](y, x []T, factor T) {
	x = x[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		vectors.scaleBy.active()(y, x, float32(factor))
		return
	}
	for i, v := range x {
		y[i] = v * factor
	}
}

// ShiftBy computes y[i] = x[i] + more. y may be x. [AddScalar] is the same in place.
func ShiftBy[T cpu.Float](y, x []T, more T) {
	x = x[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		vectors.shiftBy.active()(y, x, float32(more))
		return
	}
	for i, v := range x {
		y[i] = v + more
	}
}

// AddProducts computes sum[i] += x[i]·s[i], the product and the sum both rounded. It
// is the gradient of the factors that Scale repeats over the pixels: called pixel
// after pixel with the same sum, it adds in the order of the pixels.
func AddProducts[T cpu.Float](sum, x, s []T) {
	x, s = x[:len(sum)], s[:len(sum)]
	if sum, ok := cpu.Float32s(sum); ok {
		x, _ := cpu.Float32s(x)
		s, _ := cpu.Float32s(s)
		vectors.addProducts.active()(sum, x, s)
		return
	}
	for i, v := range x {
		sum[i] += T(v * s[i])
	}
}

// TanhBack computes dx[i] = dy[i]·(1 - y[i]²), the gradient of the hyperbolic tangent
// from its result y. dx may be dy or y. It needs no exponential, and the input of the
// tangent need not be kept. Where y is near ±1 the difference cancels, and the result
// has fewer digits than [ActivateGrad] gives; the loss hardly depends on x there.
func TanhBack[T cpu.Float](dx, dy, y []T) {
	dy, y = dy[:len(dx)], y[:len(dx)]
	if dx, ok := cpu.Float32s(dx); ok {
		dy, _ := cpu.Float32s(dy)
		y, _ := cpu.Float32s(y)
		vectors.tanhBack.active()(dx, dy, y)
		return
	}
	for i, d := range dy {
		dx[i] = d * (1 - T(y[i]*y[i]))
	}
}
