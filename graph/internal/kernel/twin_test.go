package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// twin is a kernel that is assembly on some tiers, with operands for it.
type twin struct {
	floats [][]float32
	ints   [][]int32
	run    func(f [][]float32, i [][]int32)
	// roundings is how many roundings of each sum the tiers may differ in; if
	// it is zero, they give the same bits.
	roundings int
}

// twins are makers of operands of a size, with all the rest random.
var twins = []struct {
	name string
	make func(r *rand.Rand, n int) twin
}{
	{"relu", loop(func(a, b, _, _ []float32) { relu(a, b) })},
	{"reluGrad", loop(func(a, b, c, _ []float32) { reluGrad(a, b, c) })},
	{"add", loop(func(a, b, _, _ []float32) { add(a, b) })},
	{"addScalar", loop(func(a, _, _, _ []float32) { addScalar(a, 0.3) })},
	{"SGD", loop(func(a, b, _, _ []float32) { SGD(a, b, 0.1) })},
	{"Momentum", loop(func(a, b, c, _ []float32) { Momentum(a, b, c, 0.1, 0.9) })},
	{"Adam", loop(func(a, b, c, d []float32) { Adam(a, b, c, d, AdamStep{0.001, 1e-7, 0.9, 0.999, 0.1, 0.001}) })},
	{"packCols", packColsTwin},
	{"poolPairs", poolPairsTwin},
	{"patchGrad", patchGradTwin},
	{"Gemm", gemmTwin},
}

// loop is a kernel over up to four vectors.
func loop(run func(a, b, c, d []float32)) func(r *rand.Rand, n int) twin {
	return func(r *rand.Rand, n int) twin {
		return twin{
			floats: [][]float32{values(r, n), values(r, n), values(r, n), values(r, n)},
			run:    func(f [][]float32, _ [][]int32) { run(f[0], f[1], f[2], f[3]) },
		}
	}
}

// packColsTwin packs columns of n elements; there are always some.
func packColsTwin(r *rand.Rand, n int) twin {
	n = max(n, 1)
	cols := 1 + r.IntN(40)
	ld, width := n+r.IntN(4), cols+r.IntN(9)
	return twin{
		floats: [][]float32{values(r, n*width), values(r, (cols-1)*ld+n)},
		run: func(f [][]float32, _ [][]int32) {
			tilesOf[float32](width).packCols(f[0], f[1], ld, n, cols, width)
		},
	}
}

// poolPairsTwin pools rows of n windows.
func poolPairsTwin(r *rand.Rand, n int) twin {
	w := windows[float32]{
		rows: 1 + r.IntN(3), cols: n, kh: 2, kw: 2, first: r.IntN(1000), width: 2*n + r.IntN(3),
		bias: float32(r.NormFloat64()), floor: float32(math.Inf(-1)), none: math.MaxInt32,
	}
	if r.IntN(2) > 0 {
		w.floor = 0
	}
	return twin{
		floats: [][]float32{values(r, w.rows*n), values(r, (2*w.rows-1)*w.width+2*n)},
		ints:   [][]int32{make([]int32, w.rows*n)},
		run: func(f [][]float32, i [][]int32) {
			w := w
			w.y, w.x, w.winner = f[0], f[1], i[0]
			w.pool()
		},
	}
}

// patchGradTwin sums n of a few patches.
func patchGradTwin(r *rand.Rand, n int) twin {
	patches, at := normal[float32](r, (1+r.IntN(20))*patchWidth), make([]int32, n)
	for i := range at {
		at[i] = int32(r.IntN(len(patches) / patchWidth))
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		patches[r.IntN(len(patches))] = float32(x)
	}
	return twin{
		floats: [][]float32{normal[float32](r, patchWidth), normal[float32](r, n), patches},
		ints:   [][]int32{at},
		run: func(f [][]float32, i [][]int32) {
			patchGrad(f[0], f[1], i[0], f[2])
		},
		roundings: 2 * (n + 2),
	}
}

