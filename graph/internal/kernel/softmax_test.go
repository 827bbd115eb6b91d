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
	const n, cols = 301, 77
	r := rand.New(rand.NewPCG(5, 6))
	x, dy := kerneltest.Normal[float32](r, n*cols), kerneltest.Normal[float32](r, n*cols)
	gamma, beta := kerneltest.Normal[float32](r, cols), kerneltest.Normal[float32](r, cols)
	for name, test := range map[string]struct {
		kernel kerneltest.Operation[float32]
		in     [][]float32
	}{
		"SoftMax":   {&SoftMax[float32]{Classes: cols}, [][]float32{x}},
		"LayerNorm": {&LayerNorm[float32]{N: n, Size: cols, Epsilon: 1e-5}, [][]float32{x, gamma, beta}},
	} {
		var want []uint32
		for _, procs := range []int{1, 2, 3, 5} {
			runtime.GOMAXPROCS(procs)
			results := [][]float32{kerneltest.Unset[float32](n * cols)}
			for _, v := range test.in {
				results = append(results, kerneltest.Unset[float32](len(v)))
			}
			run := func() {
				test.kernel.Forward(results[0], test.in)
				test.kernel.Backward(results[1:], dy, test.in)
			}
			run()
			if got := kerneltest.Float32Bits(results...); want == nil {
				want = got
			} else if !slices.Equal(got, want) {
				t.Errorf("%s: %d processors give other bits than one", name, procs)
			}
			if allocs := testing.AllocsPerRun(10, run); allocs != 0 {
				t.Errorf("%s on %d processors: %v allocations, want 0", name, procs, allocs)
			}
		}
	}
}
