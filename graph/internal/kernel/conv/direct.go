package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// direct is the engine that runs the tiles of the matrix product on images as
// they are. Channels last, the pixels that one row of a filter sees are
// contiguous, KW pixels of C channels. So with
//
//	x[i,j]  the elements of a padded image from pixel (i·StrideH, j·StrideW) on
//	y[i,j,f] = Σ_u Σ_q x[i,j][u·row+q] · filter[u,q,f],  u < KH, q < KW·C
//
// a tile takes output pixels j as its rows and filters f as its columns; u is
// the outer sum of a gemm.TileFunc, q the inner one. No patch is copied.
//
// It takes convolutions of one group without dilation.
//
// An image, rows one behind the other, and what a filter of 3×3 pixels sees of it:
//
//	row i     │ · · ■■■■■■■■■■■■ · · │   u = 0: KW·C elements in one piece
//	row i+1   │ · · ■■■■■■■■■■■■ · · │   u = 1: row elements further on
//	row i+2   │ · · ■■■■■■■■■■■■ · · │   u = 2
//	                ▲ from pixel j·StrideW on; that of output pixel j+1 lies StrideW·C behind
//
// The rows of A in a tile may overlap in memory, as tiles only read them.
type direct[T cpu.Float] struct {
	pass[T]
	back    pass[T] // the convolution that turns dy to dx, if hasBack
	hasBack bool
	scatter scatter[T] // the other way from dy to dx
	rows    []T        // of unpack
}

// pass is one convolution with its packed filters, forward or back.
//
// A pass trusts that the columns of filter beyond F are zero, as new memory is: setWeight
// writes those of the filters alone. So the channels of y beyond F are zero.
type pass[T cpu.Float] struct {
	Shape
	panels []panel[T]
	width  int // channels of an output pixel
	filter []T // panels of [KH][KW*C][columns]
}

// panel are the filters from one on that tiles take as their columns: as many as the
// widest tiles that there is room for.
//
//	columns 0 … 31   32 … 47   48 … 55   of 56      first = 0, 32, 48
//	each panel      [KH][KW·C][its columns], the panels one behind the other
//
// A tier with narrower tiles has more panels, and gives the same bits: an element's sum
// depends on its row of the image and its filter alone.
type panel[T cpu.Float] struct {
	first int
	*gemm.Tiles[T]
}

// set takes up a geometry, chooses the tiles and makes room for the filters. It
// reports false where the active tier has no tiles for so many channels.
func (p *pass[T]) set(s Shape) bool {
	p.Shape, p.width = s, pixel.Width(s.F)
	p.panels = p.panels[:0]
	for f := 0; f < p.width; {
		tiles := gemm.WidestTiles[T](p.width - f)
		if tiles == nil {
			return false
		}
		p.panels = append(p.panels, panel[T]{f, tiles})
		f += tiles.Cols
	}
	p.filter = cpu.Sized(p.filter, p.width*s.KH*p.depth())
	return true
}

// paddedH and paddedW are the size of the image that filters see: with its
// padding, and without the last pixels if strides leave them over.
func (p *pass[T]) paddedH() int { return (p.OH-1)*p.StrideH + p.KH }
func (p *pass[T]) paddedW() int { return (p.OW-1)*p.StrideW + p.KW }

// depth is the number of weights in a row of a filter.
func (p *pass[T]) depth() int { return p.KW * p.C }

// setWeight sets the weight with number at, counted as u·depth+q, of every
// filter. The weight of filter f is w[f*stride].
func (p *pass[T]) setWeight(at int, w []T, stride int) {
	for _, t := range p.panels {
		panel := p.filter[t.first*p.KH*p.depth()+at*t.Cols:]
		own := min(t.Cols, p.F-t.first)
		for f := range own {
			panel[f] = w[(t.first+f)*stride]
		}
		clear(panel[own:t.Cols]) // which another tier's panels may have filled
	}
}

