package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// gemmCase is a call of Gemm. The pads widen the strides beyond the width.
type gemmCase struct {
	transA, transB   bool
	accumulate       bool
	m, n, k          int
	padA, padB, padC int
}

func (g gemmCase) String() string {
	return fmt.Sprintf("%dx%dx%d,transA=%v,transB=%v,accumulate=%v,pads=%d,%d,%d",
		g.m, g.n, g.k, g.transA, g.transB, g.accumulate, g.padA, g.padB, g.padC)
}

// gemmFunc is the signature of Gemm and GemmParallel.
type gemmFunc[T cpu.Float] func(transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, accumulate bool, c []T, ldc int)

// guard is how many NaN lie on either side of a guarded matrix.
const guard = 100

// guarded is a stored matrix of exactly the length it needs, inside a larger buffer of NaN.
type guarded[T cpu.Float] struct {
	buffer, data   []T
	rows, cols, ld int
}

func newGuarded[T cpu.Float](r *rand.Rand, trans bool, rows, cols, pad int) guarded[T] {
	if trans {
		rows, cols = cols, rows
	}
	m := guarded[T]{rows: rows, cols: cols, ld: cols + pad}
	length := 0
	if rows > 0 && cols > 0 {
		length = (rows-1)*m.ld + cols
	}
	m.buffer = slices.Repeat([]T{T(math.NaN())}, length+2*guard)
	m.data = m.buffer[guard : guard+length : guard+length]
	if length > 0 {
		for i := range rows {
			for j := range cols {
				m.data[i*m.ld+j] = T(r.Float64()*2 - 1)
			}
		}
	}
	return m
}

// checkGuards fails the test if anything but the elements of m has been written.
func (m guarded[T]) checkGuards(t *testing.T) {
	t.Helper()
	for i, x := range m.buffer {
		i -= guard
		inside := i >= 0 && i < len(m.data) && i%m.ld < m.cols
		if !inside && x == x {
			t.Fatalf("got %v written at offset %d, outside of the %d×%d matrix with row stride %d", x, i, m.rows, m.cols, m.ld)
		}
	}
}

// rowsOf returns the rows of op(m) in float64, or with trans the columns.
func (m guarded[T]) rowsOf(trans bool) [][]float64 {
	rows, cols, row, col := m.rows, m.cols, m.ld, 1
	if trans {
		rows, cols, row, col = cols, rows, col, row
	}
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
		for j := range x[i] {
			x[i][j] = float64(m.data[i*row+j*col])
		}
	}
	return x
}

// checkGemm compares one call each of Gemm and GemmParallel with a triple loop in float64.
func checkGemm[T cpu.Float](t *testing.T, g gemmCase) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(g.m), uint64(g.n+1000*g.k)))
	a, b := newGuarded[T](r, g.transA, g.m, g.k, g.padA), newGuarded[T](r, g.transB, g.k, g.n, g.padB)
	c := newGuarded[T](r, false, g.m, g.n, g.padC)
	want, bound := wantGemm(g, a, b, c)
	old := slices.Clone(c.data)
	for name, gemm := range map[string]gemmFunc[T]{"Gemm": Gemm[T], "GemmParallel": GemmParallel[T]} {
		copy(c.data, old)
		if !g.accumulate {
			copy(c.data, slices.Repeat(c.buffer[:1], len(c.data))) // NaN
		}
		gemm(g.transA, g.transB, g.m, g.n, g.k, a.data, a.ld, b.data, b.ld, g.accumulate, c.data, c.ld)
		a.checkGuards(t)
		b.checkGuards(t)
		c.checkGuards(t)
		for i, got := range c.rowsOf(false) {
			for j, x := range got {
				if !(math.Abs(x-want[i][j]) <= bound[i][j]) {
					t.Fatalf("%s: C[%d,%d]: got %v, want %v ± %v", name, i, j, x, want[i][j], bound[i][j])
				}
			}
		}
	}
}

// wantGemm returns the product and how far off each element may be: (k+2)·epsilon·(|c|+Σ|a||b|).
func wantGemm[T cpu.Float](g gemmCase, a, b, c guarded[T]) (want, bound [][]float64) {
	rows, cols := a.rowsOf(g.transA), b.rowsOf(!g.transB)
	want, bound = c.rowsOf(false), c.rowsOf(false)
	for i := range want {
		for j, sum := range want[i] {
			if !g.accumulate {
				sum = 0
			}
			scale := math.Abs(sum)
			for p, x := range rows[i] {
				x *= cols[j][p]
				sum += x
				scale += math.Abs(x)
			}
			want[i][j], bound[i][j] = sum, float64(g.k+2)*kerneltest.Epsilon[T]()*scale
		}
	}
	return want, bound
}

