package conv

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// blockNorm is the batch normalisation inside a ConvBlock, see
// kernel.BatchNorm. It works on images channels last, with width channels of
// which the first F count. With z for the convolution without its bias, and μ
// and σ² for the statistics of z, it computes
//
//	scale·z + shift,  scale = γ/√(σ²+ε),  shift = β - scale·μ
//
// and leaves the scaling to the loop that pools. Its operands are γ, β, and the
// running mean and variance.
type blockNorm[T cpu.Float] struct {
	Norm
	images, filters, width, pixels int

	// z is the convolution of the whole batch, (images, pixels, width).
	z []T
	// means and m2s are statistics of each image, (images, width): the mean, and
	// the sum of squared distances from it. In Backward they are the image's sums
	// Σ d and Σ d·(z-mean).
	means, m2s []T
	// mean and scale are μ and 1/√(σ²+ε) of the last Forward.
	mean, scale []T

	// The gradient of z is ofD·d + ofZ·(z-mean) + term, see gradients.
	ofD, ofZ, term []T
}

// newBlockNorm returns a normalisation of images of so many pixels. The
// channels beyond the filters keep scale and gradient zero.
func newBlockNorm[T cpu.Float](images, filters, width, pixels int, o Norm) *blockNorm[T] {
	b := &blockNorm[T]{Norm: o, images: images, filters: filters, width: width, pixels: pixels}
	for _, v := range []*[]T{&b.mean, &b.scale, &b.ofD, &b.ofZ, &b.term} {
		*v = make([]T, width)
	}
	return b
}

// reserve makes room for the whole batch.
func (b *blockNorm[T]) reserve() {
	b.z = cpu.Sized(b.z, b.images*b.pixels*b.width)
	b.means, b.m2s = cpu.Sized(b.means, b.images*b.width), cpu.Sized(b.m2s, b.images*b.width)
}

// image is the convolution of image n, channels last.
func (b *blockNorm[T]) image(n int) []T {
	size := b.pixels * b.width
	return b.z[n*size:][:size]
}

// statistics takes the mean of image n and the squared distances from it,
// channel by channel; in two passes, so that the squares keep their digits. It
// does nothing where the running statistics serve.
func (b *blockNorm[T]) statistics(n int, z []T) {
	if !b.Training {
		return
	}
	mean, m2 := b.means[n*b.width:][:b.width], b.m2s[n*b.width:][:b.width]
	clear(mean)
	clear(m2)
	pixel.Sums(mean, z, b.pixels, b.width)
	for f := range mean {
		mean[f] /= T(b.pixels)
	}
	pixel.Squares(m2, z, mean, b.pixels, b.width)
}

// batch combines the images' statistics (Chan, Golub and LeVeque 1979), in the
// order of the images and in float64:
//
//	mean = Σ means/N,  m2 = Σ (m2s + pixels·(means-mean)²),  σ² = m2/(N·pixels)
//
// and moves the running statistics. The bias, which the convolution leaves out,
// moves the running mean and nothing else.
func (b *blockNorm[T]) batch(in [][]T, bias []T) {
	count := float64(b.images * b.pixels)
	for f := range b.filters {
		var mean, m2 float64
		for n := range b.images {
			mean += float64(b.means[n*b.width+f])
		}
		mean /= float64(b.images)
		for n := range b.images {
			d := float64(b.means[n*b.width+f]) - mean
			m2 += float64(b.m2s[n*b.width+f]) + float64(b.pixels)*d*d
		}
		b.mean[f], b.scale[f] = T(mean), T(1/math.Sqrt(m2/count+b.Epsilon))
		if bias != nil {
			mean += float64(bias[f])
		}
		move(&in[2][f], mean, b.Momentum)
		move(&in[3][f], m2/max(count-1, 1), b.Momentum)
	}
}

// move moves a running statistic towards the batch's.
func move[T cpu.Float](running *T, batch, momentum float64) {
	*running = T(momentum*float64(*running) + (1-momentum)*batch)
}

// running takes the running statistics. Their mean is with the bias, which z is
// without.
func (b *blockNorm[T]) running(in [][]T, bias []T) {
	for f := range b.filters {
		b.mean[f], b.scale[f] = in[2][f], T(1/math.Sqrt(float64(in[3][f])+b.Epsilon))
		if bias != nil {
			b.mean[f] -= bias[f]
		}
	}
}

// affine sets the scale and shift that normalise z.
func (b *blockNorm[T]) affine(scale, shift []T, in [][]T, bias []T) {
	if b.Training {
		b.batch(in, bias)
	} else {
		b.running(in, bias)
	}
	for f := range b.filters {
		scale[f] = in[0][f] * b.scale[f]
		shift[f] = in[1][f] - scale[f]*b.mean[f]
	}
}

// dots computes the sums Σ d and Σ d·(z-mean) of image n, where d is the
// gradient of the normalised image.
func (b *blockNorm[T]) dots(n int, d frame[T]) {
	sum, dot := b.means[n*b.width:][:b.width], b.m2s[n*b.width:][:b.width]
	clear(sum)
	clear(dot)
	z, cols := b.image(n), d.cols
	for i := range b.pixels / cols {
		pixel.Dots(sum, dot, d.pixels(i, cols), z[i*cols*b.width:], b.mean, cols, b.width)
	}
}

// gradients computes the gradients of γ and β, and prepares inputGradient. With
// a = γ·scale and means over the batch, the gradient of z is
//
//	dz = a·(d - mean(d) - (z-μ)·scale²·mean(d·(z-μ)))
//
// where the last two terms are missing if μ and σ² are constants.
func (b *blockNorm[T]) gradients(dIn, in [][]T) {
	count := float64(b.images * b.pixels)
	for f := range b.filters {
		var sum, dot float64
		for n := range b.images {
			sum += float64(b.means[n*b.width+f])
			dot += float64(b.m2s[n*b.width+f])
		}
		scale := float64(b.scale[f])
		if d := dIn[0]; d != nil {
			d[f] = T(dot * scale)
		}
		if d := dIn[1]; d != nil {
			d[f] = T(sum)
		}
		a := float64(in[0][f]) * scale
		b.ofD[f] = T(a)
		if !b.Training {
			continue // mean and variance are constants
		}
		b.ofZ[f] = T(-a * scale * scale * dot / count)
		b.term[f] = T(-a * sum / count)
	}
}

// inputGradient turns the gradient d of the normalised image n into the
// gradient of its convolution, in place.
func (b *blockNorm[T]) inputGradient(n int, d frame[T]) {
	z, cols := b.image(n), d.cols
	for i := range b.pixels / cols {
		pixel.NormGrad(d.pixels(i, cols), z[i*cols*b.width:], b.mean, b.ofD, b.ofZ, b.term, cols, b.width)
	}
}
