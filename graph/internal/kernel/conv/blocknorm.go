package conv

import (
	"math"

	"tapenet/graph/internal/hugepage"
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
	images, filters, width int
	rows, cols             int // of an image's convolution
	parts, partRows        int // strips of an image, each of so many rows but the last

	// z is the convolution of the whole batch, (images, pixels, width).
	z []T
	// means and m2s are statistics of each strip, (images, parts, width): the mean,
	// and the sum of squared distances from it. In Backward the first of each image's
	// are its sums Σ d and Σ d·(z-mean).
	means, m2s []T
	wide       []float64 // what batch combines them to, (2, filters)
	// mean and scale are μ and 1/√(σ²+ε) of the last Forward.
	mean, scale []T

	// The gradient of z is ofD·d + ofZ·(z-mean) + term, see gradients.
	ofD, ofZ, term []T
}

// newBlockNorm returns a normalisation of a convolution. The channels beyond the
// filters keep scale and gradient zero.
func newBlockNorm[T cpu.Float](s Shape, width int, o Norm) *blockNorm[T] {
	b := &blockNorm[T]{Norm: o, images: s.N, filters: s.F, width: width, rows: s.OH, cols: s.OW, wide: make([]float64, 2*s.F)}
	for _, v := range []*[]T{&b.mean, &b.scale, &b.ofD, &b.ofZ, &b.term} {
		*v = make([]T, width)
	}
	return b
}

// reserve makes room for the whole batch, whose statistics are taken some rows at a
// time.
func (b *blockNorm[T]) reserve(rows int) {
	b.partRows, b.parts = rows, (b.rows+rows-1)/rows
	if size := b.images * b.pixels() * b.width; len(b.z) != size {
		b.z = hugepage.Make[T](size)
	}
	size := b.images * b.parts * b.width
	b.means, b.m2s = cpu.Sized(b.means, size), cpu.Sized(b.m2s, size)
}

// pixels is the number of pixels of an image.
func (b *blockNorm[T]) pixels() int { return b.rows * b.cols }

// part returns the rows [first,last) of a strip.
func (b *blockNorm[T]) part(i int) (first, last int) {
	return i * b.partRows, min((i+1)*b.partRows, b.rows)
}

// image is the convolution of image n, channels last.
func (b *blockNorm[T]) image(n int) []T {
	size := b.pixels() * b.width
	return b.z[n*size:][:size]
}

// statistics takes the mean of a strip z of image n and the squared distances from
// it, channel by channel; in two passes, so that the squares keep their digits. It
// does nothing where the running statistics serve.
func (b *blockNorm[T]) statistics(n, part int, z []T) {
	if !b.Training {
		return
	}
	at, pixels := (n*b.parts+part)*b.width, len(z)/b.width
	mean, m2 := b.means[at:][:b.width], b.m2s[at:][:b.width]
	clear(mean)
	clear(m2)
	pixel.Sums(mean, z, pixels, b.width)
	for f := range mean {
		mean[f] /= T(pixels)
	}
	pixel.Squares(m2, z, mean, pixels, b.width)
}

// batch combines the strips' statistics (Chan, Golub and LeVeque 1979), in the
// order of the images and in float64. With p for the pixels of a strip:
//
//	mean = Σ p·means / Σ p,  m2 = Σ (m2s + p·(means-mean)²),  σ² = m2 / Σ p
//
// and moves the running statistics. The bias, which the convolution leaves out,
// moves the running mean and nothing else.
func (b *blockNorm[T]) batch(in [][]T, bias []T) {
	count := float64(b.images * b.pixels())
	means, m2s := b.wide[:b.filters], b.wide[b.filters:]
	clear(b.wide)
	b.eachPart(func(pixels float64, mean, _ []T) {
		for f := range means {
			means[f] += pixels * float64(mean[f])
		}
	})
	for f := range means {
		means[f] /= count
	}
	b.eachPart(func(pixels float64, mean, m2 []T) {
		for f := range m2s {
			d := float64(mean[f]) - means[f]
			m2s[f] += float64(m2[f]) + float64(pixels*d)*d
		}
	})
	for f, mean := range means {
		b.mean[f], b.scale[f] = T(mean), T(1/math.Sqrt(m2s[f]/count+b.Epsilon))
		if bias != nil {
			mean += float64(bias[f])
		}
		move(&in[2][f], mean, b.Momentum)
		move(&in[3][f], m2s[f]/max(count-1, 1), b.Momentum)
	}
}

// eachPart calls do for the statistics of each strip of each image, in order.
func (b *blockNorm[T]) eachPart(do func(pixels float64, mean, m2 []T)) {
	for i := range b.images * b.parts {
		first, last := b.part(i % b.parts)
		do(float64((last-first)*b.cols), b.means[i*b.width:][:b.width], b.m2s[i*b.width:][:b.width])
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

// sumsOf is where the sums Σ d and Σ d·(z-mean) of image n go, from zero on.
func (b *blockNorm[T]) sumsOf(n int) (sum, dot []T) {
	sum, dot = b.means[n*b.parts*b.width:][:b.width], b.m2s[n*b.parts*b.width:][:b.width]
	clear(sum)
	clear(dot)
	return sum, dot
}

// dots computes the sums Σ d and Σ d·(z-mean) of image n, where d is the
// gradient of the normalised image.
func (b *blockNorm[T]) dots(n int, d frame[T]) {
	sum, dot := b.sumsOf(n)
	z := b.image(n)
	for i := range b.rows {
		pixel.Dots(sum, dot, d.pixels(i, b.cols), z[i*b.cols*b.width:], b.mean, b.cols, b.width)
	}
}

// gradients computes the gradients of γ and β, and prepares inputGradient. With
// a = γ·scale and means over the batch, the gradient of z is
//
//	dz = a·(d - mean(d) - (z-μ)·scale²·mean(d·(z-μ)))
//
// where the last two terms are missing if μ and σ² are constants.
func (b *blockNorm[T]) gradients(dIn, in [][]T) {
	count := float64(b.images * b.pixels())
	for f := range b.filters {
		var sum, dot float64
		for n := range b.images {
			sum += float64(b.means[n*b.parts*b.width+f])
			dot += float64(b.m2s[n*b.parts*b.width+f])
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
	z := b.image(n)
	for i := range b.rows {
		dz := d.pixels(i, b.cols)
		pixel.NormGrad(dz, dz, z[i*b.cols*b.width:], b.mean, b.ofD, b.ofZ, b.term, b.cols, b.width)
	}
}
