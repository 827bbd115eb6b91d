package kernel

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

// TestLanedMul: a product of several lanes has the bits of one for each lane, with the
// gradients of weights and bias added up by the tree: few rows, which go tile by tile, and
// many, which go strip by strip.
func TestLanedMul(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, c := range []struct {
			sizes   []int
			rows    int // of a sample
			k, n    int
			relu    bool
			threads int
		}{
			{[]int{1, 1}, 1, 1, 1, false, 1}, {[]int{3, 2, 4}, 1, 70, 50, true, 2}, {[]int{16, 16, 16, 16, 16, 16, 16, 16}, 1, 300, 128, true, 2},
			{[]int{5, 5, 5, 5, 5}, 1, 13, 500, false, 1}, {[]int{5, 1, 3}, 40, 33, 17, false, 2}, {[]int{100, 200}, 2, 20, 40, true, 1},
		} {
			t.Run(fmt.Sprint(c.sizes, c.rows, c.k, c.n), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.threads))
				testLanedMul(t, r, c.sizes, c.rows, Mul[float32]{K: c.k, N: c.n, Bias: true, ReLU: c.relu})
			})
		}
	})
}

func testLanedMul(t *testing.T, r *rand.Rand, sizes []int, rows int, m Mul[float32]) {
	for _, n := range sizes {
		m.M += n * rows
	}
	x, w, b, dy := kerneltest.Normal[float32](r, m.M*m.K), kerneltest.Normal[float32](r, m.K*m.N), kerneltest.Normal[float32](r, m.N), kerneltest.Normal[float32](r, m.M*m.N)
	run := func(k interface {
		Forward([]float32, [][]float32)
		Backward([][]float32, []float32, [][]float32)
	}, x, dy []float32) [][]float32 {
		all := [][]float32{make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w)), make([]float32, len(b))}
		for range 2 {
			k.Forward(all[0], [][]float32{x, w, b})
			k.Backward(all[1:], dy, [][]float32{x, w, b})
		}
		return all
	}
	laned, ok := m.Lanes(sizes, []bool{false, true, true})
	if !ok {
		t.Fatal("no lanes")
	}
	got := run(laned.(*lanedMul[float32]), x, dy)
	want, lanes, at := [][]float32{nil, nil, nil, nil}, [][][]float32{}, 0
	for _, n := range sizes {
		lane := Mul[float32]{M: n * rows, K: m.K, N: m.N, Bias: true, ReLU: m.ReLU}
		l := run(&lane, x[at*m.K:][:n*rows*m.K], dy[at*m.N:][:n*rows*m.N])
		want[0], want[1] = append(want[0], l[0]...), append(want[1], l[1]...)
		lanes, at = append(lanes, l[2:]), at+n*rows
	}
	levels := make([][][]float32, 1+cpu.TreeDepth(len(sizes)))
	cpu.Tree(0, len(sizes), 0, func(lane, level int) {
		levels[level] = [][]float32{slices.Clone(lanes[lane][0]), slices.Clone(lanes[lane][1])}
	},
		func(level int) {
			for i, to := range levels[level] {
				vector.Add(to, levels[level+1][i])
			}
		})
	want[2], want[3] = levels[0][0], levels[0][1]
	for i, name := range []string{"y", "dx", "dw", "dbias"} {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("%s has other bits than lane by lane", name)
		}
	}
}

// TestLanedMulRefuses: operands whose samples are elsewhere have no product in lanes.
func TestLanedMulRefuses(t *testing.T) {
	m := Mul[float32]{M: 6, K: 2, N: 2}
	for _, shared := range [][]bool{{true, false}, {false, false}, {true, true}} {
		if _, ok := m.Lanes([]int{1, 2}, shared); ok {
			t.Errorf("a product in lanes of operands without samples %v, want none", shared)
		}
	}
	if _, ok := m.Lanes([]int{2, 2}, []bool{false, true}); ok {
		t.Error("6 rows in lanes of 4 samples, want none")
	}
}

