package data

import (
	"math"
	"math/rand/v2"
)

// ResizedCrop takes a random part of the image, with a random shape, and scales it to
// the image's size (Szegedy et al. 2015, "Going Deeper with Convolutions").
type ResizedCrop struct {
	Least float64 // share of the area, from which up to 1 it is; 0 means 0.35
}

// Apply implements [Augmentation]. The sides' ratio is from 3/4 to 4/3, evenly on a
// logarithmic scale.
func (s ResizedCrop) Apply(im *Image, r *rand.Rand) {
	least := or(s.Least, 0.35)
	h, w := 1.0, 1.0 // of the part, as shares of the image's
	for range 10 {
		area, ratio := least+(1-least)*r.Float64(), math.Pow(4.0/3, 2*r.Float64()-1)
		if high, wide := math.Sqrt(area/ratio), math.Sqrt(area*ratio); high <= 1 && wide <= 1 {
			h, w = high, wide
			break
		}
	}
	im.Move(h, 0, within(r, (1-h)/2)*float64(im.H), 0, w, within(r, (1-w)/2)*float64(im.W))
}

// Jitter changes brightness, contrast and, in colour, saturation, each by a random
// factor (as ColorJitter of torchvision).
type Jitter struct {
	By float64 // factors are from 1-By to 1+By; 0 means 0.3
}

// Apply implements [Augmentation].
func (s Jitter) Apply(im *Image, r *rand.Rand) {
	by := or(s.By, 0.3)
	brighten(im, 1+within(r, by))
	contrast(im, 1+within(r, by))
	saturate(im, 1+within(r, by))
}

// brighten multiplies all values.
func brighten(im *Image, factor float64) {
	x := im.Pixels()
	for i, v := range x {
		x[i] = clamp(float32(factor) * v)
	}
}

// contrast multiplies the distances from the mean of the greys.
func contrast(im *Image, factor float64) {
	x, n := im.Pixels(), im.H*im.W
	sum := 0.0
	for i := range n {
		sum += luma(x, i, n, im.C)
	}
	mean, f := float32(sum/float64(n)), float32(factor)
	for i, v := range x {
		x[i] = clamp(mean + f*(v-mean))
	}
}

// saturate multiplies the distances of each pixel's colours from its grey.
func saturate(im *Image, factor float64) {
	if im.C != 3 {
		return
	}
	x, n, f := im.Pixels(), im.H*im.W, float32(factor)
	for i := range n {
		grey := float32(luma(x, i, n, im.C))
		for c := range im.C {
			x[c*n+i] = clamp(grey + f*(x[c*n+i]-grey))
		}
	}
}

// luma is the grey of pixel i of n (ITU-R BT.601).
func luma(x []float32, i, n, channels int) float64 {
	if channels != 3 {
		return float64(x[i])
	}
	return 0.299*float64(x[i]) + 0.587*float64(x[n+i]) + 0.114*float64(x[2*n+i])
}

// sharpen moves each pixel away from the mean of its neighbourhood, for a factor above
// 1, or towards it. Pixels at the border stay.
func sharpen(im *Image, factor float64) {
	x, h, w := im.Pixels(), im.H, im.W
	im.scratch = append(im.scratch[:0], x...)
	for c := range im.C {
		from, to := im.scratch[c*h*w:][:h*w], x[c*h*w:][:h*w]
		for row := 1; row < h-1; row++ {
			for col := 1; col < w-1; col++ {
				at, sum := row*w+col, float32(0)
				for _, d := range [8]int{-w - 1, -w, -w + 1, -1, 1, w - 1, w, w + 1} {
					sum += from[at+d]
				}
				smooth := (sum + 5*from[at]) / 13 // Pillow's SMOOTH
				to[at] = clamp(smooth + float32(factor)*(from[at]-smooth))
			}
		}
	}
}

// RandAugment does some changes that it chooses at random, all of one strength (Cubuk
// et al. 2019, "RandAugment: Practical automated data augmentation with a reduced search
// space").
type RandAugment struct {
	Changes   int     // of each image; 0 means 2
	Magnitude float64 // strength of a change, up to 1; 0 means 0.3, the paper's 9 of 30
}

// Apply implements [Augmentation].
func (s RandAugment) Apply(im *Image, r *rand.Rand) {
	m := or(s.Magnitude, 0.3)
	for range or(s.Changes, 2) {
		sign := float64(2*r.IntN(2) - 1)
		randChanges[r.IntN(len(randChanges))](im, m, sign, r)
	}
}

// randChanges are the paper's. m is the strength, sign the direction where there is one.
var randChanges = []func(im *Image, m, sign float64, r *rand.Rand){
	func(*Image, float64, float64, *rand.Rand) {}, // identity
	func(im *Image, _, _ float64, r *rand.Rand) { AutoContrast{}.Apply(im, r) },
	func(im *Image, _, _ float64, r *rand.Rand) { Equalize{}.Apply(im, r) },
	func(im *Image, m, sign float64, _ *rand.Rand) {
		sin, cos := math.Sincos(sign * m * 30 * math.Pi / 180)
		im.Move(cos, -sin, 0, sin, cos, 0)
	},
	func(im *Image, m, _ float64, _ *rand.Rand) {
		x := im.Pixels()
		for i, v := range x {
			if float64(v) >= 1-m { // solarize
				x[i] = 1 - v
			}
		}
	},
	func(im *Image, m, _ float64, _ *rand.Rand) {
		mask := byte(0xff) << int(4*m) // posterize: 8 to 4 bits stay
		x := im.Pixels()
		for i, v := range x {
			x[i] = unit[byte(255*v+0.5)&mask]
		}
	},
	func(im *Image, m, sign float64, _ *rand.Rand) { saturate(im, 1+0.9*sign*m) },
	func(im *Image, m, sign float64, _ *rand.Rand) { contrast(im, 1+0.9*sign*m) },
	func(im *Image, m, sign float64, _ *rand.Rand) { brighten(im, 1+0.9*sign*m) },
	func(im *Image, m, sign float64, _ *rand.Rand) { sharpen(im, 1+0.9*sign*m) },
	func(im *Image, m, sign float64, _ *rand.Rand) { im.Move(1, 0, 0, 0.3*sign*m, 1, 0) },
	func(im *Image, m, sign float64, _ *rand.Rand) { im.Move(1, 0.3*sign*m, 0, 0, 1, 0) },
	func(im *Image, m, sign float64, _ *rand.Rand) { im.Move(1, 0, 0, 0, 1, 0.45*sign*m*float64(im.W)) },
	func(im *Image, m, sign float64, _ *rand.Rand) { im.Move(1, 0, 0.45*sign*m*float64(im.H), 0, 1, 0) },
}
