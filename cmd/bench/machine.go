package main

import (
	"context"
	"runtime"
	"time"

	"tapenet/graph"
)

// machine is what one thread can do at best.
type machine struct {
	// PeakMulAdds is what the fastest run of fused multiply-adds in registers
	// reaches; where there is no assembly for that, of a large matrix product.
	PeakMulAdds    float64 `json:"peak_mul_adds_per_second"`
	ProductMulAdds float64 `json:"product_mul_adds_per_second"` // of a matrix product, graph's own
	CopyBytes      float64 `json:"copy_bytes_per_second"`       // read and written, far beyond the caches
}

// productSize is that of the matrices that are multiplied.
const productSize = 1024

// measureMachine takes a second at most, less if the combinations do.
func measureMachine(ctx context.Context, limit time.Duration) (machine, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	limit = min(limit, time.Second/3)
	var m machine
	product, err := newProduct(productSize)
	if err != nil {
		return m, err
	}
	if m.ProductMulAdds, err = product.fastest(ctx, limit); err != nil {
		return m, err
	}
	m.PeakMulAdds = m.ProductMulAdds
	if peak, ok := newPeak(); ok {
		if m.PeakMulAdds, err = peak.fastest(ctx, limit); err != nil {
			return m, err
		}
	}
	memory, err := measure(ctx, newCopy(), limit)
	if err != nil {
		return m, err
	}
	m.CopyBytes = 2 * copySize / (memory.Fastest / 1e3)
	return m, nil
}

// fastest is the multiply-adds a second of the fastest step.
func (w work) fastest(ctx context.Context, limit time.Duration) (float64, error) {
	r, err := measure(ctx, w, limit)
	if err != nil {
		return 0, err
	}
	return float64(w.mulAdds) / (r.Fastest / 1e3), nil
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
