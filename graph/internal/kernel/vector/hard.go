package vector

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// This file holds the curves that consist of straight pieces and a parabola. At a
// joint the derivative is that of the side where the curve is flat or goes on as x.

// ReLU6 is min(max(x,0),6).
var ReLU6 = Between(0, 6)

// Between is min(max(x,low),high). Either bound may be infinite. Its derivative is
// 1 between the bounds and 0 at them and beyond.
func Between(low, high float64) Curve {
	return Curve{
		F: func(x float64) float64 { return limit(x, low, high) },
		DF: func(x float64) float64 {
			if x <= low || x >= high {
				return 0
			}
			return 1
		},
		alpha: low, beta: high, limits: true, vector: &vectors.limit,
	}
}

// Limit computes y[i] = min(max(x[i],low),high), NaN where x is NaN. y may be x. All
// tiers give the same bits: zeros keep their sign.
func Limit[T cpu.Float](y, x []T, low, high T) {
	x = x[:len(y)]
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		vectors.limit.active().forward(y, x, float32(low), float32(high), 0)
		return
	}
	for i, v := range x {
		y[i] = limit(v, low, high)
	}
}

// LimitGrad computes dx[i] = 0 where x[i] <= low or x[i] >= high, else dy[i]. dx
// may be dy or x. It selects and does not multiply: a dy that is infinite or NaN
// does not get past the limits.
func LimitGrad[T cpu.Float](dx, dy, x []T, low, high T) {
	dy, x = dy[:len(dx)], x[:len(dx)]
	if dx, ok := cpu.Float32s(dx); ok {
		dy, _ := cpu.Float32s(dy)
		x, _ := cpu.Float32s(x)
		vectors.limit.active().backward(dx, dy, x, float32(low), float32(high), 0)
		return
	}
	for i, v := range x {
		d := dy[i]
		if v <= low || v >= high {
			d = 0
		}
		dx[i] = d
	}
}

// limit is min(max(x,low),high). Comparisons with NaN are false, so that it stays.
func limit[T cpu.Float](x, low, high T) T {
	if x < low {
		x = low
	}
	if x > high {
		x = high
	}
	return x
}

// HardSwish is x·min(max(x+3,0),6)/6 (Howard et al. 2019), SiLU from straight
// pieces. At minus infinity it is 0, as everywhere below -3.
var HardSwish = Curve{
	F: func(x float64) float64 { return scaled(x, limit(x+3, 0, 6)/6) },
	DF: func(x float64) float64 {
		switch {
		case x <= -3:
			return 0
		case x >= 3:
			return 1
		}
		return x/3 + 0.5
	},
	vector: &vectors.hardSwish,
}

// HardSigmoid is min(max(alpha·x+beta,0),1), Sigmoid from straight pieces. Its
// sum may cancel: the assembly's bound is 5e-7·(1+|beta|), for values and for
// where the pieces meet.
func HardSigmoid(alpha, beta float64) Curve {
	return Curve{
		F: func(x float64) float64 { return limit(line(alpha, x, beta), 0, 1) },
		DF: func(x float64) float64 {
			if y := line(alpha, x, beta); y <= 0 || y >= 1 {
				return 0
			}
			return alpha
		},
		alpha: alpha, beta: beta, vector: &vectors.hardSigmoid,
	}
}

// line is alpha·x + beta, rounded once as in the assembly: where a piece ends must
// not depend on whether the compiler fuses.
func line(alpha, x, beta float64) float64 { return math.FMA(alpha, x, beta) }
