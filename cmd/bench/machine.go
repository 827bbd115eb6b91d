package main

import (
	"context"
	"runtime"
	"time"

	"tapenet/graph"
)

// machine is what one thread can do at best.
type machine struct {
	// PeakMulAdds is what a large matrix product, graph's own, reaches in its
	// fastest run: less than the processor's peak by what the product loses.
	PeakMulAdds float64 `json:"peak_mul_adds_per_second"`
	CopyBytes   float64 `json:"copy_bytes_per_second"` // read and written, far beyond the caches
}

// measureMachine takes a second at most, less if the combinations do.
func measureMachine(ctx context.Context, limit time.Duration) (machine, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	limit = min(limit, time.Second/2)
	product, err := newProduct(512)
	if err != nil {
		return machine{}, err
	}
	arithmetic, err := measure(ctx, product, limit)
	if err != nil {
		return machine{}, err
	}
	memory, err := measure(ctx, newCopy(), limit)
	if err != nil {
		return machine{}, err
	}
	return machine{
		PeakMulAdds: float64(product.mulAdds) / (arithmetic.Fastest / 1e3),
		CopyBytes:   2 * copySize / (memory.Fastest / 1e3),
	}, nil
}

// newProduct is the product of two n×n matrices: a dense layer with nothing
// around it.
func newProduct(n int) (work, error) {
	m, err := graph.Options{Seed: seed, Loss: graph.MSE{}}.Build(graph.Dense{Units: n, NoBias: true}, graph.Infer, n, n)
	if err != nil {
		return work{}, err
	}
	x := m.Input.Float32s()
	for i := range x {
		x[i] = unit[i%len(unit)]
	}
	return work{m.Run, n, forwardMulAdds(m)}, nil
}

const copySize = 64 << 20

// newCopy copies memory.
func newCopy() work {
	from, to := make([]byte, copySize), make([]byte, copySize)
	for i := range from {
		from[i] = 1 // memory that was never written may be one page of zeros
	}
	return work{step: func() error { copy(to, from); return nil }}
}