// run computes the output's rows [lo,hi) from a padded image, whose rows are
// imageRow elements apart, or adds them to y. Where filters see one pixel and rows follow each other
// without a gap, all rows are one long one. Filters that the cache holds all go over a
// row before the next: so the output is written once and in order.
//
// Larger filters stay in the cache one panel at a time: each goes over all rows, and the
// image is read once for each panel.
func (p *pass[T]) run(y, padded []T, imageRow, lo, hi int, add bool) {
	rows, pixels := hi-lo, p.OW
	padded = padded[lo*p.StrideH*imageRow:]
	if p.pointwise() && imageRow == p.OW*p.C {
		rows, pixels = 1, pixels*rows
	}
	step := rows
	if len(p.filter) <= bandSize {
		step = 1
	}
	for i := 0; i < rows; i += step {
		p.runRows(y[i*pixels*p.width:], padded[i*p.StrideH*imageRow:], imageRow, step, pixels, add)
	}
}

// runRows is run for the first rows of padded: for one panel of filters after the
// other. The pixels of a row are shared out evenly among the fewest tiles that take
// them.
func (p *pass[T]) runRows(y, padded []T, imageRow, rows, pixels int, add bool) {
	depth := p.depth()
	for _, t := range p.panels {
		filter, cols := p.filter[t.first*p.KH*depth:], t.Cols
		parts := (pixels + len(t.Rows) - 1) / len(t.Rows)
		for i := range rows {
			row := padded[i*p.StrideH*imageRow:]
			for q := range parts {
				first, last := pixels*q/parts, pixels*(q+1)/parts
				// The order of the sum: u outside, then v and c.
				t.Rows[last-first-1](depth, p.KH, row[first*p.StrideW*p.C:], p.StrideW*p.C, 1, imageRow,
					filter, cols, depth*cols, y[(i*pixels+first)*p.width+t.first:], p.width, add)
			}
		}
	}
}

// prepare packs the filters as panels: [panel][KH][KW·C][columns of a tile].
func (d *direct[T]) prepare(s Shape, w []T) bool {
	if s.Groups != 1 || s.DilationH != 1 || s.DilationW != 1 || !d.set(s) {
		return false
	}
	if w == nil {
		return true
	}
	// w is (F,C,KH,KW), where a filter's weights are patch elements from the next one's.
	for u := range d.KH {
		for v := range d.KW {
			for c := range d.C {
				d.setWeight(u*d.depth()+v*d.C+c, w[(c*d.KH+u)*d.KW+v:], d.patch())
			}
		}
	}
	return true
}

// image has the pixels that filters see, without those below and on the right that
// no filter reaches. There are none if filters see padding alone.
func (d *direct[T]) image() frame[T] {
	h, w := max(min(d.H, d.paddedH()-d.PadTop), 0), max(min(d.W, d.paddedW()-d.PadLeft), 0)
	return frameOf[T](h, w, d.C, pixel.Border{
		Top: d.PadTop, Bottom: d.paddedH() - d.PadTop - h, Left: d.PadLeft, Right: d.paddedW() - d.PadLeft - w,
	})
}

// convolve runs the forward pass.
func (d *direct[T]) convolve(y []T, s *convScratch[T], lo, hi int) {
	d.run(y, s.image.data, s.image.row, lo, hi, false)
}

// weights counts a gradient of the filters as [KH][KW·C][width].
func (d *direct[T]) weights() int { return d.KH * d.depth() * d.width }

// filterGradient computes dw[u,q,f] = Σ_i Σ_j x[i,j][u·row+q] · dy[i,j,f].
func (d *direct[T]) filterGradient(dw []T, s *convScratch[T], first, _ bool) {
	d.filterRows(dw, s, 0, d.OH, first)
}

// bandSize is the number of elements of dy, or of filters, that stay in the cache.
const bandSize = 1 << 16

