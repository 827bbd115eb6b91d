package conv_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
	"tapenet/graph/internal/kernel/vector"
)

// convBlockCases are a convolution and the window of the pooling behind it.
var convBlockCases = []struct {
	name   string
	conv   conv.Shape
	kh, kw int
}{
	{"the CNN's", conv.Shape{N: 9, C: 1, H: 28, W: 28, F: 32, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 26, OW: 26}, 2, 2},
	{"pixels left over", conv.Shape{N: 3, C: 1, H: 22, W: 21, F: 5, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 20, OW: 19}, 2, 2},
	{"many channels", conv.Shape{N: 2, C: 8, H: 12, W: 40, F: 12, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 12, OW: 40}, 2, 2},
	{"groups, stride and 3x2 windows", conv.Shape{N: 2, C: 4, H: 15, W: 13, F: 6, KH: 2, KW: 3, StrideH: 1, StrideW: 2, PadTop: 1, PadLeft: 2, DilationH: 2, DilationW: 1, Groups: 2, OH: 15, OW: 8}, 3, 2},
	{"large", conv.Shape{N: 1, C: 1, H: 66, W: 66, F: 40, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 64, OW: 64}, 2, 2},
	{"narrow", conv.Shape{N: 2, C: 1, H: 6, W: 6, F: 3, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 4, OW: 4}, 2, 2},
}

// convBlock is ConvBlock, or the kernels that it stands for.
func convBlock[T cpu.Float](s conv.Shape, kh, kw int, top float64, fused bool, x, w, b, dy []T, wantDX bool) (out [][]T) {
	p := kernel.PoolShape{Planes: s.N * s.F, H: s.OH, W: s.OW, KH: kh, KW: kw, StrideH: kh, StrideW: kw, OH: s.OH / kh, OW: s.OW / kw}
	y, dx, dw, db := make([]T, p.Planes*p.OH*p.OW), make([]T, len(x)), make([]T, len(w)), make([]T, len(b))
	in, dIn := [][]T{x, w, b}, [][]T{nil, dw, db}
	if wantDX {
		dIn[0] = dx
	}
	if fused {
		k := conv.NewConvBlock[T](s, conv.Block{Bias: true, Top: top, KH: kh, KW: kw})
		for range 2 { // memory is reused at the second run
			k.Forward(y, in)
			k.Backward(dIn, dy, in)
		}
		return [][]T{y, dx, dw, db}
	}
	c, r, m := conv.NewConv2d[T](s, true), kernel.NewActivation[T](vector.Between(0, top)), kernel.NewMaxPool2D[T](p)
	z, a, dz, da := make([]T, s.N*s.OutSize()), make([]T, s.N*s.OutSize()), make([]T, s.N*s.OutSize()), make([]T, s.N*s.OutSize())
	c.Forward(z, in)
	if top == 0 {
		m.Forward(y, [][]T{z})
		m.Backward([][]T{dz}, dy, [][]T{z})
	} else {
		r.Forward(a, [][]T{z})
		m.Forward(y, [][]T{a})
		m.Backward([][]T{da}, dy, [][]T{a})
		r.Backward([][]T{dz}, da, [][]T{z})
	}
	c.Backward(dIn, dz, in)
	return [][]T{y, dx, dw, db}
}

func testConvBlock[T cpu.Float](t *testing.T, bound float64) {
	for _, c := range convBlockCases {
		for mode := range 6 {
			top, wantDX := []float64{0, 1.5, math.Inf(1)}[mode%3], mode < 3
			t.Run(fmt.Sprintf("%s/top %v/dx %v", c.name, top, wantDX), func(t *testing.T) {
				r := rand.New(rand.NewPCG(3, 4))
				s := c.conv
				x, w, b := kerneltest.Normal[T](r, s.N*s.InSize()), kerneltest.Normal[T](r, s.Weights()), kerneltest.Normal[T](r, s.F)
				dy := kerneltest.Normal[T](r, s.N*s.F*(s.OH/c.kh)*(s.OW/c.kw))
				want := convBlock(s, c.kh, c.kw, top, false, x, w, b, dy, wantDX)
				got := convBlock(s, c.kh, c.kw, top, true, x, w, b, dy, wantDX)
				for i, name := range []string{"y", "dx", "dw", "dbias"} {
					kerneltest.CheckRelative(t, name, got[i], want[i], bound)
				}
			})
		}
	}
}