// TestLaneProductOfParts: the rows of a result do not depend on those beside them.
func TestLaneProductOfParts(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		const m, n = 61, 45
		at := []int{0, 7, 9, 30}
		a, b, all, parts := kerneltest.Normal[float32](r, 30*m), kerneltest.Normal[float32](r, 30*n), make([]float32, m*n), make([]float32, m*n)
		gemm.NewLaneProduct(at, vector.AddTo[float32]).Run(m, n, a, m, b, n, all, n)
		p := gemm.NewLaneProduct(at, vector.AddTo[float32])
		for lo := 0; lo < m; lo += 13 {
			p.Run(min(13, m-lo), n, a[lo:], m, b, n, parts[lo*n:], n)
		}
		if !slices.Equal(all, parts) {
			t.Error("a product of parts has other bits than the whole")
		}
	})
}

// TestApart: kernels that keep samples apart, and the same that do not.
func TestApart(t *testing.T) {
	type apart interface{ Apart(int, []int) bool }
	for name, c := range map[string]struct {
		kernel apart
		out    int
		in     []int
		want   bool
	}{
		"rows":                       {&SoftMax[float32]{Classes: 3}, 6, []int{6}, true},
		"a row of all samples":       {&SoftMax[float32]{Classes: 12}, 6, []int{6}, false},
		"channels joined":            {&Concat[float32]{Outer: 4, Blocks: []int{2, 3}}, 5, []int{2, 3}, true},
		"samples joined":             {&Concat[float32]{Outer: 1, Blocks: []int{8, 12}}, 5, []int{2, 3}, false},
		"matrices turned":            {&Transpose[float32]{N: 4, Rows: 2, Cols: 3}, 6, []int{6}, true},
		"samples turned":             {&Transpose[float32]{N: 1, Rows: 4, Cols: 6}, 6, []int{6}, false},
		"dimensions turned":          {NewStrided[float32](0, []int{4, 3, 2}, []int{6, 1, 3}, false, false), 6, []int{6}, true},
		"dimensions with samples":    {NewStrided[float32](0, []int{3, 4, 2}, []int{1, 6, 3}, false, false), 6, []int{6}, false},
		"a part of each sample":      {NewStrided[float32](2, []int{4, 2}, []int{6, 1}, false, true), 2, []int{6}, true},
		"a part beyond a sample":     {NewStrided[float32](5, []int{3, 2}, []int{6, 1}, false, true), 2, []int{6}, false},
		"samples in another order":   {NewStrided[float32](0, []int{2, 2, 6}, []int{6, 12, 1}, false, false), 6, []int{6}, false},
		"rows rolled":                {NewRoll[float32]([]int{4, 6}, []int{0, 2}), 6, []int{6}, true},
		"samples rolled":             {NewRoll[float32]([]int{4, 6}, []int{1, 0}), 6, []int{6}, false},
		"picks of each sample":       {NewGather[float32](4, 6, []int32{3, 1}, 0), 2, []int{6}, true},
		"picks of one sample":        {NewGather[float32](4, 0, []int32{3, 1}, 0), 2, []int{6}, false},
		"picks of all":               {NewGather[float32](1, 24, []int32{3, 1, 9, 8}, 0), 1, []int{6}, false},
		"factors of each sample":     {NewBroadcast[float32](true, []int{4, 2, 3}, []int{4, 2, 1}), 6, []int{6, 2}, true},
		"factors of all samples":     {NewBroadcast[float32](true, []int{4, 2, 3}, []int{1, 2, 1}), 6, []int{6, 0}, false},
		"pairs of each sample":       {batchMul([]int{0, 6}, []int{0, 6}), 4, []int{6, 6}, true},
		"pairs of different samples": {batchMul([]int{0, 6}, []int{6, 0}), 4, []int{6, 6}, false},
	} {
		if got := c.kernel.Apart(c.out, c.in); got != c.want {
			t.Errorf("%s: apart is %v, want %v", name, got, c.want)
		}
	}
}

// batchMul is a product of two pairs of matrices 2×3 and 3×2 that begin there.
func batchMul(a, b []int) *BatchMul[float32] {
	return NewBatchMul[float32](2, 2, 3, Matrices{At: a, Stride: 3}, Matrices{At: b, Stride: 2}, Matrices{At: []int{0, 4}, Stride: 2}, 1)
}
