// Package robust measures how much a trained network bears: corruptions, turns and
// shifts, attacks, and inputs that it does not know; and whether its probabilities
// are to be believed.
//
//	p, err := infer.Load("runs/cnn")
//	report, err := robust.Measure(ctx, p, dataset.Test, robust.Config{})
//	fmt.Println(report.Clean.Accuracy, report.Corruptions[0].Mean)
//
// [Measure] takes the first images of a test part and makes a [Report], which is
// plain data: JSON for programs, with the same bytes for the same model, images and
// [Config] whatever the number of threads. [Groups] lists what can be measured. The
// README says of each measurement where it comes from and how to read it.
package robust

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tapenet/graph/attack"
	"tapenet/infer"
)

// Samples are labelled images, read by index, such as a Samples of package
// train/data.
type Samples interface {
	// Len returns the number of samples.
	Len() int
	// Read writes the pixels of sample i to x, in 0..1, channel by channel and row
	// by row, and returns its class index.
	Read(i int, x []float32) (class int, err error)
}

// Config says what to measure. The zero value measures everything, on 200 images.
type Config struct {
	// What names the measurements: a group as [Groups] has it, as in "attacks",
	// or one of its items, as in "attacks/pgd". None means all groups.
	What []string

	// Limit is the number of images, the first ones. 0 means 200, and 10,000 for
	// what needs one prediction of an image: calibration and unknown inputs. A
	// number below 0 means all.
	Limit int

	Seed uint64 // of all that is random

	// Epsilon is how far an attack may go, a distance of pixels in 0..1. 0 means 0.3
	// for L∞ and 2 for L2; a number below 0 means 0, which changes nothing.
	Epsilon float64
	Norm    attack.Norm // how the distance is measured; the zero value is L∞

	// Smoothing is how randomized smoothing certifies. 0 means a Sigma of 0.25, 1,000
	// Samples, where published figures have 100,000, and the config's Seed. Without a
	// Limit it takes 50 images.
	Smoothing Smoothing

	// Known are images of the classes that are not among the measured ones, such as
	// the training part: neighbours are looked for among them. nil means that unknown
	// inputs are not told by their neighbours.
	Known Samples
	// Unknown are sets of images that belong to none of the classes. Their own
	// classes do not matter. Noise and scrambled images are always there.
	Unknown []Named

	// Progress is called now and then, by one goroutine at a time; nil means not.
	Progress func(Progress)

	epsilon float64 // Epsilon as it is meant
}

// Named is samples with a name.
type Named struct {
	Name    string
	Samples Samples
}

// Progress is how far measuring has come.
type Progress struct {
	What     string // that is being measured, as in "corruptions/fog"
	Done, Of int    // in predictions, about
}

const (
	usualImages = 200   // without a Limit
	quickImages = 10000 // likewise, for what needs one prediction of an image
	batch       = 128   // images that are predicted together
)

// images is how many of n to take, where usual is the number without a Limit.
func (c Config) images(n, usual int) int {
	switch {
	case c.Limit < 0:
		return n
	case c.Limit > 0:
		usual = c.Limit
	}
	return min(n, usual)
}

// checked is c with its defaults, or an error.
func (c Config) checked() (Config, error) {
	if c.Norm != attack.Linf && c.Norm != attack.L2 {
		return c, fmt.Errorf("robust: the norm is %v, want %v or %v", c.Norm, attack.Linf, attack.L2)
	}
	switch {
	case math.IsNaN(c.Epsilon) || math.IsInf(c.Epsilon, 0):
		return c, fmt.Errorf("robust: attacks within %v, want a number", c.Epsilon)
	case c.Norm == attack.Linf && c.Epsilon > 1:
		return c, fmt.Errorf("robust: attacks within %g of each pixel, want up to 1: pixels are 0..1", c.Epsilon)
	case c.Epsilon == 0:
		c.epsilon = map[attack.Norm]float64{attack.Linf: 0.3, attack.L2: 2}[c.Norm]
	default:
		c.epsilon = max(c.Epsilon, 0)
	}
	return c, nil
}

// Measure measures a network on the first of the samples, which have the shape of its
// input and its classes. It stops within a batch of images when ctx is cancelled.
func Measure(ctx context.Context, p *infer.Predictor, samples Samples, c Config) (*Report, error) {
	if p == nil || samples == nil || samples.Len() == 0 {
		return nil, errors.New("robust: no network or no images, want both")
	}
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	chosen, err := choose(c.What, p.Input)
	if err != nil {
		return nil, err
	}
	m, err := newMeter(ctx, p, samples, c, chosen...)
	if err != nil {
		return nil, err
	}
	for _, item := range chosen {
		if err := m.measure(item); err != nil {
			return nil, err
		}
	}
	m.finish()
	m.failFirst()
	return m.report, nil
}
