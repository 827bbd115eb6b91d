package data

import (
	"math"
	"math/rand/v2"
)

// The augmentations of this file change what an image looks like without being
// one of the corruptions that networks are measured with: a network that trains
// with them may be measured on MNIST-C.

// RandConv replaces the image by what a random filter makes of it (Xu et al. 2021,
// "Robust and Generalizable Visual Representation Learning via Random
// Convolutions"): a kernel of 1, 3, 5 or 7 pixels with normal weights, whose output
// is stretched to 0..1 and mixed with the image at random: as much of it as Mix
// allows in every other image, and anything less in the rest. In every third one the
// weights of each kernel sum up to 0 and the output's absolute value is taken, so
// that even areas become black. Shapes stay; what is light and dark, sharp and
// soft, does not.
type RandConv struct {
	Mix float64 // at most so much of the output; 0 means 1: all of it
}

// Apply implements [Augmentation].
func (s RandConv) Apply(im *Image, r *rand.Rand) {
	x := im.Pixels()
	side := 1 + 2*r.IntN(4)
	share := float32(or(s.Mix, 1) * min(1, 2*r.Float64()))
	even := side > 1 && r.IntN(3) == 0
	im.scratch = zeros(im.scratch, len(x))
	plane := im.H * im.W
	var room [49]float32
	kernel := room[:side*side]
	for to := range im.C {
		for from := range im.C {
			randomKernel(kernel, even, r)
			for i, weight := range kernel {
				addShifted(im.scratch[to*plane:][:plane], x[from*plane:][:plane], im.H, im.W, i/side-side/2, i%side-side/2, weight)
			}
		}
	}
	if even {
		for i, v := range im.scratch {
			im.scratch[i] = max(v, -v)
		}
	}
	spread(im.scratch)
	for i, v := range im.scratch {
		x[i] = clamp((1-share)*x[i] + share*v)
	}
}

// randomKernel makes the weights normal, with the sum 0 if even is set.
func randomKernel(kernel []float32, even bool, r *rand.Rand) {
	sum := float32(0)
	for i := range kernel {
		kernel[i] = float32(r.NormFloat64())
		sum += kernel[i]
	}
	if even {
		for i := range kernel {
			kernel[i] -= sum / float32(len(kernel))
		}
	}
}

// addShifted adds weight times the pixels at (row+dy, col+dx), which are 0 outside,
// to those at (row, col).
func addShifted(to, from []float32, h, w, dy, dx int, weight float32) {
	first, last := max(0, -dx), min(w, w-dx)
	for row := max(0, -dy); row < min(h, h-dy); row++ {
		line := from[(row+dy)*w:][:w]
		for col := first; col < last; col++ {
			to[row*w+col] += weight * line[col+dx]
		}
	}
}

// spread makes the least value 0 and the largest 1; values that are all the same
// stay within 0..1.
func spread(x []float32) {
	low, high := x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	if !(high-low > 1e-6) {
		for i, v := range x {
			x[i] = clamp(v)
		}
		return
	}
	for i, v := range x {
		x[i] = (v - low) / (high - low)
	}
}

// Curve changes all values by one random curve: straight lines between random
// values at 0, 1/3, 2/3 and 1, mixed with the values at random. Black and white
// stay apart by 0.3 at least, but may change places.
type Curve struct {
	Mix float64 // at most so much of the curve's values; 0 means 1
}

// Apply implements [Augmentation].
func (s Curve) Apply(im *Image, r *rand.Rand) {
	var knots [4]float64
	for range 20 { // it takes two on average
		for i := range knots {
			knots[i] = r.Float64()
		}
		if math.Abs(knots[3]-knots[0]) >= 0.3 {
			break
		}
	}
	share := or(s.Mix, 1) * r.Float64()
	x := im.Pixels()
	for i, v := range x {
		at := 3 * float64(clamp(v))
		k := max(0, min(int(at), 2)) // NaN is no index
		value := knots[k] + (at-float64(k))*(knots[k+1]-knots[k])
		x[i] = clamp(float32((1-share)*float64(v) + share*value))
	}
}

// Gamma raises all values to one power.
type Gamma struct {
	By float64 // from 1/(1+By) to 1+By; 0 means 1: from a half to 2
}

// Apply implements [Augmentation].
func (s Gamma) Apply(im *Image, r *rand.Rand) {
	power := math.Exp(within(r, math.Log1p(or(s.By, 1))))
	x := im.Pixels()
	for i, v := range x {
		x[i] = float32(math.Pow(float64(clamp(v)), power))
	}
}

// Light lays a random light over the image, the same in all channels: between two
// and six random values along each side, and what lies between them by bilinear
// interpolation. The image is mixed with it at random.
type Light struct {
	Mix float64 // at most so much light; 0 means 0.7
}

