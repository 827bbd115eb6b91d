package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// laid says how the images of a convolution lie: x and y, and their gradients, which
// lie the same way without a border. The zero value is planes.
type laid struct{ in, out, dxAs, dyAs pixel.Layout }

// Place tells how the image and the result lie.
func (l *laid) Place(in []pixel.Layout, out pixel.Layout) {
	*l = laid{in: in[0], out: out, dxAs: in[0].Unbordered(), dyAs: out.Unbordered()}
}

// Place tells how the residual image lies too.
func (c *ConvBlock[T]) Place(in []pixel.Layout, out pixel.Layout) {
	c.laid.Place(in, out)
	if c.Residual {
		c.res.as = in[len(in)-1]
	}
}

// LayBack takes the image as it lies. It gives the result channels last if that is
// wanted so.
func (c *Conv2d[T]) LayBack(in []pixel.Layout, last bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	return c.lay(in, pixel.Planes(c.N, c.F, c.OH, c.OW), last)
}

// LayBack is that of a convolution. A residual image is wanted as the result lies.
func (c *ConvBlock[T]) LayBack(in []pixel.Layout, last bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	want, out, ok = c.lay(in, pixel.Planes(c.N, c.F, c.PH, c.PW), last)
	if ok && c.Residual && out.Last {
		want[len(want)-1] = pixel.Want{Layout: out}
	}
	return want, out, ok
}

// lay is LayBack for results of a shape. The border that it wants is the one that
// the engine's frame has, which then reads the image where it lies.
func (c *Conv2d[T]) lay(in []pixel.Layout, y pixel.Layout, last bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	if !in[0].Last && !last {
		return nil, out, false
	}
	if c.choose(nil); c.byPlanes {
		return nil, out, false
	}
	want = make([]pixel.Want, len(in))
	if in[0].Last {
		var border pixel.Border
		if c.engine != nil {
			border = c.engine.image().Border.Max(border)
		}
		want[0] = pixel.Want{Layout: pixel.Planes(c.N, c.C, c.H, c.W).Lastly(border)}
	}
	if last {
		y = y.Lastly(pixel.Border{})
	}
	return want, y, true
}

// take makes image n the one that the engine reads, with its padding: where it lies
// if it has the border, else in a copy.
func (c *Conv2d[T]) take(s *convScratch[T], n int) {
	f := c.engine.image()
	if c.takesInPlace(f) {
		f.data, f.row = c.x[c.in.At(n, -f.Top, -f.Left):], c.in.Row()
		s.image = f
		return
	}
	f = f.over(s.padded)
	if c.in.Last {
		f.read(c.x, c.in, n, c.C)
	} else {
		f.load(c.x[n*c.InSize():][:c.InSize()], c.W, c.H*c.W, c.C)
	}
	s.padded, s.image = f.data, f
}

// takesInPlace reports whether an engine reads images where they lie, given the frame
// that it wants.
func (c *Conv2d[T]) takesInPlace(f frame[T]) bool {
	return c.in.Last && c.in.Stride == f.width && c.in.Border.Max(f.Border) == c.in.Border
}

// give computes the gradient of image n, given s.dz, and writes it or adds it.
func (c *Conv2d[T]) give(s *convScratch[T], n int) {
	var dx []T // where the engine may write it at once
	if c.dxAs.Last && !c.adds {
		dx = c.gradientOf(n)
	}
	if f := c.engine.inputGradient(dx, s); len(dx) == 0 || &f.data[0] != &dx[0] {
		c.takeGradient(s, n, f)
	}
}

// takeGradient writes the gradient of image n to its place, or adds it.
func (c *Conv2d[T]) takeGradient(s *convScratch[T], n int, f frame[T]) {
	switch {
	case !c.dxAs.Last:
		f.unload(c.room(s, n), c.C)
		c.settle(s, n)
	case c.adds:
		f.add(c.dx, c.dxAs, n, c.C)
	default:
		f.write(c.dx, c.dxAs, n, c.C)
	}
}

// gradient is a frame without a border for the gradient of an image: over dx, or
// over memory of s if that is nil.
func (s *convScratch[T]) gradient(dx []T, rows, cols, width int) frame[T] {
	f := frameOf[T](rows, cols, width, pixel.Border{})
	if dx != nil {
		f.data = dx
		return f
	}
	f = f.over(s.dx)
	s.dx = f.data
	return f
}

// loadGradient sets s.dz to the gradient of image n's convolution.
func (c *Conv2d[T]) loadGradient(s *convScratch[T], n int) {
	if c.dyAs.Last {
		s.dz.read(c.dy, c.dyAs, n, c.F)
		return
	}
	s.dz.load(c.dy[n*c.OutSize():][:c.OutSize()], c.OW, c.pixels(), c.F)
}

// gradientPlanes is the gradient of image n's convolution as planes.
func (c *Conv2d[T]) gradientPlanes(s *convScratch[T], n int) []T {
	if !c.dyAs.Last {
		return c.dy[n*c.OutSize():][:c.OutSize()]
	}
	s.planes = cpu.Sized(s.planes, c.OutSize())
	toPlanes(s.planes, c.dy, c.dyAs, n)
	return s.planes
}

// planes is image n as planes.
func (c *Conv2d[T]) planes(s *convScratch[T], n int) []T {
	if !c.in.Last {
		return c.x[n*c.InSize():][:c.InSize()]
	}
	s.x = cpu.Sized(s.x, c.InSize())
	toPlanes(s.x, c.x, c.in, n)
	return s.x
}

// beginGradient is where the gradient of image n goes as planes. endGradient brings
// it from there to its place.
func (c *Conv2d[T]) beginGradient(s *convScratch[T], n int) []T {
	if !c.dxAs.Last {
		return c.room(s, n)
	}
	s.dxPlanes = cpu.Sized(s.dxPlanes, c.InSize())
	return s.dxPlanes
}

func (c *Conv2d[T]) endGradient(s *convScratch[T], dx []T, n int) {
	if c.dxAs.Last {
		pixel.FromPlanes(c.room(s, n), c.dxAs.Stride, dx, c.H*c.W, c.C, c.H*c.W)
	}
	c.settle(s, n)
}

// toPlanes sets planes to image n, which lies in x channels last.
func toPlanes[T cpu.Float](planes, x []T, l pixel.Layout, n int) {
	for i := range l.H {
		pixel.ToPlanes(planes[i*l.W:], l.H*l.W, x[l.At(n, i, 0):], l.Stride, l.C, l.W)
	}
}
