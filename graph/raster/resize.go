package raster

import "math"

// kernel is the weight of a pixel at a distance from another's place, for
// distances below support.
type kernel struct {
	support float64
	at      func(distance float64) float64
}

// bilinear is linear interpolation between neighbours.
var bilinear = kernel{1, func(t float64) float64 { return 1 - t }}

// catmullRom is the cubic of Catmull and Rom 1974, "A Class of Local Interpolating
// Splines", which is sharper.
var catmullRom = kernel{2, func(t float64) float64 {
	if t < 1 {
		return (1.5*t-2.5)*t*t + 1
	}
	return ((-0.5*t+2.5)*t-4)*t + 2
}}

// source is a picture that is read row by row, each (w,channels).
type source struct {
	h, w, channels int
	row            func(y int, to []float64)
}

// resized is the picture with another size, (h,w,channels). Where it becomes
// smaller the kernel becomes as much wider, so that every pixel counts.
func (s source) resized(h, w int, k kernel) []float64 {
	across, down := k.shares(s.w, w), k.shares(s.h, h)
	y := make([]float64, h*w*s.channels)
	row, narrow := make([]float64, s.w*s.channels), make([]float64, w*s.channels)
	for i := range s.h {
		s.row(i, row)
		across.apply(narrow, row, s.channels)
		for j, share := range down {
			if n := i - share.first; n >= 0 && n < len(share.weights) {
				for k, v := range narrow {
					y[j*len(narrow)+k] += v * share.weights[n]
				}
			}
		}
	}
	return y
}

// share is what pixels from first on weigh in one of the result; their sum is 1.
type share struct {
	first   int
	weights []float64
}

type shares []share

// shares are those of a line of so many pixels, for each of a line of others.
func (k kernel) shares(from, to int) shares {
	ratio := float64(from) / float64(to)
	wider := max(ratio, 1)
	list := make(shares, to)
	for i := range list {
		centre, sum := (float64(i)+0.5)*ratio-0.5, 0.0
		lo := max(int(math.Ceil(centre-k.support*wider)), 0)
		hi := min(int(math.Floor(centre+k.support*wider)), from-1)
		weights := make([]float64, 0, hi-lo+1)
		for at := lo; at <= hi; at++ {
			v := k.at(math.Abs(centre-float64(at)) / wider)
			weights, sum = append(weights, v), sum+v
		}
		for n := range weights {
			weights[n] /= sum
		}
		list[i] = share{lo, weights}
	}
	return list
}

// apply sets y from a line x of pixels.
func (l shares) apply(y, x []float64, channels int) {
	clear(y)
	for i, share := range l {
		for n, weight := range share.weights {
			for c := range channels {
				y[i*channels+c] += weight * x[(share.first+n)*channels+c]
			}
		}
	}
}
