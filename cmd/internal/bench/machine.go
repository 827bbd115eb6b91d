package bench

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"tapenet/graph"
)

// machine is what one thread can do at best, and what it runs on.
type machine struct {
	Processor string `json:"processor,omitempty"` // its model's name, "" if the system does not tell
	Tier      string `json:"tier"`                // the widest instructions that the loops have and it can do
	Cores     int    `json:"cores"`

	// PeakMulAdds is what the fastest run of fused multiply-adds in registers
	// reaches; where there is no assembly for that, of a large matrix product.
	PeakMulAdds    float64 `json:"peak_mul_adds_per_second"`
	ProductMulAdds float64 `json:"product_mul_adds_per_second"` // of a matrix product, graph's own
	CopyBytes      float64 `json:"copy_bytes_per_second"`       // read and written, far beyond the caches
}

// plainTier is the tier without assembly.
const plainTier = "plain Go"

// productSize is that of the matrices that are multiplied.
const productSize = 1024

// measureMachine takes a second at most, less if the combinations do.
func measureMachine(ctx context.Context, limit time.Duration) (machine, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	limit = min(limit, time.Second/3)
	m := machine{Processor: processorName(), Cores: runtime.NumCPU()}
	product, err := newProduct(productSize)
	if err != nil {
		return m, err
	}
	if m.ProductMulAdds, err = product.fastest(ctx, limit); err != nil {
		return m, err
	}
	if err := m.measurePeak(ctx, limit); err != nil {
		return m, err
	}
	memory, err := measure(ctx, newCopy(), limit)
	if err != nil {
		return m, err
	}
	m.CopyBytes = 2 * copySize / (slices.Min(memory.Samples) / 1e3)
	return m, nil
}

// peakTime is how long the peak is measured beside a combination: a shared
// machine's is not the same in every minute.
const peakTime = time.Second / 10

// measurePeak measures the peak anew.
func (m *machine) measurePeak(ctx context.Context, limit time.Duration) (err error) {
	peak, tier := newPeak()
	if m.Tier = tier; peak.step == nil {
		m.PeakMulAdds = m.ProductMulAdds
		return nil
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	m.PeakMulAdds, err = peak.fastest(ctx, limit)
	return err
}

// fastest is the multiply-adds a second of the fastest step.
func (w work) fastest(ctx context.Context, limit time.Duration) (float64, error) {
	t, err := measure(ctx, w, limit)
	if err != nil {
		return 0, err
	}
	return float64(w.mulAdds) / (slices.Min(t.Samples) / 1e3), nil
}

// newProduct is the product of two n×n matrices: a dense layer with nothing
// around it.
func newProduct(n int) (work, error) {
	m, err := graph.Options{Seed: seed, Loss: graph.MSE{}}.Build(graph.Dense{Units: n, NoBias: true}, graph.Infer, n, n)
	if err != nil {
		return work{}, err
	}
	fill(m.Input.Float32s())
	return work{step: m.Run, images: n, mulAdds: forwardMulAdds(m)}, nil
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

// processorName is the name of the first processor, as Linux tells it; "" if it
// does not.
func processorName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
