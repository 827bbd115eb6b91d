package data

import "math/rand/v2"

// AugMix mixes the image with several versions of itself, each made by a chain of
// random operations (Hendrycks et al. 2020, "AugMix: A Simple Data Processing
// Method to Improve Robustness and Uncertainty", without the loss of consistency
// between versions). The weights of the versions are from Dirichlet's distribution
// and the share of the image itself is uniform, both with the paper's parameters
// of 1.
type AugMix struct {
	Ops   []Augmentation // of which the chains are made; nil means operations that are among no set of corruptions: posterize, solarize, autocontrast, equalize, gamma and elastic
	Width int            // number of versions, up to 10; 0 means 3
	Depth int            // at most so many operations in a chain, up to 10; 0 means 3
}

var mixOps = []Augmentation{Posterize{}, Solarize{}, AutoContrast{}, Equalize{}, Gamma{}, Elastic{}}

// Apply implements [Augmentation].
func (s AugMix) Apply(im *Image, r *rand.Rand) {
	ops := s.Ops
	if len(ops) == 0 {
		ops = mixOps
	}
	var room [10]float64
	weights, sum := room[:min(max(1, or(s.Width, 3)), len(room))], 0.0
	for i := range weights {
		weights[i] = r.ExpFloat64()
		sum += weights[i]
	}
	depth := min(max(1, or(s.Depth, 3)), 10)
	share := r.Float64()
	x := im.Pixels()
	im.scratch = zeros(im.scratch, len(x))
	mixed := im.scratch
	version := images.Get().(*Image)
	defer images.Put(version)
	for _, weight := range weights {
		version.start([3]int{im.C, im.H, im.W}, x)
		for range 1 + r.IntN(depth) {
			ops[r.IntN(len(ops))].Apply(version, r)
		}
		for i, v := range version.Pixels() {
			mixed[i] += float32(share*weight/sum) * v
		}
	}
	for i, v := range x {
		x[i] = clamp(float32(1-share)*v + mixed[i])
	}
}

// Posterize keeps a few levels of brightness alone.
type Posterize struct {
	Bits int // at least so many bits are kept, at most 4 of 8; 0 means 1
}

// Apply implements [Augmentation].
func (s Posterize) Apply(im *Image, r *rand.Rand) {
	bits := min(max(1, or(s.Bits, 1)), 4)
	levels := float32(int(1)<<(bits+r.IntN(5-bits))) - 1
	x := im.Pixels()
	for i, v := range x {
		x[i] = float32(int(clamp(v)*levels+0.5)) / levels
	}
}

// Solarize inverts all values above a random threshold.
type Solarize struct {
	Least float64 // the least threshold; 0 means 0.3
}

// Apply implements [Augmentation].
func (s Solarize) Apply(im *Image, r *rand.Rand) {
	least := or(s.Least, 0.3)
	threshold := float32(least + (1-least)*r.Float64())
	x := im.Pixels()
	for i, v := range x {
		if v >= threshold {
			x[i] = 1 - clamp(v)
		}
	}
}

// AutoContrast stretches the values of each channel to 0..1.
type AutoContrast struct{}

// Apply implements [Augmentation].
func (AutoContrast) Apply(im *Image, _ *rand.Rand) {
	x, plane := im.Pixels(), im.H*im.W
	for c := range im.C {
		spread(x[c*plane:][:plane])
	}
}

// Equalize makes all values of a channel about equally frequent.
type Equalize struct{}

// Apply implements [Augmentation].
func (Equalize) Apply(im *Image, _ *rand.Rand) {
	x, plane := im.Pixels(), im.H*im.W
	for c := range im.C {
		p := x[c*plane:][:plane]
		var count, below [256]int
		for _, v := range p {
			count[toByte(v)]++
		}
		sum, first := 0, -1
		for i, n := range count {
			if n > 0 && first < 0 {
				first = i
			}
			if first >= 0 && i > first {
				sum += n
			}
			below[i] = sum
		}
		if sum == 0 { // one value alone
			continue
		}
		for i, v := range p {
			p[i] = float32(below[toByte(v)]) / float32(sum)
		}
	}
}

// toByte returns 255·v, rounded and within 0..255 whatever v is.
func toByte(v float32) uint8 {
	if !(v > 0) { // NaN, too
		return 0
	}
	return uint8(min(v, 1)*255 + 0.5)
}
