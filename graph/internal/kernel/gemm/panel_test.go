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

// panelCase is a call of a panelFunc: all its numbers, and its operands of exactly
// the length that it may touch.
type panelCase[T cpu.Float] struct {
	rows, cols                            int
	k, mid, outer                         int
	aRow, aMid, aOuter, cRow, residualRow int
	a, b, shift, residual                 []T // residual is empty for none
	low, high                             T
}

// newPanelCase makes a call at random. Strides of a may be so small that rows
// overlap, as those of a convolution do.
func newPanelCase[T cpu.Float](r *rand.Rand, rows, cols int) panelCase[T] {
	p := panelCase[T]{rows: rows, cols: cols, k: 1 + r.IntN(9), mid: 1 + r.IntN(4), outer: 1 + r.IntN(3)}
	if r.IntN(8) == 0 {
		p.k = 100 + r.IntN(200)
	}
	p.aRow, p.aMid, p.aOuter = r.IntN(3*p.k), r.IntN(2*p.k), r.IntN(4*p.k)
	p.cRow, p.residualRow = cols+r.IntN(9), cols+r.IntN(9)
	depth := p.outer * p.mid * p.k
	p.a = kerneltest.Normal[T](r, (rows-1)*p.aRow+(p.outer-1)*p.aOuter+(p.mid-1)*p.aMid+p.k)
	p.b, p.shift = kerneltest.Normal[T](r, depth*cols), kerneltest.Normal[T](r, cols)
	if r.IntN(2) > 0 {
		p.residual = kerneltest.Normal[T](r, (rows-1)*p.residualRow+cols)
	}
	p.low, p.high = T(math.Inf(-1)), T(math.Inf(1))
	if r.IntN(2) > 0 {
		p.low, p.high = 0, T(r.Float64())
	}
	return p
}

// want is what the loop in the comment of panelFunc computes: in float64, with how
// far off each element may be, and in float32 the sums as fused multiply-adds in the
// order of the loop.
func (p panelCase[T]) want() (exact, bound []float64, chain []T) {
	for i := range p.rows {
		for j := range p.cols {
			sum, scale, fused := 0., 0., T(0)
			for q := range p.outer {
				for m := range p.mid {
					for l := range p.k {
						x, y := p.a[i*p.aRow+q*p.aOuter+m*p.aMid+l], p.b[((q*p.mid+m)*p.k+l)*p.cols+j]
						sum += float64(x) * float64(y)
						scale += math.Abs(float64(x) * float64(y))
						fused = T(fma(float32(x), float32(y), float32(fused)))
					}
				}
			}
			terms := []T{p.shift[j]}
			if len(p.residual) > 0 {
				terms = append(terms, p.residual[i*p.residualRow+j])
			}
			for _, v := range terms {
				sum, scale, fused = sum+float64(v), scale+math.Abs(float64(v)), fused+v
			}
			exact = append(exact, limited(sum, float64(p.low), float64(p.high)))
			bound = append(bound, float64(p.outer*p.mid*p.k+3)*kerneltest.Epsilon[T]()*scale)
			chain = append(chain, limited(fused, p.low, p.high))
		}
	}
	return exact, bound, chain
}

// limited is min(max(v, low), high), and NaN for NaN.
func limited[T cpu.Float](v, low, high T) T {
	if v < low {
		v = low
	}
	if v > high {
		v = high
	}
	return v
}

// run calls f on fenced copies of the operands and returns the rows of c. The test
// fails if f writes between them.
func (p panelCase[T]) run(t *testing.T, f panelFunc[T], atEnd bool) []T {
	t.Helper()
	x := kerneltest.CopyFenced(t, [][]T{p.a, p.b, p.shift, p.residual}, atEnd)
	c := kerneltest.Fenced[T](t, (p.rows-1)*p.cRow+p.cols, atEnd) // all NaN
	var residual *T
	if len(p.residual) > 0 {
		residual = &x[3][0]
	}
	f(p.k, p.mid, p.outer, &x[0][0], p.aRow, p.aMid, p.aOuter, &x[1][0], &c[0], p.cRow, &x[2][0], residual, p.residualRow, p.low, p.high)
	var rows []T
	for i, v := range c {
		if i%p.cRow < p.cols {
			rows = append(rows, v)
		} else if v == v {
			t.Fatalf("got %v written behind the columns of row %d", v, i/p.cRow)
		}
	}
	return rows
}

