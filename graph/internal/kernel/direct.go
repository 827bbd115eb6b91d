package kernel

// direct convolves single images with the tiles of the matrix product and
// without unrolling them: images lie channels last, (H,W,C), so that what a
// filter's row sees, KW pixels of C channels, is contiguous. The rows of a
// tile are output pixels, its columns are filters.
//
// It knows convolutions of one group without dilation.
type direct[T Float] struct {
	ConvShape
	tiles  *tiles[T]
	width  int // channels of an output pixel: the filters, rounded up to eight
	filter []T // panels of [KH][KW*C][tiles.cols]
}

// directWidth is the number of channels that n are stored as.
func directWidth(n int) int { return (n + 7) &^ 7 }

// prepare chooses the tiles, and makes room for the filters. It reports false
// where there are no such tiles.
func (d *direct[T]) prepare(s ConvShape) bool {
	if s.Groups != 1 || s.DilationH != 1 || s.DilationW != 1 {
		return false
	}
	d.ConvShape, d.width = s, directWidth(s.F)
	if d.tiles = wholeTiles[T](d.width); d.tiles == nil {
		return false
	}
	if size := d.width * s.KH * s.KW * s.C; len(d.filter) != size {
		d.filter = make([]T, size)
	}
	return true
}

// The image that filters see, with its padding.
func (d *direct[T]) paddedH() int    { return (d.OH-1)*d.StrideH + d.KH }
func (d *direct[T]) paddedW() int    { return (d.OW-1)*d.StrideW + d.KW }
func (d *direct[T]) paddedSize() int { return d.paddedH() * d.paddedW() * d.C }

// weights is the number of elements of the gradient of the filters.
func (d *direct[T]) weights() int { return d.KH * d.depth() * d.width }

// depth is the number of weights in a row of a filter.
func (d *direct[T]) depth() int { return d.KW * d.C }

// pack takes up the filters w (F,C,KH,KW).
func (d *direct[T]) pack(w []T) {
	for u := range d.KH {
		for v := range d.KW {
			for c := range d.C {
				d.packWeight(u*d.depth()+v*d.C+c, w[(c*d.KH+u)*d.KW+v:], d.C*d.KH*d.KW)
			}
		}
	}
}

// packFlipped takes up the filters of the convolution that turns the gradient
// of the output of forward, stored width channels wide, into that of its input.
func (d *direct[T]) packFlipped(forward *direct[T], w []T) {
	s := forward.ConvShape
	for u := range s.KH {
		for v := range s.KW {
			for f := range s.F {
				d.packWeight((s.KH-1-u)*d.depth()+(s.KW-1-v)*d.C+f, w[(f*s.C*s.KH+u)*s.KW+v:], s.KH*s.KW)
			}
		}
	}
}

// packWeight sets one weight of every filter, given those of all filters at a
// stride.
func (d *direct[T]) packWeight(at int, w []T, stride int) {
	cols := d.tiles.cols
	panel := d.filter[at*cols:]
	for f := range d.F {
		panel[f/cols*d.KH*d.depth()*cols+f%cols] = w[f*stride]
	}
}

// load writes the planes x (C,H,W) channels last to padded, whose border is
// zero and stays so. Pixels below and right of what filters see are left out.
func (d *direct[T]) load(padded, x []T) {
	h, w := min(d.H, d.paddedH()-d.PadTop), min(d.W, d.paddedW()-d.PadLeft)
	for i := range max(h, 0) {
		row := padded[((i+d.PadTop)*d.paddedW()+d.PadLeft)*d.C:]
		if d.C == 1 {
			copy(row[:max(w, 0)], x[i*d.W:])
			continue
		}
		d.tiles.packCols(row, x[i*d.W:], d.H*d.W, max(w, 0), d.C, d.C)
	}
}

