package bench

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"time"
)

const (
	warmUp   = 2       // steps before the measurement
	minSteps = 5       // even if they take longer than they should
	maxSteps = 1 << 17 // even if they take less
)

// measure repeats the step until the time is up.
func measure(ctx context.Context, w work, limit time.Duration) (turn, error) {
	for range warmUp {
		if err := w.step(); err != nil {
			return turn{}, err
		}
	}
	times := make([]float64, 0, maxSteps) // the pages that stay unused cost no memory
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, cpuBegan := time.Now(), cpuTime()
	last := began
	for len(times) < minSteps || last.Sub(began) < limit && len(times) < maxSteps {
		if err := ctx.Err(); err != nil {
			return turn{}, err
		}
		if err := w.step(); err != nil {
			return turn{}, err
		}
		now := time.Now()
		times = append(times, math.Round(float64(now.Sub(last))/100)/1e4) // tenths of a microsecond
		last = now
	}
	cpu := (cpuTime() - cpuBegan).Seconds()
	runtime.ReadMemStats(&after)
	return turn{Samples: times, CPUSeconds: cpu, Allocs: float64(after.Mallocs - before.Mallocs)}, w.finite()
}

// finite returns an error if the last step came to numbers that no time should be
// taken of.
func (w work) finite() error {
	if w.result == nil {
		return nil
	}
	for _, v := range w.result() {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return errors.New("bench: the result holds NaN or Inf, want finite numbers")
		}
	}
	return nil
}

// figures are what a turn came to. Those that the system does not tell are 0, and
// absent from JSON.
type figures struct {
	Steps               int     `json:"steps"`
	ImagesPerSecond     float64 `json:"images_per_second"`
	ImagesPerCPUSecond  float64 `json:"images_per_cpu_second,omitempty"`
	Median              float64 `json:"ms_per_step"` // milliseconds, like the four below
	Fastest             float64 `json:"ms_fastest"`
	Quartile1           float64 `json:"ms_quartile1"`
	Quartile3           float64 `json:"ms_quartile3"`
	P99                 float64 `json:"ms_p99"` // 99 of 100 steps take no longer
	MulAddsPerSecond    float64 `json:"mul_adds_per_second"`
	MulAddsPerCPUSecond float64 `json:"mul_adds_per_cpu_second,omitempty"`
	AllocsPerStep       float64 `json:"allocs_per_step"`
	PeakMB              float64 `json:"peak_mb,omitempty"`
}

// figures are those of a turn of steps of so many images and multiply-adds.
func (t turn) figures(images, mulAdds int) figures {
	times := slices.Sorted(slices.Values(t.Samples))
	ms := 0.0
	for _, v := range times {
		ms += v
	}
	steps, last := float64(len(times)), len(times)-1
	f := figures{
		Steps: len(times), AllocsPerStep: t.Allocs / steps, PeakMB: t.PeakMB,
		Fastest: times[0], Quartile1: times[last/4], Median: times[last/2], Quartile3: times[last*3/4],
		P99:             times[int(math.Ceil(0.99*steps))-1],
		ImagesPerSecond: float64(images) * steps / (ms / 1e3), MulAddsPerSecond: float64(mulAdds) * steps / (ms / 1e3),
	}
	if t.CPUSeconds > 0 {
		f.ImagesPerCPUSecond, f.MulAddsPerCPUSecond = float64(images)*steps/t.CPUSeconds, float64(mulAdds)*steps/t.CPUSeconds
	}
	return f
}