// TestPanelFuncs: the functions of every number of rows and columns compute their
// loop. The assembly computes it to the bit, as fused multiply-adds in the order of
// the loop: so the bits of AVX2 and of AVX-512 are the same.
func TestPanelFuncs(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testPanelFuncs[float32](t, cpu.Active() > cpu.TierGo) })
		t.Run("float64", func(t *testing.T) { testPanelFuncs[float64](t, false) })
	})
}

func testPanelFuncs[T cpu.Float](t *testing.T, fused bool) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tiles := range panelWidths[T]() {
		for i, f := range tiles.rows {
			t.Run(fmt.Sprintf("%d rows of %d", i+1, tiles.cols), func(t *testing.T) {
				for range 12 {
					p := newPanelCase[T](r, i+1, tiles.cols)
					p.check(t, f, fused)
					p.spoil(r)
					p.check(t, f, fused)
				}
			})
		}
	}
}

// check compares f with the loop.
func (p panelCase[T]) check(t *testing.T, f panelFunc[T], fused bool) {
	t.Helper()
	exact, bound, chain := p.want()
	for _, atEnd := range []bool{false, true} {
		for i, got := range p.run(t, f, atEnd) {
			if fused && !same(got, chain[i]) {
				t.Fatalf("%+v: c[%d,%d] is %v, want %v", p, i/p.cols, i%p.cols, got, chain[i])
			}
			if !near(float64(got), exact[i], bound[i]) {
				t.Fatalf("%+v: c[%d,%d] is %v, want %v ± %v", p, i/p.cols, i%p.cols, got, exact[i], bound[i])
			}
		}
	}
}

// spoil puts a NaN into one element of each operand.
func (p panelCase[T]) spoil(r *rand.Rand) {
	for _, x := range [][]T{p.a, p.b, p.shift, p.residual} {
		if len(x) > 0 && r.IntN(2) > 0 {
			x[r.IntN(len(x))] = T(math.NaN())
		}
	}
}

// same reports whether two numbers have the same bits, or are NaN both.
func same[T cpu.Float](a, b T) bool {
	return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) || a != a && b != b
}

// near reports whether two numbers differ by no more than the bound, or are NaN
// both.
func near(got, want, bound float64) bool {
	return math.Abs(got-want) <= bound || got != got && want != want
}

// columnsOf returns the matrix that panels hold, row by row.
func (p *Panels[T]) columnsOf() []T {
	m := make([]T, p.Depth*p.Cols)
	for _, x := range p.panels {
		for r := range p.Depth {
			copy(m[r*p.Cols+x.first:][:x.tiles.cols], p.data[x.at+r*x.tiles.cols:])
		}
	}
	return m
}

// TestPanelsHold: whatever way weights come into panels, and whatever panels held
// before, their columns are those weights, and zero where there are none.
func TestPanelsHold(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testPanelsHold[float32])
		t.Run("float64", testPanelsHold[float64])
	})
}

func testPanelsHold[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var p Panels[T]
	for n := 1; n <= 90; n += 1 + r.IntN(5) {
		depth, cols := 1+r.IntN(20), (n+7)&^7
		if n%3 == 0 {
			depth += 300
		}
		w := kerneltest.Normal[T](r, n*depth) // column by column
		check := func(way string, want func(row, col int) T) {
			t.Helper()
			for i, got := range p.columnsOf() {
				row, col := i/cols, i%cols
				if wanted := want(row, col); got != wanted {
					t.Fatalf("%s, %d×%d of %d: row %d, column %d is %v, want %v", way, depth, n, cols, row, col, got, wanted)
				}
			}
		}
		inside := func(col int, v T) T {
			if col < n {
				return v
			}
			return 0
		}
		p.Resize(depth, cols)
		check("Resize", func(int, int) T { return 0 })
		p.Fill(w, depth, n, nil)
		check("Fill", func(row, col int) T { return inside(col, w[min(col, n-1)*depth+row]) })

		p.Resize(depth, cols)
		p.Fill(w, depth, n, func(r int) int { return depth - 1 - r })
		check("Fill in another order", func(row, col int) T { return inside(col, w[min(col, n-1)*depth+depth-1-row]) })
		factors := kerneltest.Normal[T](r, n)
		p.Scale(factors)
		check("Scale", func(row, col int) T {
			return inside(col, w[min(col, n-1)*depth+depth-1-row]*factors[min(col, n-1)])
		})

		p.Resize(depth, cols)
		p.FillRows(w, n)
		check("FillRows", func(row, col int) T { return inside(col, w[row*n+min(col, n-1)]) })

		p.Resize(depth, cols)
		block := kerneltest.Normal[T](r, depth*8)
		first := r.IntN(cols/8) * 8
		p.SetColumns(first, 8, block)
		check("SetColumns", func(row, col int) T {
			if col < first || col >= first+8 {
				return 0
			}
			return block[row*8+col-first]
		})
	}
}

