package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// operation is what all kernels of operations have in common.
type operation[T Float] interface {
	Forward(y []T, in [][]T)
	Backward(dIn [][]T, dy []T, in [][]T)
}

// contract is one kernel with the sizes of its operands.
type contract[T Float] struct {
	name    string
	kernel  operation[T]
	in      []int
	out     int
	skipped []int // operands without a gradient
}

func contracts[T Float]() []contract[T] {
	conv := ConvShape{N: 9, C: 4, H: 4, W: 5, F: 6, KH: 3, KW: 2, StrideH: 2, StrideW: 1, PadTop: 1, DilationH: 1, DilationW: 2, Groups: 2, OH: 2, OW: 3}
	point := ConvShape{N: 2, C: 3, H: 4, W: 5, F: 2, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 4, OW: 5}
	pool := PoolShape{Planes: 4, H: 5, W: 5, KH: 2, KW: 2, StrideH: 2, StrideW: 2, OH: 2, OW: 2}
	square := func(x float64) float64 { return x * x }
	return []contract[T]{
		{"Conv2d", NewConv2d[T](conv), []int{9 * 4 * 20, 6 * 2 * 6, 6}, 9 * 6 * 6, nil},
		{"Conv2d pointwise", NewConv2d[T](point), []int{2 * 3 * 20, 6}, 2 * 2 * 20, nil},
		{"MaxPool2D", NewMaxPool2D[T](pool), []int{100}, 16, nil},
		{"AvgPool2D", NewAvgPool2D[T](pool), []int{100}, 16, nil},
		{"Mul", &Mul[T]{M: 5, K: 4, N: 3}, []int{20, 12, 3}, 15, nil},
		{"Activation", NewActivation[T](Curve{F: square, DF: square}), []int{20}, 20, nil},
		{"ReLU", NewReLU[T](), []int{20}, 20, nil},
		{"BatchNorm", &BatchNorm[T]{N: 4, C: 3, Pixels: 2, Epsilon: 0.1, Training: true}, []int{24, 3, 3, 3, 3}, 24, []int{3, 4}},
		{"BatchNorm with ReLU", &BatchNorm[T]{N: 4, C: 3, Pixels: 2, Epsilon: 0.1, Training: true, ReLU: true}, []int{24, 3, 3, 3, 3}, 24, []int{3, 4}},
		{"BatchNorm of vectors", &BatchNorm[T]{N: 4, C: 3, Pixels: 1, Epsilon: 0.1, Training: true}, []int{12, 3, 3, 3, 3}, 12, []int{3, 4}},
		{"ReLU6", NewReLU6[T](), []int{20}, 20, nil},
		{"LayerNorm", &LayerNorm[T]{N: 4, Size: 6, Epsilon: 0.1}, []int{24, 6, 6}, 24, nil},
		{"Transpose", &Transpose[T]{N: 2, Rows: 3, Cols: 4}, []int{24}, 24, nil},
		{"PadChannels", &PadChannels[T]{N: 2, From: 6, To: 10}, []int{12}, 20, nil}, {"Dropout", &Dropout[T]{Rate: 0.5, Step: new(uint64)}, []int{20}, 20, nil},
		{"SoftMax", &SoftMax[T]{Classes: 4}, []int{20}, 20, nil},
		{"CrossEntropy", &CrossEntropy[T]{N: 4, Classes: 3}, []int{12, 4, 4}, 1, []int{1, 2}},
		{"MSE", &MSE[T]{N: 4, Size: 3}, []int{12, 12, 4}, 1, []int{1, 2}},
		{"Add", NewAdd[T](), []int{20, 20, 20}, 20, nil},
		{"Concat", &Concat[T]{Outer: 2, Blocks: []int{3, 4}}, []int{6, 8}, 14, nil},
		{"Copy", Copy[T]{}, []int{20}, 20, nil},
		{"Patches", &Patches[T]{N: 2, C: 2, H: 4, W: 4, Size: 2}, []int{64}, 64, nil},
	}
}

// operands returns random operands; labels and sample weights, where there are
// any, are 0 and 1.
func (c contract[T]) operands() [][]T {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([][]T, len(c.in))
	for i, size := range c.in {
		in[i] = make([]T, size)
		for j := range in[i] {
			in[i][j] = T(r.Float64())
			if slices.Contains(c.skipped, i) && size == 4 {
				in[i][j] = T(j % 2)
			}
		}
	}
	return in
}

// run returns the output and the wanted gradients, computed in memory that
// holds NaN before.
func (c contract[T]) run(wanted func(operand int) bool) (y []T, dIn [][]T) {
	in := c.operands()
	y = unset[T](c.out)
	c.kernel.Forward(y, in)
	dy := slices.Repeat([]T{2}, c.out)
	for i := range dy {
		dy[i] += T(i % 3)
	}
	dIn = make([][]T, len(in))
	for i, size := range c.in {
		if wanted(i) && !slices.Contains(c.skipped, i) {
			dIn[i] = unset[T](size)
		}
	}
	output := slices.Clone(y)
	copy(y, unset[T](c.out)) // Gorgonia may overwrite it
	c.kernel.Backward(dIn, dy, in)
	return output, dIn
}

func unset[T Float](n int) []T { return slices.Repeat([]T{T(math.NaN())}, n) }

// TestContract: a kernel sets all of its results, whatever was there before;
// its gradient does not read the output; and a gradient is the same whether or
// not the others are wanted, which may be none.
func TestContract(t *testing.T) {
	t.Run("float32", testContract[float32])
	t.Run("float64", testContract[float64])
}

func testContract[T Float](t *testing.T) {
	for _, c := range contracts[T]() {
		t.Run(c.name, func(t *testing.T) {
			y, all := c.run(func(int) bool { return true })
			checkSet(t, "output", y)
			c.run(func(int) bool { return false })
			for i, d := range all {
				checkSet(t, fmt.Sprint("gradient ", i), d)
				if d == nil || len(all) == 1 {
					continue
				}
				again, one := c.run(func(operand int) bool { return operand == i })
				if !slices.Equal(again, y) {
					t.Errorf("a second run gives %v, want %v", again, y)
				}
				if !slices.Equal(one[i], d) {
					t.Errorf("gradient %d alone is %v, want %v as among all", i, one[i], d)
				}
			}
		})
	}
}

func checkSet[T Float](t *testing.T, name string, x []T) {
	t.Helper()
	if i := slices.IndexFunc(x, func(v T) bool { return v != v }); i >= 0 {
		t.Errorf("%s, element %d is not set", name, i)
	}
}

// TestMix compares with the reference implementation's first numbers for seed
// 1234567 (Vigna, splitmix64.c, as tested at rosettacode.org).
func TestMix(t *testing.T) {
	const golden = 0x9e3779b97f4a7c15
	state := uint64(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		if got := Mix(state); got != want {
			t.Errorf("number %d is %d, want %d", i, got, want)
		}
		state += golden
	}
}

// TestSum covers all remainders of the four partial sums.
func TestSum(t *testing.T) {
	for n := range 20 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i + 1)
		}
		if got, want := sum(x), float32(n*(n+1)/2); got != want {
			t.Errorf("sum of 1 to %d is %v, want %v", n, got, want)
		}
	}
}
