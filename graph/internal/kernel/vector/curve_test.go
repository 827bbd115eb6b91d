package vector

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// curveCase is a curve of two parameters, which it may ignore.
type curveCase struct {
	name  string
	curve func(alpha, beta float64) Curve
	// broken says that the curve has pieces whose joints rounding may shift, and
	// values near 0 that are sums: the bounds that HardSigmoid states.
	broken bool
}

var curveCases = []curveCase{
	{"Tanh", func(_, _ float64) Curve { return Tanh }, false},
	{"Sigmoid", func(_, _ float64) Curve { return Sigmoid }, false},
	{"SiLU", func(_, _ float64) Curve { return SiLU }, false},
	{"GELU", func(_, _ float64) Curve { return GELU }, false},
	{"ELU", func(alpha, _ float64) Curve { return ELU(alpha) }, false},
	{"LeakyReLU", func(alpha, _ float64) Curve { return LeakyReLU(alpha) }, false},
	{"ReLU6", func(_, _ float64) Curve { return ReLU6 }, false},
	{"HardSwish", func(_, _ float64) Curve { return HardSwish }, false},
	{"HardSigmoid", HardSigmoid, true},
	{"Exp", func(_, _ float64) Curve { return Exp }, false},
	{"Erf", func(_, _ float64) Curve { return Erf }, false},
	{"Sqrt", func(_, _ float64) Curve { return Sqrt }, false},
	{"Reciprocal", func(_, _ float64) Curve { return Reciprocal }, false},
	{"Pow 2", func(_, _ float64) Curve { return Pow(2) }, false},
	{"Pow 3", func(_, _ float64) Curve { return Pow(3) }, false},
	{"Pow -1", func(_, _ float64) Curve { return Pow(-1) }, false},
	{"Pow 0.5", func(_, _ float64) Curve { return Pow(0.5) }, false},
	{"Pow -4", func(_, _ float64) Curve { return Pow(-4) }, false},
	{"Pow", func(alpha, beta float64) Curve { return Pow(math.Exp(4*alpha-4) * beta) }, false},
	{"Pow of integers", func(alpha, beta float64) Curve { return Pow(math.Round(math.Exp(6*alpha-6) * beta)) }, false},
}

// FuzzCurves holds the assembly of every activation within the bounds that
// Curve states, for ordinary numbers, special ones and arbitrary bits, an element's
// result independent of its place, and the bits of all vectors' widths equal.
func FuzzCurves(f *testing.F) {
	for n := range uint16(40) {
		f.Add(uint64(n), n)
	}
	f.Add(uint64(7), uint16(10_000))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		r := rand.New(rand.NewPCG(seed, 2))
		alpha, beta := 2*r.Float64(), r.NormFloat64()
		x, dy, out := curveValues(r, int(n)), kerneltest.Normal[float32](r, int(n)), kerneltest.Values(r, int(n))
		for _, c := range curveCases {
			curve := c.curve(alpha, beta)
			var narrow []uint32
			for to := cpu.TierAVX2; to <= cpu.Best(); to++ {
				got := kerneltest.OnFenced(t, to, func(v [][]float32) { curve.both(v[0], v[1], v[2]) }, out, dy, x)
				for i := range x {
					checkCurve(t, to.String()+" "+c.name, curve, c.broken, x[i], dy[i], got[0][i], got[1][i])
				}
				bits := kerneltest.Float32Bits(got[:2]...)
				if narrow == nil {
					narrow = bits
				}
				if !slices.Equal(bits, narrow) {
					t.Fatalf("%v %s: other bits than %v", to, c.name, cpu.TierAVX2)
				}
				if n > 3 {
					later := kerneltest.OnFenced(t, to, func(v [][]float32) { curve.both(v[0], v[1], v[2]) }, out[3:], dy[3:], x[3:])
					if !slices.Equal(kerneltest.Float32Bits(later[:2]...), kerneltest.Float32Bits(got[0][3:], got[1][3:])) {
						t.Fatalf("%v %s: other bits three places further", to, c.name)
					}
				}
			}
		}
	})
}

// curveValues are n numbers: ordinary ones of several sizes, special ones and
// arbitrary bits.
func curveValues(r *rand.Rand, n int) []float32 {
	x := kerneltest.Values(r, n)
	for i := range x {
		switch r.IntN(4) {
		case 0:
			x[i] = math.Float32frombits(r.Uint32())
		case 1:
			x[i] *= 10
		}
	}
	return x
}

