package data

import (
	"math"
	"math/rand/v2"
)

// Elastic deforms the image as if it were on rubber (Simard, Steinkraus and
// Platt 2003, "Best Practices for Convolutional Neural Networks Applied to
// Visual Document Analysis"): each pixel is displaced in both directions by a
// number from -1 to 1, smoothed by a Gaussian and multiplied.
type Elastic struct {
	Alpha float64 // what the smoothed numbers are multiplied by; 0 means 34
	Sigma float64 // the deviation of the Gaussian in pixels; 0 means 4
}

// Apply implements [Augmentation].
func (s Elastic) Apply(im *Image, r *rand.Rand) {
	alpha, box := float32(or(s.Alpha, 34)), newBox(or(s.Sigma, 4))
	dy, dx := im.Displace()
	n := im.H * im.W
	im.scratch = zeros(im.scratch, n+box.room(max(im.H, im.W)))
	noise, line := im.scratch[:n], im.scratch[n:]
	for _, d := range [2][]float32{dy, dx} {
		for i := range noise {
			noise[i] = 2*r.Float32() - 1
		}
		for row := range im.H {
			box.smooth(noise[row*im.W:], im.W, 1, line[:box.room(im.W)])
		}
		for col := range im.W {
			box.smooth(noise[col:], im.H, im.W, line[:box.room(im.H)])
		}
		for i, v := range noise {
			d[i] += alpha * v
		}
	}
}

// box is a mean over a window: radius whole neighbours on each side, and beyond
// them one more with the weight edge, below 1. Three of them after another are
// close to a Gaussian, at a cost that does not grow with its width. The edge
// makes their deviation exact (Gwosdek et al. 2011, "Theoretical Foundations of
// Gaussian Convolution by Extended Box Filtering").
type box struct {
	radius int
	edge   float32
}

// newBox returns the box of which three make a Gaussian with the deviation
// sigma, of at most 1000.
func newBox(sigma float64) box {
	sigma = max(0, min(sigma, 1000)) // NaN, too, has to be a number here
	if math.IsNaN(sigma) {
		sigma = 0
	}
	variance := sigma * sigma / 3
	r := math.Floor((math.Sqrt(12*variance+1) - 1) / 2)
	inner := r * (r + 1) * (2*r + 1) / 3 // the sum of squared distances
	return box{int(r), float32((variance*(2*r+1) - inner) / (2 * ((r+1)*(r+1) - variance)))}
}

// smooth applies b three times to n values of x, step apart, as if there were
// zeros beyond them. It uses line, which has b.room(n) values.
func (b box) smooth(x []float32, n, step int, line []float32) {
	width := 2*b.radius + 1
	scale := 1 / (float32(width) + 2*b.edge)
	clear(line)
	own := line[b.radius+1:][:n]
	for range 3 {
		for i := range own {
			own[i] = x[i*step]
		}
		var sum float32 // of the window about the value before the first
		for _, v := range line[1:width] {
			sum += v
		}
		for i, ahead := range line[width+1:] {
			left := line[i]
			sum += line[i+width] - left
			x[i*step] = scale * (sum + b.edge*(left+ahead))
		}
	}
}

// room returns how many values smooth needs for n: those and what the window
// sees beyond.
func (b box) room(n int) int { return n + 2*(b.radius+1) }
