package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// convScratch is the memory that one goroutine needs for one image at a time.
// It is kept between runs. Which of its buffers are used depends on the engine;
// all images in it are channels last.
type convScratch[T cpu.Float] struct {
	image  frame[T] // the image with its padding, where it lies or in padded
	padded []T
	z      []T      // its convolution, (OH·OW, width), or in a ConvBlock some rows of it
	dz     frame[T] // the gradient of the convolution
	dx     []T      // the gradient of the image, with its padding or without
	sum    []T      // the same as it lies in memory, before it is added to what is there

	// y is what a ConvBlock makes of the convolution, (PH·PW, width), or in
	// Backward the gradient of that.
	y []T
	r []T // the residual image, (OH·OW, width), see residual
	// line are some pixels that loops hand to each other in the first cache.
	line []T
	// cols is the image's patches, or the gradients of a row of patches, see
	// scatter. planes is the convolution or its gradient as planes (F,OH,OW). Both
	// serve where there is no engine.
	cols, planes []T
	// x and dxPlanes are an image and its gradient as planes, where these lie
	// channels last. shift is the bias.
	x, dxPlanes, shift []T
	sums               [8]T // see planeSum

	// v and m are a strip of transformed tiles, see winograd: of the image and of
	// its convolution, or of the gradients of both. dv and dm are the tiles that
	// are collected for the gradient of the filters, and tiles is their number.
	// summed says whether some have been multiplied already, so that products are
	// to be added to their sum.
	v, m, dv, dm []T
	tiles        int
	folds        bool // chunks have one sum, see Conv2d.fold
	summed       bool
	// complete is the first image whose gradient is not, and spread the number of its rows
	// of tiles that have been added to dx, where the gradients of both are had at once.
	complete, spread int

	at int // which image of a round it is, see gathered
}

// scratch returns memory for one goroutine. The goroutine puts it back into idle when
// it is done.
func (c *Conv2d[T]) scratch() *convScratch[T] {
	if s := c.idle.Get(); s != nil {
		return s
	}
	return new(convScratch[T])
}

// scratchBack is scratch for Backward: it makes room for the gradient s.dz too,
// in the border of zeros that the engine wants around it.
func (c *Conv2d[T]) scratchBack() *convScratch[T] {
	s := c.scratch()
	if c.engine != nil {
		s.dz = c.engine.frame(s.dz)
	} else {
		s.dz = frameOf[T](c.OH, c.OW, c.width(), pixel.Border{}).over(s.dz.data)
	}
	return s
}
