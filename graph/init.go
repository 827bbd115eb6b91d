package graph

import (
	"math"
	"math/rand/v2"
)

// Init fills the values of a new parameter, given its shape and a stream of
// random numbers of its own. Any function with this signature will do.
//
// The inits of this package know two kinds of parameter: (in,out) of Dense and
// (filters,channels,height,width) of Conv2D. Their fan-in is the number of
// inputs that an output sees, the fan-out the reverse.
type Init func(r *rand.Rand, values []float64, shape []int)

// GlorotUniform draws from ±√(6/(fan-in+fan-out)) (Glorot and Bengio 2010). It
// is the default of Dense and Conv2D, as in Keras.
func GlorotUniform(r *rand.Rand, values []float64, shape []int) {
	in, out := fans(shape)
	uniform(r, values, math.Sqrt(6/(in+out)))
}

// GlorotNormal draws from a normal distribution with variance
// 2/(fan-in+fan-out) (Glorot and Bengio 2010).
func GlorotNormal(r *rand.Rand, values []float64, shape []int) {
	in, out := fans(shape)
	normal(r, values, math.Sqrt(2/(in+out)))
}

// HeUniform draws from ±√(6/fan-in) (He et al. 2015, "Delving Deep into
// Rectifiers").
func HeUniform(r *rand.Rand, values []float64, shape []int) {
	in, _ := fans(shape)
	uniform(r, values, math.Sqrt(6/in))
}

// HeNormal draws from a normal distribution with variance 2/fan-in (He et al.
// 2015, "Delving Deep into Rectifiers").
func HeNormal(r *rand.Rand, values []float64, shape []int) {
	in, _ := fans(shape)
	normal(r, values, math.Sqrt(2/in))
}

// Zeros sets every value to 0.
func Zeros(_ *rand.Rand, values []float64, _ []int) { clear(values) }

// Ones sets every value to 1.
func Ones(_ *rand.Rand, values []float64, _ []int) {
	for i := range values {
		values[i] = 1
	}
}

func uniform(r *rand.Rand, values []float64, limit float64) {
	for i := range values {
		values[i] = limit * (2*r.Float64() - 1)
	}
}

func normal(r *rand.Rand, values []float64, deviation float64) {
	for i := range values {
		values[i] = deviation * r.NormFloat64()
	}
}

func fans(shape []int) (in, out float64) {
	switch len(shape) {
	case 0:
		return 1, 1
	case 1:
		return float64(shape[0]), float64(shape[0])
	case 2:
		return float64(shape[0]), float64(shape[1])
	}
	field := 1
	for _, d := range shape[2:] {
		field *= d
	}
	return float64(shape[1] * field), float64(shape[0] * field)
}

// or returns init, or the default if it is nil.
func (init Init) or(def Init) Init {
	if init == nil {
		return def
	}
	return init
}