// ConvBlock computes what convolution, activation and max-pooling do one by one, on
// every tier.
func TestConvBlockEqualsItsParts(t *testing.T) {
	for to := cpu.TierGo; to <= cpu.Best(); to++ {
		t.Run(to.String(), func(t *testing.T) {
			defer cpu.Use(to)()
			testConvBlock[float32](t, 1e-5)
		})
	}
	t.Run("float64", func(t *testing.T) { testConvBlock[float64](t, 1e-13) })
}

// A NaN in the image reaches the output, and clipped windows get no gradient.
func TestConvBlockNaN(t *testing.T) {
	s := convBlockCases[0].conv
	r := rand.New(rand.NewPCG(5, 6))
	x, w, b := kerneltest.Normal[float32](r, s.N*s.InSize()), kerneltest.Normal[float32](r, s.Weights()), kerneltest.Normal[float32](r, s.F)
	dy := kerneltest.Normal[float32](r, s.N*s.F*13*13)
	x[100] = float32(math.NaN())
	got := convBlock(s, 2, 2, math.Inf(1), true, x, w, b, dy, false)[0]
	want := convBlock(s, 2, 2, math.Inf(1), false, x, w, b, dy, false)[0]
	nan := 0
	for i := range want {
		if (want[i] != want[i]) != (got[i] != got[i]) {
			t.Fatalf("y[%d] is %v, want %v", i, got[i], want[i])
		}
		if got[i] != got[i] {
			nan++
		}
	}
	if nan == 0 {
		t.Error("no NaN in the output")
	}
}

// The bits do not depend on the number of threads, and nothing is allocated
// after the first run.
func TestConvBlockThreadsAndMemory(t *testing.T) {
	s := convBlockCases[0].conv
	r := rand.New(rand.NewPCG(7, 8))
	x, w, b := kerneltest.Normal[float32](r, s.N*s.InSize()), kerneltest.Normal[float32](r, s.Weights()), kerneltest.Normal[float32](r, s.F)
	dy := kerneltest.Normal[float32](r, s.N*s.F*13*13)
	var first []uint32
	for _, threads := range []int{1, 2, 3} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
			bits := kerneltest.Float32Bits(convBlock(s, 2, 2, math.Inf(1), true, x, w, b, dy, false)...)
			if first == nil {
				first = bits
			}
			if !slices.Equal(bits, first) {
				t.Errorf("%d threads give other bits than one", threads)
			}
		}()
	}
	k := conv.NewConvBlock[float32](s, conv.Block{Bias: true, Top: math.Inf(1), KH: 2, KW: 2})
	y, in, dIn := make([]float32, len(dy)), [][]float32{x, w, b}, [][]float32{nil, make([]float32, len(w)), make([]float32, len(b))}
	if n := testing.AllocsPerRun(5, func() { k.Forward(y, in); k.Backward(dIn, dy, in) }); n > 0 {
		t.Errorf("%v allocations a run", n)
	}
}

// An infinite pixel does not reach the gradient of another image, also where the
// filters do not fill a vector.
func TestConvBlockInfinity(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // all images go through the same memory
	s := conv.Shape{N: 2, C: 3, H: 6, W: 6, F: 4, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, DilationH: 1, DilationW: 1, Groups: 1, OH: 6, OW: 6}
	r := rand.New(rand.NewPCG(9, 10))
	x, w, b := kerneltest.Normal[float32](r, s.N*s.InSize()), kerneltest.Normal[float32](r, s.Weights()), kerneltest.Normal[float32](r, s.F)
	x[s.InSize()+20] = float32(math.Inf(1))
	dx := convBlock(s, 2, 2, 0, true, x, w, b, kerneltest.Normal[float32](r, s.N*s.F*9), true)[1]
	for i, v := range dx[:s.InSize()] {
		if v != v {
			t.Fatalf("dx[%d] is NaN", i)
		}
	}
}

// Filters may see padding alone.
func TestConv2dPaddingAlone(t *testing.T) {
	for _, c := range []int{1, 3, 16} {
		s := conv.Shape{N: 1, C: c, H: 2, W: 1, F: 2, KH: 1, KW: 1, StrideH: 1, StrideW: 6, PadLeft: 2, DilationH: 1, DilationW: 1, Groups: 1, OH: 2, OW: 1}
		y := []float32{1, 1, 1, 1}
		conv.NewConv2d[float32](s, false).Forward(y, [][]float32{kerneltest.Normal[float32](rand.New(rand.NewPCG(1, 1)), s.InSize()), make([]float32, s.Weights())})
		if !slices.Equal(y, make([]float32, 4)) {
			t.Errorf("%d channels: y is %v, want zeros", c, y)
		}
	}
}
