package data

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tapenet/graph/raster/corrupt"
)

// Rotated returns n training samples of d, drawn without replacement, and its test
// samples, each turned about its centre by an angle of its own, uniform over the
// circle. Of MNIST and with 12,000 this is the rotated MNIST of Larochelle et al.
// 2007, "An Empirical Evaluation of Deep Architectures on Problems with Many Factors
// of Variation", made anew: the set itself has other digits and 50,000 to test.
//
// Images are turned by [corrupt.Rotate]: interpolated once, bilinearly, 0 outside, and
// rounded to multiples of 1/255, the same on every machine. The seed and the sample's
// index say which samples they are and by which angles. All images stay in memory, a
// byte a pixel.
func Rotated(d Dataset, n int, seed uint64) (Dataset, error) {
	if n < 1 || n > d.Train.Len() {
		return Dataset{}, fmt.Errorf("data: %d rotated samples of the %d of dataset %q, want 1 or more and no more than it has", n, d.Train.Len(), d.Name)
	}
	drawn := subset{d.Train, rand.New(rand.NewPCG(seed, 0)).Perm(d.Train.Len())[:n]}
	train, err := rotated(drawn, d.Shape, mix(seed+mix(0)))
	if err != nil {
		return Dataset{}, err
	}
	test, err := rotated(d.Test, d.Shape, mix(seed+mix(1)))
	if err != nil {
		return Dataset{}, err
	}
	d.Train, d.Test, d.Name = train, test, "rotated-"+d.Name
	return d, nil
}

// rotated are the samples, each turned by an angle from the seed and its index.
func rotated(s Samples, shape [3]int, seed uint64) (*inMemory, error) {
	size := volumeOf(shape)
	to := &inMemory{make([]byte, s.Len()*size), make([]byte, s.Len()), size}
	p := corrupt.Picture{Pix: make([]float32, size), C: shape[0], H: shape[1], W: shape[2]}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("data: rotated images: %w", err)
	}
	for i := range s.Len() {
		class, err := s.Read(i, p.Pix)
		if err != nil {
			return nil, err
		}
		if class < 0 || class > math.MaxUint8 {
			return nil, fmt.Errorf("data: class %d of sample %d, want 0 to %d for rotated images", class, i, math.MaxUint8)
		}
		to.labels[i] = byte(class)
		part := float64(mix(seed+uint64(i))>>11) / (1 << 53) // of a full turn, anticlockwise
		for k, v := range corrupt.Rotate(p, -360*part).Pix {
			to.pixels[i*size+k] = toByte(v)
		}
	}
	return to, nil
}
