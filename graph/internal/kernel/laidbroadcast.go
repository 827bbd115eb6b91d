package kernel

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// laidBroadcast is Broadcast in training on images channels last, with a number for
// each channel: forward it is that of inference, and backward each row of the image and
// of the result's gradient is read once. With y = x·s or y = x + s, and the sums over
// the pixels (i,j) of an image,
//
//	dx[n,i,j,c] = dy·s[n,c]    ds[n,c] = Σ dy·x    of a product
//	dx[n,i,j,c] = dy           ds[n,c] = Σ dy      of a sum
//
// If all images share s, ds[c] is the sum over n besides. dx and dy have no border; x
// may have one.
type laidBroadcast[T cpu.Float] struct {
	LastBroadcast[T]
	channels   int // elements of a pixel
	zeros      []T // a shift of nothing
	sums, dots []T // of each image, (N, channels): Σ dy and Σ dy·x
	images     func(lo, hi int)
}

// channelwise reports whether s has a number for each channel of images.
func (b *Broadcast[T]) channelwise() bool {
	return len(b.shape) == 4 && b.with[2] == 1 && b.with[3] == 1 && b.with[1] == b.shape[1]
}

// LayBack takes an image channels last if it lies so; s as planes.
func (b *Broadcast[T]) LayBack(in []pixel.Layout, _ bool) (want []pixel.Want, out pixel.Layout, ok bool) {
	if !b.channelwise() {
		return nil, out, false
	}
	if want, out, ok = (&LastBroadcast[T]{plain: b}).Lay(in); ok {
		want[1] = pixel.Want{}
	}
	return want, out, ok
}

// Place tells the layouts. The memory is made here, once. Another call, with planes,
// gives it up again.
func (b *Broadcast[T]) Place(in []pixel.Layout, out pixel.Layout) {
	if b.laid = nil; !out.Last {
		return
	}
	l := &laidBroadcast[T]{LastBroadcast: LastBroadcast[T]{plain: b}}
	l.Place(in, out)
	l.images, l.channels = l.someImages, l.numbers.Width
	l.zeros = make([]T, l.channels)
	l.sums, l.dots = make([]T, out.N*l.channels), make([]T, out.N*l.channels)
	b.laid = l
}

// backward computes dx image by image, and what each adds to ds, which is summed in the
// order of the images. An image is one piece of work, and has sums of its own: so the
// bits of ds do not depend on the number of threads. They differ from those of planes,
// where a channel of an image is one run of elements, and not some of each row.
func (l *laidBroadcast[T]) backward() {
	b := l.plain
	cpu.Parallel(l.out.N, l.images)
	if b.ds == nil {
		return
	}
	sums, c := l.sums, l.out.C
	if b.multiply {
		sums = l.dots
	}
	clear(b.ds)
	for n := range l.out.N {
		// The start is 0 for each n if ds has c elements: then images add to the same ones.
		ds := b.ds[n*c%len(b.ds):][:c]
		for f, s := range sums[n*l.channels:][:c] {
			ds[f] += s
		}
	}
}

// someImages works on the images [lo,hi), row by row. It reads the numbers that the
// last Forward has set up, and takes pixels to be tight: a row is W pixels of channels
// elements, of dx, dy and x alike.
func (l *laidBroadcast[T]) someImages(lo, hi int) {
	b, w, row := l.plain, l.out.W, l.out.W*l.channels
	for n := lo; n < hi; n++ {
		s := l.numbers.Of(n)
		sum, dot := l.sums[n*l.channels:][:l.channels], l.dots[n*l.channels:][:l.channels]
		clear(sum)
		clear(dot)
		for i := range l.out.H {
			at := (n*l.out.H + i) * row
			dy, x := b.dy[at:][:row], b.x[l.in.At(n, i, 0):][:row]
			switch {
			case b.ds == nil:
			case b.multiply:
				// The loop of BatchNorm's gradient, with a mean of zero. The sum of dy
				// comes along; a product does not need it.
				pixel.Dots(sum, dot, dy, x, l.zeros, w, l.channels)
			default:
				pixel.Sums(sum, dy, w, l.channels)
			}
			switch {
			case b.dx == nil:
			case b.multiply:
				l.scaleTight(b.dx[at:], dy, s)
			default:
				copy(b.dx[at:][:row], dy)
			}
		}
	}
}

// scaleTight multiplies a row of tight pixels with numbers a channel. The numbers
// beyond C are zero, so that the gradient there stays zero.
func (l *laidBroadcast[T]) scaleTight(y, x, s []T) {
	w := pixel.Windows[T]{Width: l.channels, Scale: s, Shift: l.zeros, Floor: T(math.Inf(-1)), Top: T(math.Inf(1))}
	w.Affine(y, x, nil, l.out.W)
}
