package data

import "fmt"

// Features returns d with numbers in place of its images: so many for each, as shape
// (size,1,1), one after another for the training and for the test part. Classes and
// names stay; nothing is prepared any more.
func Features(d Dataset, size int, train, test []float32) (Dataset, error) {
	if len(train) != size*d.Train.Len() || len(test) != size*d.Test.Len() {
		return d, fmt.Errorf("data: %d and %d features for %d and %d samples of dataset %q, want %d each",
			len(train), len(test), d.Train.Len(), d.Test.Len(), d.Name, size)
	}
	for _, part := range []struct {
		s      *Samples
		values []float32
	}{{&d.Train, train}, {&d.Test, test}} {
		labels, err := Labels(*part.s, d.Shape)
		if err != nil {
			return d, err
		}
		*part.s = featured{*part.s, size, part.values, labels}
	}
	d.Shape, d.Stats, d.Validation = [3]int{size, 1, 1}, Stats{}, nil
	return d, nil
}

// featured is samples with other values.
type featured struct {
	Samples
	size   int
	values []float32
	labels []int
}

// Read implements [Samples].
func (s featured) Read(i int, x []float32) (class int, err error) {
	if err := checkIndex(i, s.Len()); err != nil {
		return 0, err
	}
	if len(x) != s.size {
		return 0, fmt.Errorf("data: room for %d values, want %d features", len(x), s.size)
	}
	copy(x, s.values[i*s.size:])
	return s.labels[i], nil
}

func (s featured) class(i int, _ []float32) (int, error) { return s.labels[i], nil }
func (s featured) sampleName(i int) string               { return Name(s.Samples, i) }
