package vector

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
)

// This file holds the curves that consist of straight pieces and a parabola:
//
//	Between(0,6)     ____ 6      HardSigmoid   ____ 1      HardSwish       /
//	                /                         /                           /
//	          _____/                    _____/              _______   ___/
//	               0                                             -3`-´0
//
// At a joint there are two derivatives, one from each side. The code takes the one
// of the outer side, where the curve is constant (0) or the line y = x (1).

// ReLU6 is min(max(x,0),6), the activation of MobileNet (Howard et al. 2017).
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
// tiers give the same bits: zeros keep their sign, as a comparison of 0 and -0 finds
// them equal and replaces neither. low is at most high.
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

// HardSwish is x·min(max(x+3,0),6)/6 (Howard et al. 2019): SiLU with a sigmoid of
// straight pieces. It is 0 up to -3, the parabola x·(x+3)/6 from there to 3, and x
// beyond. At minus infinity it is 0 too, where the formula would be ∞·0 (scaled).
// Its derivative is 0, x/3 + ½ and 1 on the three pieces.
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

// HardSigmoid is min(max(alpha·x+beta,0),1), a sigmoid of straight pieces. ONNX's
// default is alpha = 0.2 and beta = 0.5, PyTorch has alpha = 1/6. Its derivative is
// alpha between the joints and 0 elsewhere.
//
// alpha·x and beta may cancel. So the assembly's bound is absolute, 5e-7·(1+|beta|),
// both for a value and for the x at which two pieces meet.
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

// line is alpha·x + beta, rounded once as in the assembly. A plain expression would
// be fused on some processors and not on others, and the place where a piece ends,
// which decides between the derivatives alpha and 0, would depend on that.
func line(alpha, x, beta float64) float64 { return math.FMA(alpha, x, beta) }