// both sets y to the curve of x and multiplies dy by its derivative.
func (c Curve) both(y, dy, x []float32) {
	Activate(c, y, x)
	ActivateGrad(c, dy, dy, x)
}

func checkCurve(t *testing.T, name string, c Curve, broken bool, x, dy, y, dx float32) {
	t.Helper()
	const bound, tiny = 5e-7, 1e-35
	f, size := c.F(float64(x)), math.Abs(c.F(float64(x)))
	places := []float64{float64(x)}
	if broken {
		size = 1 + math.Abs(c.beta)
		places = append(places, float64(x)-bound*size/c.alpha, float64(x)+bound*size/c.alpha)
	}
	if !within(y, f, bound*size+tiny) {
		t.Fatalf("%s of %v is %v, want %v", name, x, y, f)
	}
	d := float64(dy)
	if !slices.ContainsFunc(places, func(x float64) bool {
		df := float64(float32(c.DF(x)))
		return within(dx, d*df, math.Abs(d)*(bound*(1+math.Abs(df))+tiny))
	}) {
		t.Fatalf("%s: gradient at %v is %v, want %v", name, x, dx, d*c.DF(float64(x)))
	}
}

// A curve may replace its operand, and a gradient either of its two: the bits are
// those of results in memory of their own.
func TestCurvesInPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	kerneltest.EachTier(t, func(t *testing.T) {
		for _, c := range curveCases {
			curve := c.curve(0.3, 0.4)
			for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 31, 32, 67} {
				x, dy := curveValues(r, n), kerneltest.Normal[float32](r, n)
				y, dx := make([]float32, n), make([]float32, n)
				Activate(curve, y, x)
				ActivateGrad(curve, dx, dy, x)
				inX, overX, overDy := slices.Clone(x), slices.Clone(x), slices.Clone(dy)
				Activate(curve, inX, inX)
				ActivateGrad(curve, overX, dy, overX)
				ActivateGrad(curve, overDy, overDy, x)
				for name, pair := range map[string][2][]float32{"y over x": {inX, y}, "dx over x": {overX, dx}, "dx over dy": {overDy, dx}} {
					if !slices.Equal(kerneltest.Float32Bits(pair[0]), kerneltest.Float32Bits(pair[1])) {
						t.Errorf("%s of %d elements: %s is %v, want %v", c.name, n, name, pair[0], pair[1])
					}
				}
			}
		}
	})
}

// within reports whether got is want rounded to float32, up to a bound.
func within(got float32, want, bound float64) bool {
	rounded := float32(want)
	if rounded != rounded {
		return got != got
	}
	return got == rounded || math.Abs(float64(got)-want) <= bound
}

// Tiny numbers keep their relative accuracy and their sign, subnormal ones and
// zero too.
func TestTanhOfTinyNumbers(t *testing.T) {
	x := []float32{1e-3, 1e-10, 1e-30, 1.2e-38, 1e-40, 1e-45, 0, float32(math.Copysign(0, -1)), -1e-45, -1e-20}
	for to := cpu.TierGo; to <= cpu.Best(); to++ {
		undo := cpu.Use(to)
		y := make([]float32, len(x))
		Tanh.both(y, make([]float32, len(x)), x)
		undo()
		for i, v := range x {
			if want := math.Tanh(float64(v)); math.Abs(float64(y[i])-want) > 2e-7*math.Abs(want) || math.Signbit(float64(y[i])) != math.Signbit(want) {
				t.Errorf("%v: tanh of %v is %v, want %v", to, v, y[i], want)
			}
		}
	}
}

// BenchmarkCurves times the curves of a tier on numbers that stay in the cache.
func BenchmarkCurves(b *testing.B) {
	x, dy, y := kerneltest.Randoms[float32](4096), kerneltest.Randoms[float32](4096), make([]float32, 4096)
	for _, c := range curveCases {
		curve := c.curve(0.7, 0.4)
		for to := cpu.TierAVX2; to <= cpu.Best(); to++ {
			for name, f := range map[string]func(){
				"forward":  func() { Activate(curve, y, x) },
				"backward": func() { ActivateGrad(curve, y, dy, x) },
			} {
				b.Run(c.name+"/"+name+"/"+to.String(), func(b *testing.B) {
					defer cpu.Use(to)()
					b.SetBytes(4 * int64(len(x)))
					for b.Loop() {
						f()
					}
				})
			}
		}
	}
}
