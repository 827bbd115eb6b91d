package data

import (
	"fmt"
	"math/bits"
)

// LabelNoise returns d with wrong labels in its training part, for experiments with methods that
// bear them: each label is replaced with the probability share, by one of the other classes, all
// equally likely ("symmetric noise"). What becomes of a sample depends on the seed and the
// sample's index alone. The test part stays as it is.
func LabelNoise(d Dataset, share float64, seed uint64) (Dataset, error) {
	switch {
	case !(share >= 0 && share < 1):
		return Dataset{}, fmt.Errorf("data: a share of %v of the labels of dataset %q replaced, want at least 0 and below 1", share, d.Name)
	case share == 0:
		return d, nil
	case d.Sets != nil:
		return Dataset{}, fmt.Errorf("data: label noise in dataset %q, whose images have several classes each, want one each", d.Name)
	case len(d.Classes) < 2:
		return Dataset{}, fmt.Errorf("data: label noise in dataset %q of %d classes, want 2 or more", d.Name, len(d.Classes))
	}
	d.Changes += fmt.Sprintf("labels of a share %g replaced, chosen by seed %d; ", share, seed)
	d.Train = relabelled{d.Train, share, len(d.Classes), seed}
	return d, nil
}

// relabelled is samples with label noise.
type relabelled struct {
	Samples
	share   float64
	classes int
	seed    uint64
}

// label is the label of sample i, whose own is class.
func (s relabelled) label(i, class int) int {
	r := mix(mix(s.seed+labelStream) + uint64(i))
	if float64(r>>11)/(1<<53) >= s.share {
		return class
	}
	other, _ := bits.Mul64(mix(r), uint64(s.classes-1)) // of 2⁶⁴: 0 to classes-2
	if int(other) >= class {
		other++
	}
	return int(other)
}

// labelStream keeps the numbers of label noise apart from those of augmentation.
const labelStream = 0x6c6162656c73

func (s relabelled) Read(i int, x []float32) (class int, err error) {
	if class, err = s.Samples.Read(i, x); err == nil {
		class = s.label(i, class)
	}
	return class, err
}

func (s relabelled) class(i int, x []float32) (class int, err error) {
	if class, err = classOf(s.Samples, i, x); err == nil {
		class = s.label(i, class)
	}
	return class, err
}

func (s relabelled) onDisk() bool            { return onDisk(s.Samples) }
func (s relabelled) sampleName(i int) string { return Name(s.Samples, i) }

func (s relabelled) Epoch(n int) Samples {
	s.Samples = Epoch(s.Samples, n)
	return s
}
