package vector

import "tapenet/graph/internal/kernel/cpu"

// The loops here are what a ReLU makes of an interval [c-r, c+r], element by element: see
// kernel.NewReLUInterval for the formulas. All tiers give the same bits. A NaN in c or r is
// NaN in the result, and passes no gradient.

// ReLUCentre computes y[i] = max((c[i]+r[i])/2, c[i], 0). y may be c or r.
func ReLUCentre[T cpu.Float](y, c, r []T) {
	c, r = c[:len(y)], r[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		c, _ := cpu.Float32s(c)
		r, _ := cpu.Float32s(r)
		vectors.reluCentre.active()(y, c, r)
		return
	}
	for i, v := range c {
		h := (v + r[i]) / 2
		if v > h {
			h = v
		}
		if h < 0 {
			h = 0
		}
		y[i] = h
	}
}

// ReLURadius computes y[i] = max(min((c[i]+r[i])/2, r[i]), 0). y may be c or r.
func ReLURadius[T cpu.Float](y, c, r []T) {
	c, r = c[:len(y)], r[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		c, _ := cpu.Float32s(c)
		r, _ := cpu.Float32s(r)
		vectors.reluRadius.active()(y, c, r)
		return
	}
	for i, v := range r {
		h := (c[i] + v) / 2
		if v < h {
			h = v
		}
		if h < 0 {
			h = 0
		}
		y[i] = h
	}
}

// ReLUIntervalGrad computes, from the gradient dy of the centre or the radius, own, the
// gradient of the operand of the same kind, and other, that of the other kind:
//
//	own[i]   = (dy[i] if c[i]+r[i] > 0, else 0)/2 + (dy[i] if c[i] > r[i], else 0)/2
//	other[i] = the difference of the two
//
// One of them may be nil.
func ReLUIntervalGrad[T cpu.Float](own, other, dy, c, r []T) {
	c, r = c[:len(dy)], r[:len(dy)]
	if own, ok := cpu.Float32s(own); ok && len(own) == len(other) {
		other, _ := cpu.Float32s(other)
		dy, _ := cpu.Float32s(dy)
		c, _ := cpu.Float32s(c)
		r, _ := cpu.Float32s(r)
		vectors.reluIntervalGrad.active()(own, other, dy, c, r)
		return
	}
	for i, g := range dy {
		var upper, lower T
		if c[i]+r[i] > 0 {
			upper = g / 2
		}
		if c[i] > r[i] {
			lower = g / 2
		}
		if own != nil {
			own[i] = upper + lower
		}
		if other != nil {
			other[i] = upper - lower
		}
	}
}