// gemmTwin multiplies n rows. Between the rows of the matrices, and in C where
// it is to be overwritten, lies NaN.
func gemmTwin(r *rand.Rand, n int) twin {
	m, n, k := n, 1+r.IntN(70), r.IntN(40)+blockK*r.IntN(2)
	transA, transB, accumulate := r.IntN(2) > 0, r.IntN(2) > 0, r.IntN(2) > 0
	a := newGuarded[float32](r, transA, m, k, r.IntN(4))
	b := newGuarded[float32](r, transB, k, n, r.IntN(4))
	c := newGuarded[float32](r, false, m, n, r.IntN(4))
	if !accumulate {
		copy(c.data, unset[float32](len(c.data)))
	}
	return twin{
		floats: [][]float32{a.data, b.data, c.data},
		run: func(f [][]float32, _ [][]int32) {
			Gemm(transA, transB, m, n, k, f[0], a.ld, f[1], b.ld, accumulate, f[2], c.ld)
		},
		roundings: 2 * (k + 2),
	}
}

// check runs the kernel on every tier, on fenced operands, and compares with
// plain Go.
func (w twin) check(t *testing.T) {
	t.Helper()
	absolute := make([][]float32, len(w.floats))
	for i, f := range w.floats {
		for _, x := range f {
			absolute[i] = append(absolute[i], float32(math.Abs(float64(x))))
		}
	}
	scale, _ := w.on(tierGo, absolute, copyFenced(t, w.ints, true))
	want, wantInts := w.on(tierGo, copyFenced(t, w.floats, true), copyFenced(t, w.ints, true))
	for tier := tierGo; tier <= bestTier(); tier++ {
		for _, atEnd := range []bool{false, true} {
			got, gotInts := w.on(tier, copyFenced(t, w.floats, atEnd), copyFenced(t, w.ints, atEnd))
			for i := range got {
				for j, x := range got[i] {
					if !w.agree(x, want[i][j], scale[i][j]) {
						t.Fatalf("%v: operand %d, element %d of %d is %v, want %v", tier, i, j, len(got[i]), x, want[i][j])
					}
				}
			}
			for i := range gotInts {
				if !slices.Equal(gotInts[i], wantInts[i]) {
					t.Fatalf("%v: integers %d are %v, want %v", tier, i, gotInts[i], wantInts[i])
				}
			}
		}
	}
}

// on runs the kernel of a tier.
func (w twin) on(to tier, f [][]float32, i [][]int32) ([][]float32, [][]int32) {
	defer useTier(to)()
	w.run(f, i)
	return f, i
}

// agree compares two tiers' results. The scale is what the kernel makes of its
// operands' absolute values: the sum of the absolute terms of a sum.
func (w twin) agree(got, want, scale float32) bool {
	if math.Float32bits(got) == math.Float32bits(want) || got != got && want != want {
		return true
	}
	bound := float64(w.roundings) * epsilon[float32]() * float64(scale)
	return w.roundings > 0 && (got == want || math.Abs(float64(got)-float64(want)) <= bound)
}

// values are n numbers with all that is special among them.
func values(r *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-40, -1e-40, math.MaxFloat32}
	x := make([]float32, n)
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(5) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

func float32Bits(xs ...[]float32) []uint32 {
	var bits []uint32
	for _, x := range xs {
		for _, v := range x {
			if v != v {
				v = float32(math.NaN()) // which NaN does not matter
			}
			bits = append(bits, math.Float32bits(v))
		}
	}
	return bits
}

// TestTwins: all tiers give the bits of plain Go, or its sums to their rounding,
// and touch nothing beside their slices.
func TestTwins(t *testing.T) {
	for _, w := range twins {
		t.Run(w.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for n := range 70 {
				t.Run(fmt.Sprint(n), func(t *testing.T) { w.make(r, n).check(t) })
			}
		})
	}
}

func FuzzTwins(f *testing.F) {
	for i := range twins {
		f.Add(uint8(i), uint16(100), uint64(1))
	}
	f.Fuzz(func(t *testing.T, kernel uint8, n uint16, seed uint64) {
		w := twins[int(kernel)%len(twins)]
		w.make(rand.New(rand.NewPCG(seed, 0)), int(n%1000)).check(t)
	})
}
