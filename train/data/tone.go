package data

import (
	"math/rand/v2"
)

// Cutout sets a square to 0 (DeVries and Taylor 2017, "Improved Regularization
// of Convolutional Neural Networks with Cutout"). Its centre is anywhere in the
// image, so a part of it may be outside.
type Cutout struct {
	Size int // side in pixels; 0 means half the image's smaller side
}

// Apply implements [Augmentation].
func (s Cutout) Apply(im *Image, r *rand.Rand) {
	size := or(s.Size, max(1, min(im.H, im.W)/2))
	top, left := r.IntN(im.H)-size/2, r.IntN(im.W)-size/2
	x := im.Pixels()
	for c := range im.C {
		for row := max(0, top); row < min(im.H, top+size); row++ {
			for col := max(0, left); col < min(im.W, left+size); col++ {
				x[(c*im.H+row)*im.W+col] = 0
			}
		}
	}
}

// Brightness adds one number to all values, which stay within 0..1.
type Brightness struct {
	By float64 // at most, up or down; 0 means 0.2
}

// Apply implements [Augmentation].
func (s Brightness) Apply(im *Image, r *rand.Rand) {
	by := float32(within(r, or(s.By, 0.2)))
	x := im.Pixels()
	for i, v := range x {
		x[i] = clamp(v + by)
	}
}

// Contrast multiplies the distances of all values from their mean; they stay
// within 0..1.
type Contrast struct {
	By float64 // by 1-By to 1+By; 0 means 0.2
}

// Apply implements [Augmentation].
func (s Contrast) Apply(im *Image, r *rand.Rand) {
	factor := float32(1 + within(r, or(s.By, 0.2)))
	x := im.Pixels()
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := float32(sum / float64(len(x)))
	for i, v := range x {
		x[i] = clamp(mean + factor*(v-mean))
	}
}

// Noise adds a Gaussian number to each value, which stays within 0..1.
type Noise struct {
	Deviation float64 // 0 means 0.05
}

// Apply implements [Augmentation].
func (s Noise) Apply(im *Image, r *rand.Rand) {
	deviation := or(s.Deviation, 0.05)
	x := im.Pixels()
	for i, v := range x {
		x[i] = clamp(v + float32(deviation*r.NormFloat64()))
	}
}

// Gaussian adds a Gaussian number to each value, and lets it leave 0..1: what a network
// needs to have seen for randomized smoothing, whose noise does not stop there (Cohen et
// al. 2019). It is the last of several steps: some others bring values back to 0..1.
type Gaussian struct {
	Deviation float64
}

// Apply implements [Augmentation].
func (s Gaussian) Apply(im *Image, r *rand.Rand) {
	x := im.Pixels()
	for i, v := range x {
		x[i] = v + float32(s.Deviation*r.NormFloat64())
	}
}

func clamp(v float32) float32 { return max(0, min(v, 1)) }