// TestPanelsPrepared: panels that were made on another tier have to be made again.
func TestPanelsPrepared(t *testing.T) {
	var p Panels[float32]
	if p.Prepared() {
		t.Error("panels are prepared before they have a size")
	}
	undo := cpu.Use(cpu.TierGo)
	p.Resize(3, 40)
	p.Fill(kerneltest.Randoms[float32](3*40), 3, 40, nil)
	if !p.Prepared() {
		t.Error("panels are not prepared after Resize")
	}
	if got, want := p.Bytes(), 4*3*40; got != want {
		t.Errorf("panels take %d bytes, want %d", got, want)
	}
	undo()
	if got, want := p.Prepared(), cpu.Best() == cpu.TierGo; got != want {
		t.Errorf("panels of plain Go are prepared on %v: %v, want %v", cpu.Best(), got, want)
	}
	p.Resize(3, 40)
	if sum := slices.Max(p.columnsOf()); sum != 0 || !p.Prepared() {
		t.Errorf("after Resize on %v the largest weight is %v, want 0", cpu.Best(), sum)
	}
	last := 0
	for i := range p.Len() {
		first, end := p.Columns(i, i+1)
		if first != last || end <= first {
			t.Errorf("panel %d has the columns [%d,%d), want them from %d on", i, first, end, last)
		}
		last = end
	}
	if first, end := p.Columns(0, p.Len()); first != 0 || end != 40 {
		t.Errorf("all panels have the columns [%d,%d), want [0,40)", first, end)
	}
}

// TestMultiplyParts: how rows are cut into calls of Multiply leaves the bits, also
// where c has an odd number of columns, and nothing is allocated.
func TestMultiplyParts(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testMultiplyParts[float32])
		t.Run("float64", testMultiplyParts[float64])
	})
}

func testMultiplyParts[T cpu.Float](t *testing.T) {
	for _, n := range []int{1, 5, 8, 13, 31, 40, 67} {
		const rows, k = 45, 20
		cols := (n + 7) &^ 7
		var p Panels[T]
		p.Resize(k, cols)
		p.FillRows(kerneltest.Randoms[T](k*n), n)
		w := Walk[T]{
			K: k, Mid: 1, Outer: 1, ARow: k, CRow: n, ResidualRow: n, Columns: n,
			Shift: kerneltest.Randoms[T](cols), Low: -1, High: 1,
		}
		a, residual, whole := kerneltest.Randoms[T](rows*k), kerneltest.Randoms[T](rows*n), make([]T, rows*n)
		multiply := func(c []T, step int) {
			for i := 0; i < rows; i += step {
				for q := range p.Len() {
					p.Multiply(q, min(step, rows-i), &w, a[i*k:], c[i*n:], residual[i*n:])
				}
			}
		}
		multiply(whole, rows)
		for _, step := range []int{1, 2, 3, 7, 14, 15, 29} {
			c := kerneltest.Unset[T](rows * n)
			multiply(c, step)
			if !slices.Equal(c, whole) {
				t.Errorf("%d columns, %d rows at a time: other bits than at once", n, step)
			}
		}
		procs := runtime.GOMAXPROCS(0)
		if allocs := testing.AllocsPerRun(5, func() { runtime.GOMAXPROCS(procs); multiply(whole, 7) }); allocs > 0 {
			t.Errorf("%d columns: %v allocations a run, want 0", n, allocs)
		}
	}
}
