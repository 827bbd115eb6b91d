package conv

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/kerneltest"
)

// TestPlanarBlock: on every tier it is Conv2d with tanh and the mean of pairs behind it,
// and its gradients are theirs, with rows and columns that no window covers too.
func TestPlanarBlock(t *testing.T) {
	kerneltest.EachTier(t, func(t *testing.T) {
		t.Run("float32", testPlanarBlock[float32])
		t.Run("float64", testPlanarBlock[float64])
	})
}

func testPlanarBlock[T cpu.Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, s := range []Shape{
		{N: 3, C: 1, H: 28, W: 28, F: 6, KH: 5, KW: 5, PadTop: 2, PadLeft: 2, OH: 28, OW: 28},
		{N: 10, C: 3, H: 7, W: 29, F: 5, KH: 3, KW: 2, PadTop: 1, OH: 7, OW: 29},
	} {
		s.StrideH, s.StrideW, s.DilationH, s.DilationW, s.Groups = 1, 1, 1, 1, 1
		ph, pw := s.OH/2, s.OW/2
		in := [][]T{kerneltest.Normal[T](r, s.N*s.InSize()), kerneltest.Normal[T](r, s.Weights()), kerneltest.Normal[T](r, s.F)}
		for i := range in[1] {
			in[1][i] /= 4 // so that tangents are not all near one
		}
		dy := kerneltest.Normal[T](r, s.N*s.F*ph*pw)
		wantY, want := planarParts(s, in, dy)
		p := NewPlanarBlock[T](s, true)
		y, dIn := kerneltest.Unset[T](len(dy)), [][]T{make([]T, len(in[0])), make([]T, len(in[1])), make([]T, s.F)}
		p.Forward(y, in)
		p.Backward(dIn, dy, in)
		kerneltest.CheckRelative(t, "y", y, wantY, 1e-5)
		for i, name := range []string{"dx", "dw", "dbias"} {
			kerneltest.CheckRelative(t, name, dIn[i], want[i], 1e-4)
		}
		p.ForwardOnly(true)
		p.Forward(y, in)
		kerneltest.CheckRelative(t, "y alone", y, wantY, 1e-5)
		checkPlans(t, s, y, in)
	}
}

// checkPlans compares what a block for inference says that it will keep with what it
// keeps, on one processor.
func checkPlans[T cpu.Float](t *testing.T, s Shape, y []T, in [][]T) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := NewPlanarBlock[T](s, true)
	p.ForwardOnly(true)
	want := p.Plans()
	p.Forward(y, in)
	if got := p.Bytes(); got != want {
		t.Errorf("%+v keeps %d bytes, want the %d planned", s, got, want)
	}
}

// planarParts computes what a PlanarBlock does part by part.
func planarParts[T cpu.Float](s Shape, in [][]T, dy []T) (y []T, dIn [][]T) {
	c, ph, pw := NewConv2d[T](s, true), s.OH/2, s.OW/2
	z := make([]T, s.N*s.OutSize())
	c.Forward(z, in)
	y, dz := make([]T, len(dy)), make([]T, len(z))
	for i := range y {
		top := (i/(ph*pw)*s.OH + i/pw%ph*2) * s.OW
		for _, at := range []int{0, 1, s.OW, s.OW + 1} {
			tangent := math.Tanh(float64(z[top+i%pw*2+at]))
			y[i] += T(tangent / 4)
			dz[top+i%pw*2+at] = T(float64(dy[i]) / 4 * (1 - tangent*tangent))
		}
	}
	dIn = [][]T{make([]T, len(in[0])), make([]T, len(in[1])), make([]T, len(in[2]))}
	c.Backward(dIn, dz, in)
	return y, dIn
}
