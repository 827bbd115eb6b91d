package op_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// gemmCall is a call of Sgemm; the pads are what the strides exceed the width by.
type gemmCall struct {
	tA, tB           blas.Transpose
	m, n, k          int
	alpha, beta      float32
	padA, padB, padC int
}

// stored returns a matrix, or the one that it is the transpose of, of numbers
// from -1 to 1, and its stride. The last row has no padding.
func stored(r *rand.Rand, t blas.Transpose, rows, cols, pad int) (x []float32, ld int) {
	if t != blas.NoTrans {
		rows, cols = cols, rows
	}
	ld = max(1, cols) + pad
	x = make([]float32, max(0, (rows-1)*ld+cols))
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x, ld
}

// check compares with gonum's product in float64. An old NaN in C must not
// matter if beta is zero, and what lies between the rows of C must stay.
func (g gemmCall) check(t *testing.T) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(g.m), uint64(g.n+1000*g.k)))
	a, lda := stored(r, g.tA, g.m, g.k, g.padA)
	b, ldb := stored(r, g.tB, g.k, g.n, g.padB)
	c, ldc := stored(r, blas.NoTrans, g.m, g.n, g.padC)
	for i := range c {
		if g.beta == 0 && i%ldc < g.n {
			c[i] = float32(math.NaN())
		}
	}
	want := doubles(c)
	gonum.Implementation{}.Dgemm(g.tA, g.tB, g.m, g.n, g.k, float64(g.alpha), doubles(a), lda, doubles(b), ldb, float64(g.beta), want, ldc)
	gorgonia.WhichBLAS().Sgemm(g.tA, g.tB, g.m, g.n, g.k, g.alpha, a, lda, b, ldb, g.beta, c, ldc)
	// k+3 roundings, each of at most |alpha|·k + |beta| ≤ 2(k+1).
	bound := float64(g.k+3) * 2 * float64(g.k+1) * 0x1p-24
	for i, got := range doubles(c) {
		if i%ldc >= g.n && got != want[i] || !(math.Abs(got-want[i]) <= bound) {
			t.Fatalf("C[%d,%d] is %v, want %v ± %v", i/ldc, i%ldc, got, want[i], bound)
		}
	}
}

func doubles(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestSgemm(t *testing.T) {
	sizes := [][3]int{{1, 1, 1}, {3, 5, 7}, {13, 33, 300}, {90, 70, 110}, {1, 40, 9}, {40, 1, 9}, {0, 3, 2}, {3, 0, 2}, {3, 2, 0}}
	factors := []float32{0, 1, -0.5, 2}
	for _, s := range sizes {
		for _, tA := range []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans} {
			for _, tB := range []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans} {
				t.Run(fmt.Sprintf("%v %c%c", s, tA, tB), func(t *testing.T) {
					for i := range len(factors) * len(factors) {
						g := gemmCall{tA: tA, tB: tB, m: s[0], n: s[1], k: s[2], alpha: factors[i%4], beta: factors[i/4]}
						g.check(t)
						g.padA, g.padB, g.padC = 3, 1, 5
						g.check(t)
					}
				})
			}
		}
	}
}