// Apply implements [Augmentation].
func (s Light) Apply(im *Image, r *rand.Rand) {
	n := 2 + r.IntN(5)
	var grid [36]float32
	low, high := r.Float32(), r.Float32()
	for i := range n * n {
		grid[i] = low + (high-low)*r.Float32()
	}
	share := float32(or(s.Mix, 0.7) * r.Float64())
	x, plane := im.Pixels(), im.H*im.W
	for i := range plane {
		light := between(grid[:n*n], n, i/im.W, i%im.W, im.H, im.W)
		for k := i; k < len(x); k += plane {
			x[k] = clamp((1-share)*x[k] + share*light)
		}
	}
}

// between returns the value of an n×n grid that is stretched over h rows and w
// columns.
func between(grid []float32, n, row, col, h, w int) float32 {
	y, x := float32(row)*float32(n-1)/float32(h), float32(col)*float32(n-1)/float32(w)
	top, left := min(int(y), n-2), min(int(x), n-2)
	fy, fx := y-float32(top), x-float32(left)
	upper, lower := grid[top*n+left:], grid[(top+1)*n+left:]
	return (1-fy)*((1-fx)*upper[0]+fx*upper[1]) + fy*((1-fx)*lower[0]+fx*lower[1])
}

// Occlude covers a rectangle with one random value a channel. Its sides are from an
// eighth of the image's to Side times these, and its middle is anywhere.
type Occlude struct {
	Side float64 // 0 means 0.5
}

// Apply implements [Augmentation].
func (s Occlude) Apply(im *Image, r *rand.Rand) {
	side := func(n int) int {
		return max(1, min(int(float64(n)*(0.125+(or(s.Side, 0.5)-0.125)*r.Float64())), 2*n))
	}
	h, w := side(im.H), side(im.W)
	top, left := r.IntN(im.H)-h/2, r.IntN(im.W)-w/2
	x := im.Pixels()
	for c := range im.C {
		value := r.Float32()
		for row := max(0, top); row < min(im.H, top+h); row++ {
			for col := max(0, left); col < min(im.W, left+w); col++ {
				x[(c*im.H+row)*im.W+col] = value
			}
		}
	}
}

// Patch does an augmentation inside one rectangle alone, as Patch Gaussian does
// with noise (Lopes et al. 2019, "Improving Robustness Without Sacrificing Accuracy
// with Patch Gaussian Augmentation"). The rectangle's sides are from a quarter of
// the image's to all of them, and its middle is anywhere.
type Patch struct {
	Step Augmentation // nil means one of a curve, a random filter and noise
}

var patchSteps Augmentation = OneOf{Curve{}, RandConv{}, Noise{0.4}}

// Apply implements [Augmentation].
func (s Patch) Apply(im *Image, r *rand.Rand) {
	step := s.Step
	if step == nil {
		step = patchSteps
	}
	h, w := max(1, im.H/4+r.IntN(im.H)*3/4), max(1, im.W/4+r.IntN(im.W)*3/4)
	top, left := r.IntN(im.H)-h/2, r.IntN(im.W)-w/2
	x := im.Pixels()
	version := images.Get().(*Image)
	defer images.Put(version)
	version.start([3]int{im.C, im.H, im.W}, x)
	step.Apply(version, r)
	y := version.Pixels()
	for c := range im.C {
		for row := max(0, top); row < min(im.H, top+h); row++ {
			for col := max(0, left); col < min(im.W, left+w); col++ {
				i := (c*im.H+row)*im.W + col
				x[i] = y[i]
			}
		}
	}
}

// Grain adds Gaussian noise that is smooth over a random distance, from none to
// Sigma pixels, with a random deviation: noise of any size of grain.
type Grain struct {
	Deviation float64 // at most; 0 means 0.4
	Sigma     float64 // at most; 0 means 2
}

// Apply implements [Augmentation].
func (s Grain) Apply(im *Image, r *rand.Rand) {
	deviation, sigma := or(s.Deviation, 0.4)*r.Float64(), or(s.Sigma, 2)*r.Float64()
	x, n := im.Pixels(), im.H*im.W
	box := newBox(sigma)
	im.scratch = zeros(im.scratch, n+box.room(max(im.H, im.W)))
	noise, line := im.scratch[:n], im.scratch[n:]
	for c := range im.C {
		for i := range noise {
			noise[i] = float32(r.NormFloat64())
		}
		for row := range im.H {
			box.smooth(noise[row*im.W:], im.W, 1, line[:box.room(im.W)])
		}
		for col := range im.W {
			box.smooth(noise[col:], im.H, im.W, line[:box.room(im.H)])
		}
		var square float64
		for _, v := range noise {
			square += float64(v) * float64(v)
		}
		if !(square > 0) {
			continue
		}
		scale := float32(deviation / math.Sqrt(square/float64(n)))
		for i, v := range noise {
			x[c*n+i] = clamp(x[c*n+i] + scale*v)
		}
	}
}