// sizes are the m, n, k of the table tests: every remainder of every tile, and what lies around the borders of blocks.
func sizes() [][3]int {
	s := [][3]int{{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {128, 10, 128}, {1, 1, 1000}}
	for i := 1; i <= 34; i++ {
		s = append(s, [3]int{i, i + 3, i}, [3]int{i, 67 - i, 1 + i%5})
	}
	for d := -1; d <= 1; d++ {
		s = append(s, [3]int{5, 7, blockK + d}, [3]int{blockM + d, 33, 5}, [3]int{5, blockN + d, 7}, [3]int{13, 40, 2*blockK + d})
	}
	return append(s, [3]int{blockM + 5, 33, blockK + 3}, [3]int{9, blockN + 35, blockK + 3})
}

func TestGemm(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testGemm[float32])
		t.Run("float64", testGemm[float64])
	})
}

func testGemm[T cpu.Float](t *testing.T) {
	for _, s := range sizes() {
		for variant := range 8 {
			g := gemmCase{m: s[0], n: s[1], k: s[2], transA: variant&1 > 0, transB: variant&2 > 0, accumulate: variant&4 > 0}
			g.padA, g.padB, g.padC = variant, 3*variant%7, 5*variant%11
			t.Run(g.String(), func(t *testing.T) {
				checkGemm[T](t, g)
			})
		}
	}
}

func FuzzGemm(f *testing.F) {
	f.Add(uint8(12), uint8(32), uint16(3), uint8(0), uint8(0))
	f.Add(uint8(13), uint8(33), uint16(257), uint8(7), uint8(200))
	f.Add(uint8(1), uint8(1), uint16(0), uint8(4), uint8(1))
	f.Add(uint8(255), uint8(255), uint16(70), uint8(3), uint8(77))
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, variant, pads uint8) {
		g := gemmCase{
			m: int(m), n: int(n), k: int(k % 600), transA: variant&1 > 0, transB: variant&2 > 0, accumulate: variant&4 > 0,
			padA: int(pads % 5), padB: int(pads / 5 % 7), padC: int(pads / 35),
		}
		kerneltest.EachTier(t, func(t *testing.T) {
			checkGemm[float32](t, g)
			checkGemm[float64](t, g)
		})
	})
}

// TestGemmBits holds the promise that an element's bits do not depend on how C is split, nor on strides and transposition.
func TestGemmBits(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testGemmBits[float32])
		t.Run("float64", testGemmBits[float64])
	})
}

func testGemmBits[T cpu.Float](t *testing.T) {
	const m, n, k = 61, 83, blockK + 45
	a, b := kerneltest.Randoms[T](m*k), kerneltest.Randoms[T](k*n)
	want := kerneltest.Randoms[T](m * n)
	old := slices.Clone(want)
	Gemm(false, false, m, n, k, a, k, b, n, true, want, n)

	check := func(name string, compute func(c []T)) {
		t.Helper()
		got := slices.Clone(old)
		compute(got)
		if i := firstDifference(got, want); i >= 0 {
			t.Errorf("%s: C[%d,%d]: got %v, want %v", name, i/n, i%n, got[i], want[i])
		}
	}
	for _, step := range []int{1, 2, 3, 5, 7, 12, 13, 31, 32, 33, 60} {
		check(fmt.Sprintf("%d rows at a time", step), func(c []T) {
			for i := 0; i < m; i += step {
				Gemm(false, false, min(step, m-i), n, k, a[i*k:], k, b, n, true, c[i*n:], n)
			}
		})
		check(fmt.Sprintf("%d columns at a time", step), func(c []T) {
			for j := 0; j < n; j += step {
				Gemm(false, false, m, min(step, n-j), k, a, k, b[j:], n, true, c[j:], n)
			}
		})
	}
	aT, bT := transpose(a, m, k), transpose(b, k, n)
	check("transposed A", func(c []T) { Gemm(true, false, m, n, k, aT, m, b, n, true, c, n) })
	check("transposed B", func(c []T) { Gemm(false, true, m, n, k, a, k, bT, k, true, c, n) })
	check("parallel", func(c []T) { GemmParallel(true, true, m, n, k, aT, m, bT, k, true, c, n) })
}

