// Package corrupt spoils pictures in known ways, to test how much a network
// bears and to train one that bears more.
//
//	c, err := corrupt.Find("shot_noise")
//	spoilt := c.Apply(picture, 0, corrupt.Seed(1, index))
//
// A [Corruption] is a pure function of the picture, a severity and a seed: the
// same bytes on every machine. Three lists hold them. [MNIST] has the fifteen of
// MNIST-C (Mu and Gilmer 2019, arXiv 1906.02337), [Fashion] the further ones of
// Fashion-MNIST-C (Weiss and Tonella 2022, arXiv 2205.00664), [Common] those of
// Hendrycks and Dietterich 2019 (arXiv 1903.12261) for colour pictures. [Rotate],
// [Shift], [Scale], [Shear] and [Elastic] move a picture by a given amount. The
// README has a table of all parameters and where they come from.
//
// # The same bytes everywhere
//
// The package computes in float64 and writes each product that is added to
// something as float64(a*b): Go does not fuse such a product with the addition, on
// any processor. It calls no function of package math but those that are exact on
// every processor (Sqrt, Floor, Ceil, Abs, RoundToEven, Frexp, Ldexp); exp, log,
// sine and cosine are written out here by the same rule. Random numbers are PCG
// of math/rand/v2, whose values Go fixes. A test compares checksums, another one
// looks for fused instructions in the code for arm64.
package corrupt

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Picture is a picture of C channels, each H rows of W pixels: channel by channel
// and row by row. Pixels are 0..1, multiples of 1/255; others are rounded to such
// ones before anything else happens, and what is no number counts as 0.
type Picture struct {
	Pix     []float32 // C·H·W values
	C, H, W int
}

// MaxPixels is how many pixels, C·H·W, a picture may have.
const MaxPixels = 1 << 26

// Check returns an error if p is no picture that this package can work on.
func (p Picture) Check() error {
	if p.C < 1 || p.H < 1 || p.W < 1 || p.C > MaxPixels || p.H > MaxPixels/p.C || p.W > MaxPixels/(p.C*p.H) {
		return fmt.Errorf("corrupt: a picture of %d×%d×%d, want each at least 1 and at most %d pixels", p.C, p.H, p.W, MaxPixels)
	}
	if len(p.Pix) != p.C*p.H*p.W {
		return fmt.Errorf("corrupt: %d values for a picture of %d×%d×%d, want %d", len(p.Pix), p.C, p.H, p.W, p.C*p.H*p.W)
	}
	return nil
}

// Corruption is one way to spoil a picture.
type Corruption struct {
	Set       string // "mnist", "fashion" or "common"
	Name      string // as its paper's code has it, like "shot_noise"
	Random    bool   // whether the seed matters
	Published int    // which of the severities 1..5 is the published one, that 0 stands for

	apply func(x *canvas, level int, r *stream)
}

// String returns the set and the name, as in "mnist/shot_noise": [Find] takes it.
func (c Corruption) String() string { return c.Set + "/" + c.Name }

// Apply returns the picture, spoilt, in new memory. The severity is 1 to 5, or 0
// for the published one; a lower number counts as 0 and a higher one as 5. With
// the same seed, a higher severity has the same random choices. A picture that
// [Picture.Check] refuses comes back as a copy, unchanged.
func (c Corruption) Apply(p Picture, severity int, seed uint64) Picture {
	if c.apply == nil || p.Check() != nil {
		p.Pix = slices.Clone(p.Pix)
		return p
	}
	level := min(severity, 5)
	if level < 1 {
		level = c.Published
	}
	x := newCanvas(p)
	c.apply(x, level, newStream(seed, c.Name))
	return x.picture()
}

// Seed returns the seed for an image of a set, by the set's seed and the image's
// index: neighbours get unlike ones.
func Seed(seed uint64, image int) uint64 { return mix(seed + mix(uint64(image))) }

// MNIST returns the fifteen corruptions of MNIST-C, in the paper's order.
func MNIST() []Corruption { return slices.Clone(mnist) }

// Fashion returns the corruptions that Fashion-MNIST-C has beyond MNIST-C's.
func Fashion() []Corruption { return slices.Clone(fashion) }

// Common returns the fifteen corruptions of Hendrycks and Dietterich and their
// four extra ones. The parameters are those that the authors published for the
// nearest size: CIFAR-10-C's if the shorter side is below 48 pixels, Tiny
// ImageNet-C's below 128, and ImageNet-C's from there on. The published severity
// is all five; 0 means 3.
func Common() []Corruption { return slices.Clone(common) }

// Find returns the corruption with a name, as in "shot_noise", or with a set and
// a name, as in "common/shot_noise". Without a set, MNIST's go before Fashion's
// and these before Common's.
func Find(name string) (Corruption, error) {
	set, short, qualified := strings.Cut(name, "/")
	if !qualified {
		short = name
	}
	for _, list := range [][]Corruption{mnist, fashion, common} {
		for _, c := range list {
			if c.Name == short && (!qualified || c.Set == set) {
				return c, nil
			}
		}
	}
	return Corruption{}, fmt.Errorf("corrupt: no corruption %q, want one of %s", name, strings.Join(names(), ", "))
}

// names returns the names that [Find] knows, with the set where another list has
// the name, too.
func names() (all []string) {
	for _, list := range [][]Corruption{mnist, fashion, common} {
		for _, c := range list {
			name := c.Name
			if slices.Contains(all, name) {
				name = c.String()
			}
			all = append(all, name)
		}
	}
	return all
}

// canvas is a picture that is being worked on, in float64.
type canvas struct {
	pix     []float64 // C·H·W values
	c, h, w int
}

func newCanvas(p Picture) *canvas {
	x := &canvas{make([]float64, len(p.Pix)), p.C, p.H, p.W}
	for i, v := range p.Pix {
		x.pix[i] = toByte(float64(v)) / 255
	}
	return x
}

// toByte returns 255·v as a whole number from 0 to 255; halves become even.
func toByte(v float64) float64 { return math.RoundToEven(clip(v) * 255) }

// picture returns the values as multiples of 1/255, in new memory.
func (x *canvas) picture() Picture {
	p := Picture{make([]float32, len(x.pix)), x.c, x.h, x.w}
	for i, v := range x.pix {
		p.Pix[i] = float32(toByte(v)) / 255
	}
	return p
}

// plane returns the values of channel k.
func (x *canvas) plane(k int) []float64 {
	n := x.h * x.w
	return x.pix[k*n : (k+1)*n]
}

// each changes every channel by itself: f returns the new values of one.
func (x *canvas) each(f func(plane []float64) []float64) {
	for k := range x.c {
		copy(x.plane(k), f(x.plane(k)))
	}
}

// clip returns v between 0 and 1, and 0 if it is no number.
func clip(v float64) float64 {
	switch {
	case v >= 1:
		return 1
	case v > 0:
		return v
	}
	return 0
}
