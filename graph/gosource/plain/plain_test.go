package plain

import (
	"math"
	"math/rand/v2"
	"testing"
)

func noise(n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = 4*r.Float32() - 2
	}
	return x
}

func near(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= 2e-5) {
			t.Fatalf("value %d is %g, want %g", i, got[i], want[i])
		}
	}
}

// inFours puts (inputs,units) in blocks.
func inFours(w []float32, units int) []four {
	inputs := len(w) / units
	f := make([]four, (units+3)/4*inputs)
	for i, v := range w {
		u := i % units
		f[u/4*inputs+i/units][u%4] = v
	}
	return f
}

// TestDense compares with the formula, for units that fill no block.
func TestDense(t *testing.T) {
	const rows, inputs, units = 3, 5, 6
	x, w, b := noise(rows*inputs), noise(inputs*units), noise(units)
	y, want := make([]float32, rows*units), make([]float32, rows*units)
	dense(y, x, inFours(w, units), inFours(b, units), rows)
	for i := range want {
		want[i] = b[i%units]
		for k := range inputs {
			want[i] += x[i/units*inputs+k] * w[k*units+i%units]
		}
	}
	near(t, y, want)
}

// windows are odd ones.
var windows = []window{
	{h: 5, w: 6, c: 2, oh: 3, ow: 4, kh: 3, kw: 3, strideH: 1, strideW: 1, dilationH: 1, dilationW: 1},
	{h: 5, w: 7, c: 3, oh: 3, ow: 4, kh: 2, kw: 3, strideH: 2, strideW: 2, top: 1, left: 2, dilationH: 1, dilationW: 1},
	{h: 6, w: 6, c: 1, oh: 4, ow: 3, kh: 2, kw: 2, strideH: 1, strideW: 2, left: 1, dilationH: 2, dilationW: 3},
}

// under calls f for the pixels under window (i,j), u and v being the place in it.
func (s window) under(i, j int, f func(at, u, v int)) {
	for u := range s.kh {
		for v := range s.kw {
			h, w := i*s.strideH+u*s.dilationH-s.top, j*s.strideW+v*s.dilationW-s.left
			if h >= 0 && h < s.h && w >= 0 && w < s.w {
				f((h*s.w+w)*s.c, u, v)
			}
		}
	}
}

func TestConv(t *testing.T) {
	const filters = 5
	for _, s := range windows {
		inputs := s.kh * s.kw * s.c
		x, w, b := noise(s.h*s.w*s.c), noise(inputs*filters), noise(filters)
		y, want := noise(s.oh*s.ow*filters), make([]float32, s.oh*s.ow*filters)
		conv(y, x, inFours(w, filters), inFours(b, filters), noise(s.ow*inputs), s)
		for i := range want {
			f, p := i%filters, i/filters
			want[i] = b[f]
			s.under(p/s.ow, p%s.ow, func(at, u, v int) {
				for c := range s.c {
					want[i] += x[at+c] * w[((u*s.kw+v)*s.c+c)*filters+f]
				}
			})
		}
		near(t, y, want)
	}
}

func TestChannelwise(t *testing.T) {
	for _, s := range windows {
		n := s.oh * s.ow * s.c
		x, w, b := noise(s.h*s.w*s.c), noise(s.kh*s.kw*s.c), noise(s.c)
		filtered, largest, mean := make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range n {
			c, p, pixels := i%s.c, i/s.c, float32(0)
			filtered[i], largest[i] = b[c], float32(math.Inf(-1))
			s.under(p/s.ow, p%s.ow, func(at, u, v int) {
				filtered[i] += x[at+c] * w[(u*s.kw+v)*s.c+c]
				largest[i] = max(largest[i], x[at+c])
				mean[i] += x[at+c]
				pixels++
			})
			mean[i] /= pixels
		}
		y := noise(n)
		depthwise(y, x, w, b, s)
		near(t, y, filtered)
		maxPool(y, x, s)
		near(t, y, largest)
		avgPool(y, x, s)
		near(t, y, mean)
	}
}

func TestPointwise(t *testing.T) {
	sigma := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	tests := map[string]struct {
		f    func(x []float32)
		want func(x float64) float64
	}{
		"relu":      {relu, func(x float64) float64 { return max(x, 0) }},
		"relu6":     {relu6, func(x float64) float64 { return min(max(x, 0), 6) }},
		"leakyReLU": {func(x []float32) { leakyReLU(x, 0.1) }, func(x float64) float64 { return max(x, 0.1*x) }},
		"divide":    {func(x []float32) { divide(x, 1.3) }, func(x float64) float64 { return x / float64(float32(1.3)) }},
		"elu":       {func(x []float32) { elu(x, 0.7) }, func(x float64) float64 { return max(x, 0) + 0.7*(math.Exp(min(x, 0))-1) }},
		"sigmoid":   {sigmoid, sigma},
		"tanh":      {tanh, math.Tanh},
		"silu":      {silu, func(x float64) float64 { return x * sigma(x) }},
		"gelu":      {gelu, func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := append(noise(50), -20, 20, 0, 5.5, 6.5)
			want := make([]float32, len(x))
			for i, v := range x {
				want[i] = float32(tt.want(float64(v)))
			}
			tt.f(x)
			near(t, x, want)
		})
	}
}

func TestRows(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	affine(x, []float32{2, -1}, []float32{0, 1})
	near(t, x, []float32{2, -1, 6, -3})
	add(x, []float32{1, 1, 1, 1, 9})
	near(t, x, []float32{3, 0, 7, -2})

	x = []float32{1, 3, 5, 5}
	layerNorm(x, []float32{1, 2}, []float32{0, 10}, 1e-12)
	near(t, x, []float32{-1, 12, 0, 10})

	x = []float32{1000, 1000, 0, float32(math.Log(3))}
	softmax(x, 2)
	near(t, x, []float32{0.5, 0.5, 0.25, 0.75})
}

func TestArrange(t *testing.T) {
	y := make([]float32, 6)
	transpose(y, []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	near(t, y, []float32{1, 4, 2, 5, 3, 6})

	y = make([]float32, 8)
	columns(y, []float32{1, 2, 3, 4}, 2, 1)
	near(t, y, []float32{0, 1, 2, 0, 0, 3, 4, 0})

	y = make([]float32, 16)
	blocks(y, []float32{0, 100, 1, 101, 2, 102, 3, 103, 10, 110, 11, 111, 12, 112, 13, 113}, 2, 4, 2, 2)
	near(t, y, []float32{0, 1, 10, 11, 100, 101, 110, 111, 2, 3, 12, 13, 102, 103, 112, 113})
}
