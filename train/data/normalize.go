package data

import (
	"context"
	"fmt"
	"math"

	"tapenet/graph/raster"
)

// Stats are the mean and the standard deviation of each channel.
type Stats struct {
	Mean      []float64
	Deviation []float64
}

// NewStats measures samples of the given shape, as a rule a training part
// before any augmentation.
func NewStats(ctx context.Context, s Samples, shape [3]int) (Stats, error) {
	if s.Len() == 0 {
		return Stats{}, fmt.Errorf("data: no samples to measure")
	}
	channels, plane := shape[0], shape[1]*shape[2]
	sum, squares := make([]float64, channels), make([]float64, channels)
	err := Ahead(ctx, s, volumeOf(shape), InOrder(s.Len()), 128, func(b Batch) error {
		for k := 0; k*plane < len(b.X); k++ {
			var a, q float64
			for _, v := range b.X[k*plane:][:plane] {
				a += float64(v)
				q += float64(v) * float64(v)
			}
			sum[k%channels] += a
			squares[k%channels] += q
		}
		return nil
	})
	if err != nil {
		return Stats{}, err
	}
	st := Stats{make([]float64, channels), make([]float64, channels)}
	n := float64(s.Len()) * float64(plane)
	for c := range channels {
		st.Mean[c] = sum[c] / n
		st.Deviation[c] = math.Sqrt(max(0, squares[c]/n-st.Mean[c]*st.Mean[c]))
	}
	return st, nil
}

// Apply replaces each value of an image, v, by (v-mean)/deviation of its
// channel, and by v-mean in a channel that is constant. The image has as many
// channels as st.
func (st Stats) Apply(x []float32) {
	st.Normalisation().Apply(x)
}

// Undo is the inverse of [Stats.Apply]: it replaces each value of an image, v,
// by v·deviation+mean of its channel. The zero Stats leave the image as it is.
func (st Stats) Undo(x []float32) {
	for c, mean := range st.Mean {
		plane, scale := len(x)/len(st.Mean), st.spread(c)
		for i, v := range x[c*plane:][:plane] {
			x[c*plane+i] = float32(float64(v)*scale + mean)
		}
	}
}

// spread is the deviation of a channel, and 1 if that is constant.
func (st Stats) spread(c int) float64 {
	if st.Deviation[c] > 0 {
		return st.Deviation[c]
	}
	return 1
}

// Normalize returns d with [Stats.Apply] done to every image that is read,
// after augmentation. An inference has to do the same.
func Normalize(d Dataset, st Stats) (Dataset, error) {
	if len(st.Mean) != d.Shape[0] || len(st.Deviation) != d.Shape[0] {
		return Dataset{}, fmt.Errorf("data: %d means and %d deviations for dataset %q, want %d, one a channel",
			len(st.Mean), len(st.Deviation), d.Name, d.Shape[0])
	}
	d.Stats = st
	d.Changes += fmt.Sprintf("less mean %g, by deviation %g; ", st.Mean, st.Deviation)
	normalisation := raster.NewNormalisation(st.Mean, st.Deviation)
	apply := func(_, _ int, x []float32) { normalisation.Apply(x) }
	d.Train, d.Test = changed{d.Train, 0, apply}, changed{d.Test, 0, apply}
	if d.Validation != nil {
		d.Validation = changed{d.Validation, 0, apply}
	}
	return d, nil
}

// Prepared is all that a picture goes through on its way into a network that is
// trained on d.
func (d Dataset) Prepared() raster.Preprocessing {
	p := d.Preprocessing
	p.Mean, p.Deviation = d.Stats.Mean, d.Stats.Deviation
	return p
}

// changed is samples with something done to each image after it is read.
type changed struct {
	Samples
	n      int                             // the epoch
	change func(epoch, i int, x []float32) // to sample i; safe for concurrent use
}

func (s changed) Read(i int, x []float32) (class int, err error) {
	if class, err = s.Samples.Read(i, x); err == nil {
		s.change(s.n, i, x)
	}
	return class, err
}

func (s changed) class(i int, x []float32) (int, error) { return classOf(s.Samples, i, x) }
func (s changed) onDisk() bool                          { return onDisk(s.Samples) }
func (s changed) sampleName(i int) string               { return Name(s.Samples, i) }
func (s changed) Epoch(n int) Samples                   { return changed{Epoch(s.Samples, n), n, s.change} }

// Normalisation is what Apply does, for what computes with pixels: none for zero Stats.
func (st Stats) Normalisation() raster.Normalisation {
	return raster.NewNormalisation(st.Mean, st.Deviation)
}
