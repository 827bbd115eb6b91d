package kernel

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"tapenet/graph/internal/kernel/kerneltest"
)

// TestSoftMaxForwardOnly: the same result, and no memory.
func TestSoftMaxForwardOnly(t *testing.T) {
	x := kerneltest.Randoms[float32](3 * 50)
	var results [2][]float32
	for i, bytes := range []int{600, 0} {
		s := &SoftMax[float32]{Classes: 50}
		s.ForwardOnly(i == 1)
		results[i] = kerneltest.Unset[float32](len(x))
		s.Forward(results[i], [][]float32{x})
		if s.Bytes() != bytes {
			t.Errorf("forward only %v: keeps %d bytes, want %d", i == 1, s.Bytes(), bytes)
		}
	}
	if !slices.Equal(results[0], results[1]) {
		t.Errorf("forward only gives %v, want %v", results[1], results[0])
	}
}

// TestRowsOnProcessors: kernels over the rows of a matrix give the same bits for any
// number of processors, and allocate nothing.
func TestRowsOnProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const rows, cols = 301, 77
	r := rand.New(rand.NewPCG(5, 6))
	in := [][]float32{kerneltest.Normal[float32](r, rows*cols)}
	dy := kerneltest.Normal[float32](r, rows*cols)
	var want []uint32
	for _, procs := range []int{1, 2, 3, 5} {
		runtime.GOMAXPROCS(procs)
		y, dx := make([]float32, rows*cols), [][]float32{make([]float32, rows*cols)}
		s := &SoftMax[float32]{Classes: cols}
		run := func() {
			s.Forward(y, in)
			s.Backward(dx, dy, in)
		}
		run()
		if got := kerneltest.Float32Bits(y, dx[0]); want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%d processors give other bits than one", procs)
		}
		if n := testing.AllocsPerRun(10, run); n != 0 {
			t.Errorf("%d processors: %v allocations, want 0", procs, n)
		}
	}
}