// filterRows is filterGradient for the rows [lo,hi) of the output, which s.dz begins
// with. A large image goes band by band, as all weights read all of dy, one tile after
// the other.
//
// The sum over pixels is cut into bands, and each is added to dw as a whole: where bands
// end changes bits, so that shapes and constants decide it.
func (d *direct[T]) filterRows(dw []T, s *convScratch[T], lo, hi int, first bool) {
	dy, x, rows := s.dz, s.image, hi-lo
	image := x.data[lo*d.StrideH*x.row:]
	if d.pointwise() && x.row == d.OW*d.C && dy.whole() {
		d.filterPixels(dw, image, dy.data[dy.first:], d.OW*rows, first)
		return
	}
	// Bands are as equal as rows allow: a short last one would cost as many calls.
	bands := min(rows, (rows*d.OW*d.width+bandSize-1)/bandSize)
	for b := range bands {
		top, bottom := rows*b/bands, rows*(b+1)/bands
		d.filterBand(dw, image[top*d.StrideH*x.row:], x.row, dy.data[dy.first+top*dy.row:], dy.row, bottom-top, !first || b > 0)
	}
}

// filterBand adds to dw what the first rows of dy contribute, or overwrites it. A tile
// takes the weights q of a filter's row as its rows and filters as its columns; the
// inner sum goes over a row's pixels, the outer one over the rows.
//
// dw is (KH, KW·C, width) here, a matrix for each row u of the filters: (u,q) of it is the
// product of what that weight sees of the image, at strides, and dy.
func (d *direct[T]) filterBand(dw, image []T, imageRow int, dy []T, dyRow, rows int, accumulate bool) {
	depth := d.depth()
	for _, t := range d.panels {
		f, parts := t.first, (depth+len(t.Rows)-1)/len(t.Rows)
		for u := range d.KH {
			for q := range parts {
				from, to := depth*q/parts, depth*(q+1)/parts
				t.Rows[to-from-1](d.OW, rows, image[u*imageRow+from:], 1, d.StrideW*d.C, d.StrideH*imageRow,
					dy[f:], d.width, dyRow, dw[(u*depth+from)*d.width+f:], d.width, accumulate)
			}
		}
	}
}

// filterPixels is filterRows for n pixels that follow each other, of which a filter sees
// one. Some of them at a time serve all weights of a panel: these stay in the cache,
// although the pixels of a panel lie far apart.
func (d *direct[T]) filterPixels(dw, x, dy []T, n int, first bool) {
	const most = 64
	for _, t := range d.panels {
		for p := 0; p < n; p += most {
			parts, some := (d.C+len(t.Rows)-1)/len(t.Rows), min(most, n-p)
			for q := range parts {
				from, to := d.C*q/parts, d.C*(q+1)/parts
				t.Rows[to-from-1](some, 1, x[p*d.C+from:], 1, d.C, 0,
					dy[p*d.width+t.first:], d.width, 0, dw[from*d.width+t.first:], d.width, !first || p > 0)
			}
		}
	}
}

// unpack turns [KH][KW·C][width] into (F,C,KH,KW): some channels at a time, whose weights
// get the order of dst first, so that the rest is a transposition.
func (d *direct[T]) unpack(dst, dw []T) {
	const channels = 16
	taps := d.KH * d.KW
	rows := cpu.AtLeast(&d.rows, channels*taps*d.width)
	for c := range d.C {
		for t := range taps { // (u,v) of channel c
			copy(rows[(c%channels*taps+t)*d.width:][:d.width], dw[(t*d.C+c)*d.width:])
		}
		if n := c%channels + 1; n == channels || c == d.C-1 {
			gemm.TransposeInto(dst[(c+1-n)*taps:], d.C*taps, rows, d.width, n*taps, d.F)
		}
	}
}

// prepareBack decides how inputGradient goes. If the gradient of the image is a
// convolution of dy, and scatter has not less to do, it packs the filters for
// that: turned by 180 degrees, with filters and channels in each other's place.
func (d *direct[T]) prepareBack(w []T) {
	back, ok := d.inputShape()
	if d.hasBack = ok && !d.scatters(back) && d.back.set(back); !d.hasBack {
		d.scatter.pack(d.Shape, w)
		return
	}
	for u := range d.KH {
		for v := range d.KW {
			for f := range d.F { // the flipped filters' channels
				d.back.setWeight((d.KH-1-u)*d.back.depth()+(d.KW-1-v)*d.back.C+f, w[(f*d.C*d.KH+u)*d.KW+v:], d.KH*d.KW)
			}
		}
	}
}

