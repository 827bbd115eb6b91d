package data

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Rotated returns n training samples of d, drawn without replacement, and its test
// samples, each turned about its centre by an angle of its own, uniform over the
// circle. Of MNIST and with 12,000 this is the rotated MNIST of Larochelle et al.
// 2007, "An Empirical Evaluation of Deep Architectures on Problems with Many Factors
// of Variation", made anew: the set itself has other digits and 50,000 to test.
//
// Images are interpolated once, bilinearly, and rounded to multiples of 1/255.
// Outside them everything is 0. Which samples and which angles the seed and the
// sample's index say. Pixels are computed in whole numbers: they are the same on
// every machine. All images stay in memory, a byte a pixel.
func Rotated(d Dataset, n int, seed uint64) (Dataset, error) {
	if n < 1 || n > d.Train.Len() {
		return Dataset{}, fmt.Errorf("data: %d rotated samples of the %d of dataset %q, want 1 or more and no more than it has", n, d.Train.Len(), d.Name)
	}
	drawn := subset{d.Train, rand.New(rand.NewPCG(seed, 0)).Perm(d.Train.Len())[:n]}
	train, err := rotated(drawn, d.Shape, mix(seed+mix(0)))
	if err != nil {
		return Dataset{}, err
	}
	test, err := rotated(d.Test, d.Shape, mix(seed+mix(1)))
	if err != nil {
		return Dataset{}, err
	}
	d.Train, d.Test, d.Name = train, test, "rotated-"+d.Name
	return d, nil
}

// rotated are the samples, each turned by an angle from the seed and its index.
func rotated(s Samples, shape [3]int, seed uint64) (*inMemory, error) {
	size := volumeOf(shape)
	to := &inMemory{make([]byte, s.Len()*size), make([]byte, s.Len()), size}
	x, pixels := make([]float32, size), make([]byte, size)
	for i := range s.Len() {
		class, err := s.Read(i, x)
		if err != nil {
			return nil, err
		}
		if class < 0 || class > math.MaxUint8 {
			return nil, fmt.Errorf("data: class %d of sample %d, want 0 to %d for rotated images", class, i, math.MaxUint8)
		}
		for k, v := range x {
			pixels[k] = byte(math.Round(255 * float64(v)))
		}
		to.labels[i] = byte(class)
		turn(to.pixels[i*size:][:size], pixels, shape, float64(mix(seed+uint64(i))>>11)/(1<<53))
	}
	return to, nil
}

// turn writes an image turned anticlockwise about its centre by a part of a full
// turn.
//
// Sine and cosine are rounded to multiples of 2^-30, so that the last bit of a
// machine's own does not show. Places are counted in 2^-16 pixels: their distances
// from a pixel are the weights of the interpolation, and the pixel's sum has 32 bits
// behind the point.
func turn(to, from []byte, shape [3]int, part float64) {
	sin, cos := math.Sincos(2 * math.Pi * part)
	s, c := int64(math.Round(sin*(1<<30))), int64(math.Round(cos*(1<<30)))
	h, w := shape[1], shape[2]
	plane := h * w
	for row := range h {
		for column := range w {
			y, x := int64(2*row-h+1), int64(2*column-w+1)                     // from the centre, in half pixels
			y, x = (c*y+s*x)>>15+int64(h-1)<<15, (c*x-s*y)>>15+int64(w-1)<<15 // in 2^-16 pixels, from the first one
			for k := range shape[0] {
				to[k*plane+row*w+column] = bilinear(from[k*plane:][:plane], h, w, y, x)
			}
		}
	}
}

// bilinear is the interpolation of a plane at a place in 2^-16 pixels.
func bilinear(plane []byte, h, w int, y, x int64) byte {
	top, left := int(y>>16), int(x>>16)
	fy, fx := y&0xffff, x&0xffff
	sum := int64(1) << 31 // rounds
	for i, wy := range [2]int64{1<<16 - fy, fy} {
		for j, wx := range [2]int64{1<<16 - fx, fx} {
			if row, column := top+i, left+j; row >= 0 && row < h && column >= 0 && column < w {
				sum += wy * wx * int64(plane[row*w+column])
			}
		}
	}
	return byte(sum >> 32)
}
