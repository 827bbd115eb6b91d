package data

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// Augmentation changes an image at random, so that a network sees another one
// in each epoch. An implementation draws all its choices from r, keeps nothing
// from call to call, and is safe for concurrent use.
type Augmentation interface {
	Apply(im *Image, r *rand.Rand)
}

// Augment returns d with the steps done, one after another, to each training
// image that is read. The random choices for a sample depend on the seed, the
// epoch (see [Epoch]) and the sample's index alone.
func Augment(d Dataset, seed uint64, steps ...Augmentation) Dataset {
	if len(steps) == 0 {
		return d
	}
	steps = slices.Clone(steps)
	for _, s := range steps {
		d.Changes += fmt.Sprintf("%T%+v, ", s, s)
	}
	d.Changes += fmt.Sprintf("chosen by seed %d; ", seed)
	d.Train = changed{d.Train, 0, func(epoch, i int, x []float32) {
		im := images.Get().(*Image)
		defer images.Put(im)
		im.source.Seed(mix(seed+mix(uint64(epoch))), mix(uint64(i)))
		im.start(d.Shape, x)
		for _, s := range steps {
			s.Apply(im, im.random)
		}
		im.finish(x)
	}}
	return d
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014):
// neighbours become unlike each other.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Image is an image that is being augmented. Movements are collected and done
// at once, so that the image is interpolated no more often than it has to be: a
// shift, a rotation and an elastic deformation blur it once.
type Image struct {
	C, H, W int

	pix     []float32 // C·H·W values
	moved   bool
	m       affine
	dy, dx  []float32 // H·W displacements each, in pixels; empty for none
	spare   []float32 // for the next pix
	scratch []float32 // of Elastic
	source  rand.PCG
	random  *rand.Rand // from source
}

var images = sync.Pool{New: func() any {
	im := new(Image)
	im.random = rand.New(&im.source)
	return im
}}

// start makes im an image with the pixels of x, which it may change.
func (im *Image) start(shape [3]int, x []float32) {
	im.C, im.H, im.W = shape[0], shape[1], shape[2]
	im.pix = append(im.pix[:0], x...)
	im.still()
}

// finish writes the pixels to x.
func (im *Image) finish(x []float32) { copy(x, im.Pixels()) }

func (im *Image) still() {
	im.moved, im.m = false, affine{1, 0, 0, 0, 1, 0}
	im.dy, im.dx = im.dy[:0], im.dx[:0]
}

// Pixels returns the values, 0..1, channel by channel and row by row, after all
// movements so far. They may be changed until the next call of a method.
func (im *Image) Pixels() []float32 {
	if im.moved {
		im.resample()
		im.still()
	}
	return im.pix
}

// affine maps a place (y,x) to (a·y+b·x+c, d·y+e·x+f).
type affine [6]float64

// after is the map that applies n first and m to its result.
func (m affine) after(n affine) affine {
	return affine{
		m[0]*n[0] + m[1]*n[3], m[0]*n[1] + m[1]*n[4], m[0]*n[2] + m[1]*n[5] + m[2],
		m[3]*n[0] + m[4]*n[3], m[3]*n[1] + m[4]*n[4], m[3]*n[2] + m[4]*n[5] + m[5],
	}
}

// Move moves the image: what is seen at the place (y,x), counted from the
// centre in pixels, is what was at (a·y+b·x+c, d·y+e·x+f). Outside the image
// everything is 0.
func (im *Image) Move(a, b, c, d, e, f float64) {
	im.moved, im.m = true, im.m.after(affine{a, b, c, d, e, f})
}

// Displace returns H·W displacements in each direction, in pixels, to be added
// to: what is seen at (y,x) is what Move's movements, before and after this
// call, would show at (y+dy,x+dx).
func (im *Image) Displace() (dy, dx []float32) {
	im.moved = true
	if len(im.dy) == 0 {
		im.dy, im.dx = zeros(im.dy, im.H*im.W), zeros(im.dx, im.H*im.W)
	}
	return im.dy, im.dx
}

// zeros returns n zeros, in b if they fit.
func zeros(b []float32, n int) []float32 {
	b = slices.Grow(b[:0], n)[:n]
	clear(b)
	return b
}

// resample makes pix what the movements show, by bilinear interpolation.
func (im *Image) resample() {
	to := zeros(im.spare, len(im.pix))
	cy, cx := float64(im.H-1)/2, float64(im.W-1)/2
	m, plane := im.m, im.H*im.W
	k := 0
	for row := range im.H {
		for col := range im.W {
			y, x := float64(row)-cy, float64(col)-cx
			if len(im.dy) > 0 {
				y, x = y+float64(im.dy[k]), x+float64(im.dx[k])
			}
			y, x = m[0]*y+m[1]*x+m[2]+cy, m[3]*y+m[4]*x+m[5]+cx // counted from the first pixel
			switch {
			case y >= 0 && y < float64(im.H-1) && x >= 0 && x < float64(im.W-1):
				top, left := int(y), int(x)
				fy, fx := float32(y-float64(top)), float32(x-float64(left))
				for c := range im.C {
					upper := im.pix[c*plane+top*im.W+left:]
					lower := upper[im.W:][:2]
					to[c*plane+k] = (1-fy)*((1-fx)*upper[0]+fx*upper[1]) + fy*((1-fx)*lower[0]+fx*lower[1])
				}
			case y > -1 && y < float64(im.H) && x > -1 && x < float64(im.W):
				im.atEdge(y, x, to[k:])
			} // else, as for NaN, 0
			k++
		}
	}
	im.pix, im.spare = to, im.pix
}

// atEdge writes the channels at a place less than a pixel outside the image, or
// on its last pixels, to every H·W-th value of to.
func (im *Image) atEdge(y, x float64, to []float32) {
	top, left := int(y+1)-1, int(x+1)-1 // rounded down
	fy, fx := float32(y-float64(top)), float32(x-float64(left))
	pixel := func(c, row, col int) float32 {
		if row < 0 || row >= im.H || col < 0 || col >= im.W {
			return 0
		}
		return im.pix[(c*im.H+row)*im.W+col]
	}
	for c := range im.C {
		to[c*im.H*im.W] = (1-fy)*((1-fx)*pixel(c, top, left)+fx*pixel(c, top, left+1)) +
			fy*((1-fx)*pixel(c, top+1, left)+fx*pixel(c, top+1, left+1))
	}
}