// TestSgemmPanics: bad arguments are refused in gonum's words.
func TestSgemmPanics(t *testing.T) {
	const N, T = blas.NoTrans, blas.Trans
	tests := []struct {
		name             string
		tA, tB           blas.Transpose
		m, n, k          int
		lda, ldb, ldc    int
		lenA, lenB, lenC int
	}{
		{"transposition of A", 'x', N, 2, 3, 4, 4, 3, 3, 8, 12, 6},
		{"transposition of B", N, 'x', 2, 3, 4, 4, 3, 3, 8, 12, 6},
		{"negative m", N, N, -2, 3, 4, 4, 3, 3, 8, 12, 6},
		{"negative n", N, N, 2, -3, 4, 4, 3, 3, 8, 12, 6},
		{"negative k", N, N, 2, 3, -4, 4, 3, 3, 8, 12, 6},
		{"narrow A", N, N, 2, 3, 4, 3, 3, 3, 8, 12, 6},
		{"narrow A, transposed", T, N, 2, 3, 4, 1, 3, 3, 8, 12, 6},
		{"narrow B", N, N, 2, 3, 4, 4, 2, 3, 8, 12, 6},
		{"narrow B, transposed", N, T, 2, 3, 4, 4, 3, 3, 8, 12, 6},
		{"narrow C", N, N, 2, 3, 4, 4, 3, 2, 8, 12, 6},
		{"short A", N, N, 2, 3, 4, 4, 3, 3, 7, 12, 6},
		{"short B", N, N, 2, 3, 4, 4, 3, 3, 8, 11, 6},
		{"short C", N, N, 2, 3, 4, 4, 3, 3, 8, 12, 5},
		{"stride of no rows", N, N, 0, 3, 4, 3, 3, 3, 8, 12, 6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			message := func(b blas.Float32) (e any) {
				defer func() { e = recover() }()
				b.Sgemm(test.tA, test.tB, test.m, test.n, test.k, 1, make([]float32, test.lenA), test.lda,
					make([]float32, test.lenB), test.ldb, 0, make([]float32, test.lenC), test.ldc)
				return nil
			}
			got, want := message(gorgonia.WhichBLAS()), message(gonum.Implementation{})
			if want == nil || got != want {
				t.Errorf("panics with %v, want %v", got, want)
			}
		})
	}
}

// TestGorgoniaMul: Gorgonia's own product and its gradients have the bits of
// Mul, and not those of gonum.
func TestGorgoniaMul(t *testing.T) {
	o := in(tensor.Float32, graphtest.Op{In: random(tensor.Shape{300, 300}, tensor.Shape{300, 300})})
	run := func(f graphtest.Func) [][]float32 {
		t.Helper()
		o.F = f
		y, grads, err := o.Gradients(nil)
		if err != nil {
			t.Fatal(err)
		}
		return [][]float32{y.Float32s(), grads[0].Float32s(), grads[1].Float32s()}
	}
	gorgonias := func(in ...node) (node, error) { return gorgonia.Mul(in[0], in[1]) }
	want, got := run(mul), run(gorgonias)
	defer gorgonia.Use(gorgonia.WhichBLAS())
	gorgonia.Use(gonum.Implementation{})
	gonums := run(gorgonias)
	for i, name := range []string{"product", "gradient of x", "gradient of w"} {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("%s: gorgonia.Mul gives other bits than op.Mul", name)
		}
		if slices.Equal(gonums[i], want[i]) {
			t.Errorf("%s: gonum gives the same bits: the test shows nothing", name)
		}
	}
}

// BenchmarkMul runs a graph of one product, 512×512×512.
func BenchmarkMul(b *testing.B) {
	const n = 512
	run := func(name string, library gorgonia.BLAS, f graphtest.Func) {
		b.Run(name, func(b *testing.B) {
			defer gorgonia.Use(gorgonia.WhichBLAS())
			gorgonia.Use(library)
			g := gorgonia.NewGraph()
			x := bind(g, "x", to(tensor.Float32, graphtest.Random("x", 1, n, n)))
			w := bind(g, "w", to(tensor.Float32, graphtest.Random("w", 1, n, n)))
			if _, err := f(x, w); err != nil {
				b.Fatal(err)
			}
			vm := gorgonia.NewTapeMachine(g)
			defer vm.Close()
			for b.Loop() {
				if err := vm.RunAll(); err != nil {
					b.Fatal(err)
				}
				vm.Reset()
			}
			b.ReportMetric(2*n*n*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
	gorgonias := func(in ...node) (node, error) { return gorgonia.Mul(in[0], in[1]) }
	run("gorgonia.Mul/gonum", gonum.Implementation{}, gorgonias)
	run("gorgonia.Mul", gorgonia.WhichBLAS(), gorgonias)
	run("op.Mul", gorgonia.WhichBLAS(), func(in ...node) (node, error) { return op.Mul(in[0], in[1], nil) })
}
