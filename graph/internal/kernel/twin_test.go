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
	bytes  [][]uint8
	run    func(f [][]float32, i [][]uint8)
	// roundings is how many roundings of each sum the tiers may differ in; if
	// it is zero, they give the same bits.
	roundings int
	// tiled sums are rounded as coarsely as the operand's largest one.
	tiled bool
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
	{"Average", loop(func(a, b, _, _ []float32) { Average(a, b, 0.1) })},
	{"Nesterov", loop(func(a, b, c, _ []float32) { Nesterov(a, b, c, 0.1, 0.9) })},
	{"Normalise", loop(func(a, b, _, _ []float32) { Normalise(a, b, 0.9, 0.1, 1e-8) })},
	{"Adam", loop(func(a, b, c, d []float32) {
		Adam(a, b, c, d, AdamStep{LR: 0.001, Epsilon: 1e-7, Beta1: 0.9, Beta2: 0.999, Rest1: 0.1, Rest2: 0.001})
	})},
	{"Adam, all terms", loop(func(a, b, c, d []float32) {
		Adam(a, b, c, d, AdamStep{0.001, 0.002, 1e-7, 0.9, 0.999, 0.1, 0.001, 0.01})
	})},
	{"Lion", loop(func(a, b, c, _ []float32) { Lion(a, b, c, LionStep{0.001, 0.9, 0.99, 0.1, 0.01, 0.02}) })},
	{"packCols", packColsTwin},
	{"largest", largestTwin},
	{"spread", spreadTwin},
	{"channelSums", channelTwin(func(f [][]float32, n, width int) { channelSums(f[0], f[6], n, width) })},
	{"channelSquares", channelTwin(func(f [][]float32, n, width int) { channelSquares(f[0], f[6], f[1], n, width) })},
	{"channelDots", channelTwin(func(f [][]float32, n, width int) { channelDots(f[0], f[1], f[6], f[7], f[2], n, width) })},
	{"channelNormGrad", channelTwin(func(f [][]float32, n, width int) { channelNormGrad(f[6], f[7], f[0], f[1], f[2], f[3], n, width) })},
	{"addPatches", addPatchesTwin},
	{"tapsForward", tapsTwin(func(t taps, f [][]float32) { tapsForward(t, f[0], f[1], f[2]) })},
	{"tapsFilter", tapsTwin(func(t taps, f [][]float32) { tapsFilter(t, f[2], f[1], f[0]) })},
	{"tapsInput", tapsTwin(func(t taps, f [][]float32) { tapsInput(t, f[1], f[0], f[2]) })},
	{"Conv2d", convTwin},
	{"depthwise", depthwiseTwin},
	{"winograd", winogradTwin},
	{"winogradImage", winogradTileTwin(func(t tileCase, f [][]float32) { winogradImage(t.side, t.n, t.width, f[0], f[1], t.step, t.row, t.q) })},
	{"winogradSpread", winogradTileTwin(func(t tileCase, f [][]float32) { winogradSpread(t.side, t.n, t.width, f[1], f[0], t.step, t.row, t.q) })},
	{"winogradEvaluate", winogradTileTwin(func(t tileCase, f [][]float32) {
		winogradEvaluate(t.side, t.pixels, t.n, t.width, f[0], f[1], t.step, t.row, t.q)
	})},
	{"winogradCombine", winogradTileTwin(func(t tileCase, f [][]float32) {
		winogradCombine(t.side, t.pixels, t.n, t.width, f[1], f[0], t.step, t.row, t.q, t.rows, t.cols)
	})},
	{"Gemm", gemmTwin},
}