// convolve computes the output pixels of rows [lo,hi), width channels each.
func (d *direct[T]) convolve(y, padded []T, lo, hi int) {
	depth, cols := d.depth(), d.tiles.cols
	parts := (d.OW + len(d.tiles.rows) - 1) / len(d.tiles.rows)
	for f := 0; f < d.width; f += cols {
		filter := d.filter[f*d.KH*depth:]
		for i := lo; i < hi; i++ {
			row := padded[i*d.StrideH*d.paddedW()*d.C:]
			for p := range parts {
				first, last := d.OW*p/parts, d.OW*(p+1)/parts
				d.tiles.rows[last-first-1](depth, d.KH, row[first*d.StrideW*d.C:], d.StrideW*d.C, 1, d.paddedW()*d.C,
					filter, cols, depth*cols, y[((i-lo)*d.OW+first)*d.width+f:], d.width, false)
			}
		}
	}
}

// frame is an image, channels last, in a border: its pixel (i,j) begins at
// data[first+i*row+j*width].
type frame[T Float] struct {
	data              []T
	first, row, width int
	cols              int // pixels in a row
}

// pixels returns the first n pixels of row i.
func (f frame[T]) pixels(i, n int) []T { return f.data[f.first+i*f.row:][:n*f.width] }

// load sets the pixels of the first channels from planes with so many rows.
func (f frame[T]) load(planes []T, rows, channels int) {
	for i := range rows {
		transposeInto(f.pixels(i, f.cols), f.width, planes[i*f.cols:], rows*f.cols, channels, f.cols)
	}
}

// sums adds the pixels of so many rows and columns up, channel by channel.
func (f frame[T]) sums(sum []T, rows, cols int) {
	for i := range rows {
		channelSums(sum, f.pixels(i, cols), cols, f.width)
	}
}

// filterGradient adds what one image gives to the gradient of the filters, dw
// [KH][KW*C][width], given that of its output, or sets it.
func (d *direct[T]) filterGradient(dw, padded []T, dy frame[T], accumulate bool) {
	depth, cols := d.depth(), d.tiles.cols
	parts := (depth + len(d.tiles.rows) - 1) / len(d.tiles.rows)
	for f := 0; f < d.width; f += cols {
		for u := range d.KH {
			for p := range parts {
				first, last := depth*p/parts, depth*(p+1)/parts
				d.tiles.rows[last-first-1](d.OW, d.OH, padded[u*d.paddedW()*d.C+first:], 1, d.StrideW*d.C, d.StrideH*d.paddedW()*d.C,
					dy.data[dy.first+f:], d.width, dy.row, dw[(u*depth+first)*d.width+f:], d.width, accumulate)
			}
		}
	}
}

// unpackGradient writes a gradient of the filters as (F,C,KH,KW).
func (d *direct[T]) unpackGradient(dst, dw []T) {
	for u := range d.KH {
		for v := range d.KW {
			for c := range d.C {
				row := dw[(u*d.depth()+v*d.C+c)*d.width:][:d.F]
				for f, x := range row {
					dst[((f*d.C+c)*d.KH+u)*d.KW+v] = x
				}
			}
		}
	}
}

// inputShape is the convolution that turns the gradient of s's output, width
// channels wide, into the gradient of its input, with the filters flipped. It
// reports false where there is none: with strides, or padding as wide as the
// filters.
func (s ConvShape) inputShape() (back ConvShape, ok bool) {
	bottom, right := s.OH+s.KH-1-s.PadTop-s.H, s.OW+s.KW-1-s.PadLeft-s.W
	if s.StrideH != 1 || s.StrideW != 1 || s.PadTop >= s.KH || s.PadLeft >= s.KW || bottom >= s.KH || right >= s.KW {
		return s, false
	}
	back = s
	back.C, back.H, back.W, back.F = directWidth(s.F), s.OH, s.OW, s.C
	back.PadTop, back.PadLeft = s.KH-1-s.PadTop, s.KW-1-s.PadLeft
	back.OH, back.OW = s.H, s.W
	return back, true
}