// frame has the border of zeros that the convolution back sees as its padding.
func (d *direct[T]) frame(f frame[T]) frame[T] {
	if !d.hasBack {
		return frameOf[T](d.OH, d.OW, d.width, pixel.Border{}).over(f.data)
	}
	top, left := d.back.PadTop, d.back.PadLeft
	return frameOf[T](d.OH, d.OW, d.width, pixel.Border{
		Top: top, Bottom: d.back.paddedH() - d.OH - top, Left: left, Right: d.back.paddedW() - d.OW - left,
	}).over(f.data)
}

// inputGradient convolves dy with the turned filters, or scatters it.
//
// The convolution back writes all pixels of dx, in place if it got memory for them. scatter
// adds up in the scratch, as patches reach into the padding.
func (d *direct[T]) inputGradient(dx []T, s *convScratch[T]) frame[T] {
	if !d.hasBack {
		s.cols, s.dx = cpu.Sized(s.cols, d.scatter.patchesSize()), cpu.Sized(s.dx, d.scatter.size())
		return d.scatter.gradient(s.dz, s.cols, s.dx)
	}
	f := s.gradient(dx, d.H, d.W, d.back.width)
	d.back.run(f.data, s.dz.data, s.dz.row, 0, d.H, false)
	return f
}

// byRows reports whether gradients can be computed a few rows at a time, if dx is
// wanted in a pixel of so many elements: where filters see one pixel.
func (d *direct[T]) byRows(dx, _ bool, pixel int) bool {
	return d.pointwise() && (!dx || d.hasBack && pixel == d.back.width)
}

// wholeGradient reports that s.dz has the rows at hand alone.
func (d *direct[T]) wholeGradient() bool { return false }

// inputRows computes the rows [lo,hi) of the image's gradient.
//
// A filter that sees one pixel makes each row of dx complete by itself. A tile adds its
// whole sum to what is there.
func (d *direct[T]) inputRows(dx []T, s *convScratch[T], lo, hi int, add bool) {
	d.back.run(dx[lo*d.W*d.back.width:], s.dz.data, s.dz.row, 0, hi-lo, add)
}

// bytes counts the packed filters of both passes.
func (d *direct[T]) bytes() int { return cpu.BytesOf(d.filter, d.back.filter, d.scatter.w, d.rows) }

// inputShape is the convolution that turns the gradient of s's output, channels
// last, into the gradient of its input, with the filters turned by 180 degrees.
// Its padding is what is missing to KH-1 and KW-1, so that every weight meets
// every pixel. It reports false where there is none: with strides, or padding
// as wide as the filters.
//
// Along one dimension, with a stride of one, y[i] = Σ_u x[i+u-PadTop]·w[u] has the gradient
//
//	dx[h] = Σ_u dy[h+PadTop-u]·w[u] = Σ_u' dy[h+u'-(KH-1-PadTop)]·w[KH-1-u'],  u' = KH-1-u
//
// which is a convolution of dy with the padding KH-1-PadTop.
func (s Shape) inputShape() (back Shape, ok bool) {
	bottom, right := s.OH+s.KH-1-s.PadTop-s.H, s.OW+s.KW-1-s.PadLeft-s.W
	if s.StrideH != 1 || s.StrideW != 1 || s.PadTop >= s.KH || s.PadLeft >= s.KW || bottom >= s.KH || right >= s.KW {
		return s, false
	}
	back = s
	back.C, back.H, back.W, back.F = pixel.Width(s.F), s.OH, s.OW, s.C
	back.PadTop, back.PadLeft = s.KH-1-s.PadTop, s.KW-1-s.PadLeft
	back.OH, back.OW = s.H, s.W
	return back, true
}
