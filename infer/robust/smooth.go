package robust

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"tapenet/graph"
	"tapenet/graph/metric"
	"tapenet/graph/raster"
	"tapenet/infer"
)

// Smoothing is a network behind Gaussian noise: its answer to an image is the class that
// the network gives most often to the image with noise (Cohen et al. 2019, "Certified
// Adversarial Robustness via Randomized Smoothing"). What is said of it holds with a
// probability of 1-Alpha for each image. The network should have been trained with noise
// of the same deviation.
type Smoothing struct {
	Sigma   float64 // the deviation of the noise, in pixels of 0..1, which it may leave
	Choice  int     // noisy images that choose the class; 0 means 100
	Samples int     // noisy images that are counted; 0 means 100,000 to certify, 1,000 to predict
	Alpha   float64 // probability of an error; 0 means 0.001
	Seed    uint64  // of the noise
}

// Certificate is what is certain about the smoothed network's answer to an image.
type Certificate struct {
	Class       int     // the answer; -1 for none: no class is common enough
	Radius      float64 // within it, in the Euclidean norm of pixels, the answer stays
	Probability float64 // of the class under noise, at least
	Hits, Of    int     // the noisy images of that class, and all that were counted
}

// Abstained reports whether there is no answer.
func (c Certificate) Abstained() bool { return c.Class < 0 }

// Certify returns a certificate for each image: pixels in 0..1. The counts are the same
// for any number of processors.
func (s Smoothing) Certify(ctx context.Context, p *infer.Predictor, images [][]float32) ([]Certificate, error) {
	s, err := s.checked(p, images, 100000)
	if err != nil {
		return nil, err
	}
	all := make([]Certificate, 0, len(images))
	err = s.count(ctx, p, images, func(choice, counts []int) {
		class := most(choice)
		c := Certificate{Class: class, Hits: counts[class], Of: s.Samples}
		c.Probability = metric.LowerProbability(c.Hits, c.Of, s.Alpha)
		if c.Radius = metric.SmoothedRadius(s.Sigma, c.Probability); c.Radius == 0 {
			c.Class = -1
		}
		all = append(all, c)
	})
	return all, err
}

// Predict returns the smoothed network's class for each image, or -1 where the two most
// common ones are too close to tell, by a two-sided test at Alpha.
func (s Smoothing) Predict(ctx context.Context, p *infer.Predictor, images [][]float32) ([]int, error) {
	s, err := s.checked(p, images, 1000)
	if err != nil {
		return nil, err
	}
	s.Choice = 0
	all := make([]int, 0, len(images))
	err = s.count(ctx, p, images, func(_, counts []int) {
		first := most(counts)
		class, hits := first, counts[first]
		counts[first] = 0
		if metric.CoinTest(hits, counts[most(counts)]) > s.Alpha {
			class = -1
		}
		all = append(all, class)
	})
	return all, err
}

// most is the index of the largest count, the first of equal ones.
func most(counts []int) int { return slices.Index(counts, slices.Max(counts)) }

// checked is s with its defaults, or an error.
func (s Smoothing) checked(p *infer.Predictor, images [][]float32, samples int) (Smoothing, error) {
	if p == nil {
		return s, errors.New("robust: no network to smooth, want one")
	}
	s.Choice, s.Samples, s.Alpha = cmp.Or(s.Choice, 100), cmp.Or(s.Samples, samples), cmp.Or(s.Alpha, 0.001)
	switch {
	case !(s.Sigma > 0) || math.IsInf(s.Sigma, 0):
		return s, fmt.Errorf("robust: noise of deviation %v, want a number above 0", s.Sigma)
	case s.Choice < 1 || s.Samples < 1:
		return s, fmt.Errorf("robust: %d and %d noisy images, want one or more of each", s.Choice, s.Samples)
	case !(s.Alpha > 0 && s.Alpha < 1):
		return s, fmt.Errorf("robust: errors with probability %v, want above 0 and below 1", s.Alpha)
	}
	size := p.Input[0] * p.Input[1] * p.Input[2]
	for i, x := range images {
		if len(x) != size {
			return s, fmt.Errorf("robust: image %d has %d values, want %d of shape %v", i, len(x), size, p.Input)
		}
	}
	return s, nil
}

// count calls do for each image with how often each class is given to its noisy ones:
// of those that choose, and of those that are counted.
func (s Smoothing) count(ctx context.Context, p *infer.Predictor, images [][]float32, do func(choice, counts []int)) error {
	workers, err := newSmoothers(p, min(runtime.GOMAXPROCS(0), (s.Choice+s.Samples-1)/batch+1))
	if err != nil {
		return err
	}
	for i, x := range images {
		choice, counts := make([]int, workers[0].classes), make([]int, workers[0].classes)
		var next atomic.Int64
		var done sync.WaitGroup
		for _, w := range workers {
			done.Go(func() { w.work(ctx, s, x, i, &next) })
		}
		done.Wait()
		for _, w := range workers {
			if w.err != nil {
				return w.err
			}
			for class := range counts {
				choice[class] += w.choice[class]
				counts[class] += w.counts[class]
			}
		}
		do(choice, counts)
	}
	return nil
}

// smoother is one goroutine's graph.
type smoother struct {
	model          *graph.Model
	affine         raster.Normalisation
	classes        int
	choice, counts []int // of the image at work
	err            error
}

// newSmoothers makes so many.
func newSmoothers(p *infer.Predictor, n int) (all []*smoother, err error) {
	for range n {
		net := p.Network()
		o := graph.Options{Weights: net.Weights, Fixed: true, MaxMemory: (available() + n - 1) / n} // all run at once
		m, err := o.Build(net.Layer, graph.Infer, append([]int{batch}, net.Input[:]...)...)
		if err != nil {
			return nil, fmt.Errorf("robust: %w", err)
		}
		all = append(all, &smoother{model: m, affine: net.Normalisation, classes: m.OutputShape()[1]})
	}
	return all, nil
}

// work takes batches of noisy images of image i until there are none left. The noise of a
// noisy image depends on the seed, i and its number alone, so that it does not matter
// who takes it. Those that choose come first.
func (w *smoother) work(ctx context.Context, s Smoothing, x []float32, i int, next *atomic.Int64) {
	w.choice, w.counts = make([]int, w.classes), make([]int, w.classes)
	for w.err == nil {
		lo := int(next.Add(1)-1) * batch
		hi := min(lo+batch, s.Choice+s.Samples)
		if lo >= hi {
			return
		}
		if w.err = ctx.Err(); w.err != nil {
			return
		}
		in := w.model.Input.Float32s()
		for k := lo; k < hi; k++ {
			w.noisy(in[(k-lo)*len(x):][:len(x)], x, newNormals(s.Seed, uint64(i), uint64(k)), s.Sigma)
		}
		if err := w.model.Run(); err != nil {
			w.err = fmt.Errorf("robust: %w", err)
			return
		}
		logits := w.model.Output().Float32s()
		for k := lo; k < hi; k++ {
			row := logits[(k-lo)*w.classes:][:w.classes]
			if slices.ContainsFunc(row, func(v float32) bool { return v != v }) {
				w.err = fmt.Errorf("robust: the network's answer to image %d with noise is not a number", i)
				return
			}
			if class := graph.ArgMax(row); k < s.Choice {
				w.choice[class]++
			} else {
				w.counts[class]++
			}
		}
	}
}

// noisy writes an image with noise, as the network takes it.
func (w *smoother) noisy(to, x []float32, n normals, sigma float64) {
	for k, v := range x {
		to[k] = v + float32(sigma*n.next())
	}
	w.affine.Apply(to)
}
