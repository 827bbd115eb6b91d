package vector

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

var curveCases = []struct {
	name  string
	curve func(alpha float64) Curve
}{
	{"Tanh", func(float64) Curve { return Tanh }},
	{"Sigmoid", func(float64) Curve { return Sigmoid }},
	{"SiLU", func(float64) Curve { return SiLU }},
	{"GELU", func(float64) Curve { return GELU }},
	{"ELU", ELU},
	{"LeakyReLU", LeakyReLU},
}

// FuzzCurves holds the assembly of every activation within the bounds that
// Curve states, for ordinary numbers, special ones and arbitrary bits, and an
// element's result independent of its place.
func FuzzCurves(f *testing.F) {
	for n := range uint16(40) {
		f.Add(uint64(n), n)
	}
	f.Add(uint64(7), uint16(10_000))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		r := rand.New(rand.NewPCG(seed, 2))
		alpha := 2 * r.Float64()
		x, dy, out := kerneltest.Values(r, int(n)), kerneltest.Normal[float32](r, int(n)), kerneltest.Values(r, int(n))
		for i := range x {
			switch r.IntN(4) {
			case 0:
				x[i] = math.Float32frombits(r.Uint32())
			case 1:
				x[i] *= 10
			}
		}
		for _, c := range curveCases {
			curve := c.curve(alpha)
			for to := cpu.TierAVX2; to <= cpu.Best(); to++ {
				got := kerneltest.OnFenced(t, to, func(v [][]float32) { curve.both(v[0], v[1], v[2]) }, out, dy, x)
				for i := range x {
					checkCurve(t, to.String()+" "+c.name, curve, x[i], dy[i], got[0][i], got[1][i])
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

// both sets y to the curve of x and multiplies dy by its derivative.
func (c Curve) both(y, dy, x []float32) {
	Activate(c, y, x)
	ActivateGrad(c, dy, dy, x)
}

func checkCurve(t *testing.T, name string, c Curve, x, dy, y, dx float32) {
	t.Helper()
	const bound, tiny = 5e-7, 1e-35
	f, df, d := c.F(float64(x)), c.DF(float64(x)), float64(dy)
	if !within(y, f, bound*math.Abs(f)+tiny) {
		t.Fatalf("%s of %v is %v, want %v", name, x, y, f)
	}
	if !within(dx, d*df, math.Abs(d)*(bound*(1+math.Abs(df))+tiny)) {
		t.Fatalf("%s: gradient at %v is %v, want %v", name, x, dx, d*df)
	}
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
