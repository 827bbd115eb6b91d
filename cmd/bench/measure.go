package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// work is what is measured.
type work struct {
	step    func() error
	images  int // of a step
	mulAdds int // of a step
}

// result is what one combination came to. Figures that the system does not
// tell are 0, and absent from JSON.
type result struct {
	combination
	Steps               int     `json:"steps"`
	ImagesPerSecond     float64 `json:"images_per_second"`
	ImagesPerCPUSecond  float64 `json:"images_per_cpu_second,omitempty"`
	Median              float64 `json:"ms_per_step"` // milliseconds, like the three below
	Fastest             float64 `json:"ms_fastest"`
	Quartile1           float64 `json:"ms_quartile1"`
	Quartile3           float64 `json:"ms_quartile3"`
	MulAddsPerSecond    float64 `json:"mul_adds_per_second"`
	MulAddsPerCPUSecond float64 `json:"mul_adds_per_cpu_second,omitempty"`
	AllocsPerStep       float64 `json:"allocs_per_step"`
	PeakMB              float64 `json:"peak_mb,omitempty"` // resident memory, at most; reading the dataset does not count
}

const (
	warmUp   = 2       // steps before the measurement
	minSteps = 5       // even if they take longer than they should
	maxSteps = 1 << 17 // even if they take less
)

// measureCombination is the whole measurement of a combination, in this
// process and with its number of threads.
func measureCombination(ctx context.Context, engine string, c combination, limit time.Duration) (result, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.Threads))
	spec, err := lookup(c.Model)
	if err != nil {
		return result{}, err
	}
	pool, err := newImages(spec.Input)
	if err != nil {
		return result{}, err
	}
	debug.FreeOSMemory()
	resetPeak()
	var w work
	switch {
	case engine == engineGorgonia:
		w, err = newGorgonia(pool, c.Batch)
	case c.Mode == "train":
		w, err = newTraining(spec, pool, c.Batch)
	case c.Mode == "predict":
		w, err = newPrediction(spec, pool, c.Batch)
	default:
		w, err = newInference(spec, pool, c.Batch)
	}
	if err != nil {
		return result{}, err
	}
	r, err := measure(ctx, w, limit)
	r.combination, r.PeakMB = c, peakMB()
	return r, err
}

// measure repeats the step until the time is up.
func measure(ctx context.Context, w work, limit time.Duration) (result, error) {
	for range warmUp {
		if err := w.step(); err != nil {
			return result{}, err
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
			return result{}, err
		}
		if err := w.step(); err != nil {
			return result{}, err
		}
		now := time.Now()
		times = append(times, float64(now.Sub(last))/1e6)
		last = now
	}
	seconds, cpu := last.Sub(began).Seconds(), (cpuTime() - cpuBegan).Seconds()
	runtime.ReadMemStats(&after)
	r := w.rates(len(times), seconds, cpu)
	r.AllocsPerStep = float64(after.Mallocs-before.Mallocs) / float64(len(times))
	slices.Sort(times)
	n := len(times) - 1
	r.Fastest, r.Quartile1, r.Median, r.Quartile3 = times[0], times[n/4], times[n/2], times[n*3/4]
	return r, nil
}

// rates are the figures by the second and by the CPU-second.
func (w work) rates(steps int, seconds, cpu float64) result {
	images, mulAdds := float64(w.images)*float64(steps), float64(w.mulAdds)*float64(steps)
	r := result{Steps: steps, ImagesPerSecond: images / seconds, MulAddsPerSecond: mulAdds / seconds}
	if cpu > 0 {
		r.ImagesPerCPUSecond, r.MulAddsPerCPUSecond = images/cpu, mulAdds/cpu
	}
	return r
}

// defaultThreads is one thread and all.
func defaultThreads() string {
	if n := runtime.GOMAXPROCS(0); n > 1 {
		return fmt.Sprintf("1,%d", n)
	}
	return "1"
}