// loop is a kernel over up to four vectors.
func loop(run func(a, b, c, d []float32)) func(r *rand.Rand, n int) twin {
	return func(r *rand.Rand, n int) twin {
		return twin{
			floats: [][]float32{values(r, n), values(r, n), values(r, n), values(r, n)},
			run:    func(f [][]float32, _ [][]uint8) { run(f[0], f[1], f[2], f[3]) },
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
		run: func(f [][]float32, _ [][]uint8) {
			tilesOf[float32](width).packCols(f[0], f[1], ld, n, cols, width)
		},
	}
}

// randomWindows are a row of n windows; there is always one.
func randomWindows(r *rand.Rand, n int) windows[float32] {
	w := windows[float32]{cols: max(n, 1), width: 8 * (1 + r.IntN(5)), kh: 1 + r.IntN(3), kw: 1 + r.IntN(3)}
	if r.IntN(2) > 0 {
		w.kh, w.kw = 2, 2
	}
	w.row = w.cols*w.kw*w.width + r.IntN(20)
	w.scale, w.shift = normal[float32](r, w.width), normal[float32](r, w.width)
	if w.unscaled = r.IntN(2) > 0; w.unscaled {
		for f := range w.scale {
			w.scale[f] = 1
		}
	}
	if r.IntN(2) > 0 {
		w.floor = float32(math.Inf(-1))
	}
	return w
}

// pixels is the number of elements under the windows.
func (w windows[T]) pixels() int { return (w.kh-1)*w.row + w.cols*w.kw*w.width }

// largestTwin pools, with and without keeping the winners' places.
func largestTwin(r *rand.Rand, n int) twin {
	w, keep := randomWindows(r, n), r.IntN(2)
	return twin{
		floats: [][]float32{values(r, w.cols*w.width), values(r, w.pixels()), w.scale, w.shift},
		bytes:  [][]uint8{make([]uint8, keep*w.cols*w.width)},
		run: func(f [][]float32, i [][]uint8) {
			w := w
			w.scale, w.shift = f[2], f[3]
			w.largest(f[0], i[0], f[1])
		},
	}
}

func spreadTwin(r *rand.Rand, n int) twin {
	w := randomWindows(r, n)
	at := make([]uint8, w.cols*w.width)
	for i := range at {
		if at[i] = uint8(r.IntN(w.kh * w.kw)); r.IntN(4) == 0 {
			at[i] = clipped
		}
	}
	return twin{
		floats: [][]float32{values(r, w.pixels()), values(r, w.cols*w.width)},
		bytes:  [][]uint8{at},
		run:    func(f [][]float32, i [][]uint8) { w.spread(f[0], f[1], i[0]) },
	}
}

// channelTwin is a loop over n pixels, at least one: with six operands of one
// value a channel, and two of a whole image.
func channelTwin(run func(f [][]float32, n, width int)) func(r *rand.Rand, n int) twin {
	return func(r *rand.Rand, n int) twin {
		n, width := max(n, 1), 8*(1+r.IntN(5))
		w := twin{run: func(f [][]float32, _ [][]uint8) { run(f, n, width) }}
		for range 6 {
			w.floats = append(w.floats, normal[float32](r, width))
		}
		w.floats = append(w.floats, normal[float32](r, n*width), normal[float32](r, n*width))
		return w
	}
}

// addPatchesTwin adds up n patches, at least one.
func addPatchesTwin(r *rand.Rand, n int) twin {
	n, kh, depth, step := max(n, 1), 1+r.IntN(3), 8*(1+r.IntN(5)), 1+r.IntN(40)
	row := n*step + depth + r.IntN(9)
	return twin{
		floats: [][]float32{values(r, (kh-1)*row+(n-1)*step+depth), values(r, n*kh*depth)},
		run:    func(f [][]float32, _ [][]uint8) { addPatches(f[0], f[1], n, kh, depth, step, row) },
	}
}

// tapsTwin has n output pixels, at least one.
func tapsTwin(run func(t taps, f [][]float32)) func(r *rand.Rand, n int) twin {
	return func(r *rand.Rand, n int) twin {
		t := taps{cols: max(n, 1), width: 8 * (1 + r.IntN(4)), kh: 1 + r.IntN(3), kw: 1 + r.IntN(3)}
		t.pixel, t.column, t.row = r.IntN(3)*t.width, r.IntN(3)*t.width, r.IntN(100)
		image := (t.cols-1)*t.pixel + (t.kh-1)*t.row + (t.kw-1)*t.column + t.width
		return twin{
			floats:    [][]float32{normal[float32](r, t.cols*t.width), normal[float32](r, image), normal[float32](r, t.kh*t.kw*t.width)},
			run:       func(f [][]float32, _ [][]uint8) { run(t, f) },
			roundings: 2 * (t.cols + 2) * t.kh * t.kw,
		}
	}
}

// convTwin convolves images of n columns, forward and backward.
func convTwin(r *rand.Rand, n int) twin {
	s := randomConv(r, n)
	s.C, s.F = 1+r.IntN(18), 1+r.IntN(40)
	return convolution(r, s)
}

// depthwiseTwin has a filter for each channel.
func depthwiseTwin(r *rand.Rand, n int) twin {
	s := randomConv(r, n)
	s.C = 1 + r.IntN(20)
	s.F, s.Groups = s.C, s.C
	s.DilationH, s.DilationW = 1+r.IntN(2), 1+r.IntN(2)
	s.OH, s.OW = max(1, s.OH-s.KH), max(1, s.OW-s.KW)
	return convolution(r, s)
}

// winogradTwin has 3×3 or 5×5 filters, and channels and pixels enough for them.
func winogradTwin(r *rand.Rand, n int) twin {
	k := 3 + 2*r.IntN(2)
	s := ConvShape{N: 2, C: 8 * (2 + r.IntN(3)), F: 16 + r.IntN(30), KH: k, KW: k, PadTop: r.IntN(k), PadLeft: r.IntN(k)}
	s.StrideH, s.StrideW, s.DilationH, s.DilationW, s.Groups = 1, 1, 1, 1, 1
	s.OW = 1 + n%40
	s.OH = 256/s.OW + 1
	s.H, s.W = max(1, s.OH+k-1-s.PadTop-r.IntN(k)), max(1, s.OW+k-1-s.PadLeft-r.IntN(k))
	c := convolution(r, s)
	c.tiled = true
	return c
}

// tileCase is n of Winograd's tiles, and places in memory.
type tileCase struct {
	side, pixels, n, width, step, row, q int
	rows, cols                           int // of the pixels that are wanted
}

// winogradTileTwin has at least one tile, all matrices of the tiles, and an image
// that is as large as the pixels of a tile that has as many as it can need it.
func winogradTileTwin(run func(t tileCase, f [][]float32)) func(r *rand.Rand, n int) twin {
	return func(r *rand.Rand, n int) twin {
		t := tileCase{side: 4 + 2*r.IntN(2), n: max(n, 1), width: 8 * (1 + r.IntN(4))}
		t.pixels = 2 + r.IntN(t.side-2)
		t.rows, t.cols = 1+r.IntN(t.pixels), 1+r.IntN(t.pixels)
		t.step = t.pixels * t.width
		image := (t.n-1)*t.step + t.side*t.width
		t.row, t.q = image+r.IntN(9), t.n*t.width+r.IntN(9)
		return twin{
			floats: [][]float32{normal[float32](r, (t.side*t.side-1)*t.q+t.n*t.width), normal[float32](r, (t.side-1)*t.row+image)},
			run:    func(f [][]float32, _ [][]uint8) { run(t, f) },
		}
	}
}

// randomConv is a geometry of images of n columns, at least one.
func randomConv(r *rand.Rand, n int) ConvShape {
	s := ConvShape{
		N: 1 + r.IntN(3), H: 1 + r.IntN(9), W: max(n, 1), KH: 1 + r.IntN(3), KW: 1 + r.IntN(3),
		StrideH: 1 + r.IntN(2), StrideW: 1 + r.IntN(2), PadTop: r.IntN(3), PadLeft: r.IntN(3), DilationH: 1, DilationW: 1, Groups: 1,
	}
	s.OH = max(1, (s.H+s.PadTop+r.IntN(3)-s.KH)/s.StrideH+1)
	s.OW = max(1, (s.W+s.PadLeft+r.IntN(3)-s.KW)/s.StrideW+1)
	return s
}

// convolution runs Conv2d forward and backward.
func convolution(r *rand.Rand, s ConvShape) twin {
	c := NewConv2d[float32](s)
	x, w, b, y := normal[float32](r, s.N*s.inSize()), normal[float32](r, s.weights()), normal[float32](r, s.F), normal[float32](r, s.N*s.outSize())
	return twin{
		floats: [][]float32{x, w, b, y, unset[float32](len(y)), unset[float32](len(x)), unset[float32](len(w)), unset[float32](len(b))},
		run: func(f [][]float32, _ [][]uint8) {
			c.Forward(f[4], f[:3])
			c.Backward(f[5:], f[3], f[:3])
		},
		roundings: 2 * (s.N*s.pixels() + s.patch()*s.F + 8),
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
		run: func(f [][]float32, _ [][]uint8) {
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
	scale, _ := w.on(tierGo, absolute, copyFenced(t, w.bytes, true))
	for _, s := range scale {
		if w.tiled {
			copy(s, slices.Repeat([]float32{slices.Max(s)}, len(s)))
		}
	}
	want, wantBytes := w.on(tierGo, copyFenced(t, w.floats, true), copyFenced(t, w.bytes, true))
	for tier := tierGo; tier <= bestTier(); tier++ {
		for _, atEnd := range []bool{false, true} {
			got, gotBytes := w.on(tier, copyFenced(t, w.floats, atEnd), copyFenced(t, w.bytes, atEnd))
			for i := range got {
				for j, x := range got[i] {
					if !w.agree(x, want[i][j], scale[i][j]) {
						t.Fatalf("%v: operand %d, element %d of %d is %v, want %v", tier, i, j, len(got[i]), x, want[i][j])
					}
				}
			}
			for i := range gotBytes {
				if !slices.Equal(gotBytes[i], wantBytes[i]) {
					t.Fatalf("%v: bytes %d are %v, want %v", tier, i, gotBytes[i], wantBytes[i])
				}
			}
		}
	}
}

// on runs the kernel of a tier.
func (w twin) on(to tier, f [][]float32, i [][]uint8) ([][]float32, [][]uint8) {
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
