package train

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// mixUp writes images of so many values to to: each of those in from, x, mixed
// with the one behind it, x', which with the last is the first:
//
//	λ·x + (1-λ)·x'    λ from Beta(α+1, α)
//
// Zhang et al. 2017 mix the targets too, λ·y + (1-λ)·y' with λ from Beta(α, α).
// As cross-entropy is linear in the target, that is on average the loss of y
// alone with probability λ and of y' otherwise. Each two images being as likely
// the other way round, it is also that of y alone under the density λ·Beta(α, α),
// which is Beta(α+1, α), times a constant (Huszár 2017, mixup: Data-dependent
// Data Augmentation).
func mixUp(to, from []float32, size int, alpha float64, r *rand.Rand) {
	for lo := 0; lo < len(from); lo += size {
		mine, others := gamma(alpha+1, r), gamma(alpha+1, r)*math.Pow(r.Float64(), 1/alpha) // of shape alpha
		a := float32(mine / (mine + others))
		x, other := from[lo:][:size], from[(lo+size)%len(from):][:size]
		for i, v := range x {
			to[lo+i] = a*v + (1-a)*other[i]
		}
	}
}

// cutMix writes images of a shape to to: each of those in from, x, with a rectangle out
// of the one behind it (Yun et al. 2019, "CutMix"). The share λ of x that stays is drawn
// as in mixUp, and for the same reason the target stays that of x. The rectangle has the
// image's shape, and lies inside it.
func cutMix(to, from []float32, shape [3]int, alpha float64, r *rand.Rand) {
	h, w := shape[1], shape[2]
	size := shape[0] * h * w
	copy(to, from)
	for lo := 0; lo < len(from); lo += size {
		mine, others := gamma(alpha+1, r), gamma(alpha+1, r)*math.Pow(r.Float64(), 1/alpha)
		side := math.Sqrt(others / (mine + others))
		high, wide := int(math.Round(side*float64(h))), int(math.Round(side*float64(w)))
		top, left := r.IntN(h-high+1), r.IntN(w-wide+1)
		other := from[(lo+size)%len(from):][:size]
		for c := range shape[0] {
			for row := top; row < top+high; row++ {
				at := (c*h+row)*w + left
				copy(to[lo+at:][:wide], other[at:])
			}
		}
	}
}

// mixed reports whether images are mixed with each other.
func (c Config) mixed() bool { return c.Mixup > 0 || c.CutMix > 0 }

func (c Config) checkMixing() error {
	if c.Mixup > 0 && c.CutMix > 0 {
		return fmt.Errorf("got Mixup %g and CutMix %g, want one of the two", c.Mixup, c.CutMix)
	}
	return nil
}

// mix writes images to to, mixed as the settings say.
func (r *run) mix(to, from []float32) {
	if r.Mixup > 0 {
		shape := r.data.Shape
		mixUp(to, from, shape[0]*shape[1]*shape[2], r.Mixup, r.mixing())
		return
	}
	cutMix(to, from, r.data.Shape, r.CutMix, r.mixing())
}

// gamma draws from the gamma distribution of a shape from 1 (Marsaglia and Tsang
// 2000, A Simple Method for Generating Gamma Variables).
func gamma(shape float64, r *rand.Rand) float64 {
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		v *= v * v
		if v > 0 && math.Log(r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// mixing returns the source of a step's shares. A constant of its own keeps it
// from being that of an epoch's order.
func (r *run) mixing() *rand.Rand {
	r.source.Seed(r.Seed^0x6d6978, r.net.Weights.Step)
	return r.random
}
