package graph

import (
	"math"
	"math/rand/v2"
	"reflect"
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

// draw fills float32 values, rounded from what init gives. An init of this package
// draws them piece by piece: else a large parameter, while it is made, would take three
// times its memory.
func (init Init) draw(r *rand.Rand, values []float32, shape []int) {
	step := len(values)
	if byValue[address(init)] {
		step = min(step, drawnPiece)
	}
	drawn := make([]float64, step)
	for len(values) > 0 {
		drawn = drawn[:min(step, len(values))]
		init(r, drawn, shape)
		for i, v := range drawn {
			values[i] = float32(v)
		}
		values = values[len(drawn):]
	}
}

// drawnPiece is the number of values that are drawn at a time.
const drawnPiece = 1 << 14

// byValue are the inits that draw one value after the other, by the shape and what r
// gives next alone. So they may fill a parameter piece by piece, with the same values. A
// user's init gets all of them at once: it may look at where a value is.
var byValue = map[uintptr]bool{
	address(GlorotUniform): true, address(GlorotNormal): true, address(HeUniform): true, address(HeNormal): true,
	address(Zeros): true, address(Ones): true,
}

// address is where a function's code begins. Closures of one function share it; the
// inits of this package are none.
func address(init Init) uintptr { return reflect.ValueOf(init).Pointer() }