// TestGemmTiersAgree holds the assembly tiers equal, bit for bit: they round alike.
func TestGemmTiersAgree(t *testing.T) {
	if cpu.Best() < cpu.TierAVX512 {
		t.Skip("needs AVX-512")
	}
	const m, n, k = 50, 70, 2*blockK + 9
	a, b := kerneltest.Randoms[float32](m*k), kerneltest.Randoms[float32](k*n)
	c := map[cpu.Tier][]float32{}
	for _, tier := range []cpu.Tier{cpu.TierAVX2, cpu.TierAVX512} {
		undo := cpu.Use(tier)
		c[tier] = make([]float32, m*n)
		Gemm(false, false, m, n, k, a, k, b, n, false, c[tier], n)
		undo()
	}
	if i := firstDifference(c[cpu.TierAVX512], c[cpu.TierAVX2]); i >= 0 {
		t.Errorf("C[%d,%d]: got %v with AVX-512, %v with AVX2", i/n, i%n, c[cpu.TierAVX512][i], c[cpu.TierAVX2][i])
	}
}

// firstDifference returns the first index at which two slices of equal length differ, or -1.
func firstDifference[T cpu.Float](x, y []T) int {
	for i := range x {
		if x[i] != y[i] {
			return i
		}
	}
	return -1
}

func transpose[T cpu.Float](a []T, rows, cols int) []T {
	b := make([]T, len(a))
	for i := range rows {
		for j := range cols {
			b[j*rows+i] = a[i*cols+j]
		}
	}
	return b
}

func TestGemmRejectsWrongBounds(t *testing.T) {
	const m, n, k = 3, 4, 5
	for _, test := range []struct {
		name                            string
		lenA, lda, lenB, ldb, lenC, ldc int
	}{
		{"short A", m*k - 1, k, k * n, n, m * n, n},
		{"short B", m * k, k, k*n - 1, n, m * n, n},
		{"short C", m * k, k, k * n, n, m*n - 1, n},
		{"narrow A", m * k, k - 1, k * n, n, m * n, n},
		{"narrow B", m * k, k, k * n, n - 1, m * n, n},
		{"narrow C", m * k, k, k * n, n, m * n, n - 1},
		{"negative stride", m * k, -k, k * n, n, m * n, n},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic")
				}
			}()
			a, b, c := make([]float32, test.lenA), make([]float32, test.lenB), make([]float32, test.lenC)
			Gemm(false, false, m, n, k, a, test.lda, b, test.ldb, false, c, test.ldc)
		})
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testGemmAllocs[float32])
		t.Run("float64", testGemmAllocs[float64])
	})
}

func testGemmAllocs[T cpu.Float](t *testing.T) {
	const m, n, k = 65, 130, 70
	a, b, c := kerneltest.Randoms[T](m*k), kerneltest.Randoms[T](k*n), make([]T, m*n)
	for name, gemm := range map[string]gemmFunc[T]{"Gemm": Gemm[T], "GemmParallel": GemmParallel[T]} {
		procs := max(2, runtime.GOMAXPROCS(0))
		allocs := testing.AllocsPerRun(5, func() {
			runtime.GOMAXPROCS(procs) // which AllocsPerRun has set to 1, and sets back
			gemm(false, false, m, n, k, a, k, b, n, false, c, n)
			gemm(true, true, n, m, k, b, n, a, k, false, c, m)
		})
		if allocs != 0 {
			t.Errorf("%s: got %v allocations a run, want 0", name, allocs)
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		name           string
		m, n, k        int
		transA, transB bool
	}{
		{"dense_forward", 128, 128, 5408, false, false},
		{"dense_dW", 5408, 128, 128, true, false},
		{"dense_dX", 128, 5408, 128, false, true},
		{"im2col_first", 86528, 32, 9, false, false},
		{"im2col_64", 784, 64, 576, false, false},
		{"square_512", 512, 512, 512, false, false},
		{"square_1024", 1024, 1024, 1024, false, false},
		{"one_image", 1, 128, 5408, false, false},
		{"logits", 128, 10, 128, false, false},
	} {
		x, y, z := kerneltest.Randoms[float32](s.m*s.k), kerneltest.Randoms[float32](s.k*s.n), make([]float32, s.m*s.n)
		lda, ldb := s.k, s.n
		if s.transA {
			lda = s.m
		}
		if s.transB {
			ldb = s.k
		}
		run := func(name string, t cpu.Tier, gemm gemmFunc[float32]) {
			b.Run(s.name+"/"+name, func(b *testing.B) {
				defer cpu.Use(t)()
				for b.Loop() {
					gemm(s.transA, s.transB, s.m, s.n, s.k, x, lda, y, ldb, false, z, s.n)
				}
				b.ReportMetric(2*float64(s.m)*float64(s.n)*float64(s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
		for t := cpu.TierGo; t <= cpu.Best(); t++ {
			run(t.String(), t, Gemm[float32])
		}
		run("parallel", cpu.Best(), GemmParallel[float32])
	}
}
