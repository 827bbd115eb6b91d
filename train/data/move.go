package data

import (
	"math"
	"math/rand/v2"
)

// Shift moves the image up or down, and left or right.
type Shift struct {
	By float64 // at most so much of its height and of its width; 0 means 0.1
}

// Apply implements [Augmentation].
func (s Shift) Apply(im *Image, r *rand.Rand) {
	by := or(s.By, 0.1)
	im.Move(1, 0, within(r, by)*float64(im.H), 0, 1, within(r, by)*float64(im.W))
}

// Rotate turns the image about its centre.
type Rotate struct {
	Degrees float64 // at most, either way; 0 means 10
}

// Apply implements [Augmentation].
func (s Rotate) Apply(im *Image, r *rand.Rand) {
	sin, cos := math.Sincos(within(r, or(s.Degrees, 10)) * math.Pi / 180)
	im.Move(cos, -sin, 0, sin, cos, 0)
}

// Zoom makes the image larger or smaller, both sides alike.
type Zoom struct {
	By float64 // to 1-By to 1+By times its size, By below 1; 0 means 0.1
}

// Apply implements [Augmentation].
func (s Zoom) Apply(im *Image, r *rand.Rand) {
	scale := 1 / (1 + within(r, or(s.By, 0.1)))
	im.Move(scale, 0, 0, 0, scale, 0)
}

// Shear leans the image to the left or right.
type Shear struct {
	Degrees float64 // at most; 0 means 10
}

// Apply implements [Augmentation].
func (s Shear) Apply(im *Image, r *rand.Rand) {
	im.Move(1, 0, 0, math.Tan(within(r, or(s.Degrees, 10))*math.Pi/180), 1, 0)
}

// Flip exchanges left and right in every other image.
type Flip struct {
	Vertical bool // exchanges above and below instead
}

// Apply implements [Augmentation].
func (s Flip) Apply(im *Image, r *rand.Rand) {
	switch {
	case r.IntN(2) == 0:
	case s.Vertical:
		im.Move(-1, 0, 0, 0, 1, 0)
	default:
		im.Move(1, 0, 0, 0, -1, 0)
	}
}

// Crop puts a border of zeros around the image and cuts one of the old size out
// of it, by whole pixels.
type Crop struct {
	Padding int // width of the border in pixels; 0 means 4, the way of CIFAR
}

// Apply implements [Augmentation].
func (s Crop) Apply(im *Image, r *rand.Rand) {
	n := max(0, or(s.Padding, 4))
	im.Move(1, 0, float64(r.IntN(2*n+1)-n), 0, 1, float64(r.IntN(2*n+1)-n))
}

// within returns a number from -by to by.
func within(r *rand.Rand, by float64) float64 { return by * (2*r.Float64() - 1) }

// or returns v, or its default for 0.
func or[T int | float64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}
