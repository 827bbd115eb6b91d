package op

import (
	"math"

	"tapenet/graph/internal/kernel/vector"
)

// The functions below are for [Map]. Each is an operator of ONNX. In float32 all but
// DivideFunction run over whole vectors, many times as fast as a Function of your own,
// and agree with F within 5e-7 of its value.

// ExpFunction is eˣ.
func ExpFunction() Function { return ofCurve("Exp", vector.Exp) }

// ErfFunction is the error function, 2/√π·∫₀ˣ exp(-t²) dt.
func ErfFunction() Function { return ofCurve("Erf", vector.Erf) }

// SqrtFunction is √x, NaN below zero.
func SqrtFunction() Function { return ofCurve("Sqrt", vector.Sqrt) }

// ReciprocalFunction is 1/x.
func ReciprocalFunction() Function { return ofCurve("Reciprocal", vector.Reciprocal) }

// PowFunction is x to the power p, with the special cases of [math.Pow]: NaN where
// x is below zero and p is not an integer.
func PowFunction(p float64) Function { return ofCurve("Pow", vector.Pow(p), p) }

// LimitFunction is min(max(x,low),high). Either bound may be infinite. The
// derivative is 1 between the bounds and 0 at them and beyond.
func LimitFunction(low, high float64) Function {
	bounds := []float64{low, high}
	for i, v := range bounds {
		if math.IsInf(v, 0) {
			bounds[i] = math.NaN() // no bound
		}
	}
	return ofCurve("Clip", vector.Between(low, high), bounds...)
}

// DivideFunction is x/by, rounded once: where float32 holds by, programs that divide in
// float32 have the same bits.
func DivideFunction(by float64) Function {
	return Function{
		Name: "Div",
		F:    func(x float64) float64 { return x / by },
		DF:   func(float64) float64 { return 1 / by },

		Operator: &Operator{Kind: "Div", Constants: []float64{by}},
	}
}

// ofCurve is a Function with a curve's loops, which is an operator of ONNX.
func ofCurve(kind string, c vector.Curve, constants ...float64) Function {
	return Function{Name: kind, F: c.F, DF: c.DF, Operator: &Operator{Kind: kind, Constants: constants}, curve: &c}
}
