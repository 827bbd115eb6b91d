package conv

import (
	"runtime"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// sliding is the engine that multiplies what filters see with prepared filters,
// pixel by pixel: the rows of a tile are output pixels, its columns are filters.
// Pixels that lie side by side form lines; 1×1 filters see one line of all pixels.
//
//	pixels (line by line) ─┐
//	                       ├─ tiles of up to 14×32 sums ─ shift, residual, limits ─ y
//	panels of filters ─────┘
//
// What a filter sees of the image are KH rows of KW pixels, each row contiguous if the
// filter is not dilated: the tile reads them where they lie, at strides (gemm.Walk), so
// that nothing is unrolled. The sum goes over the filter's rows, its columns and then
// the channels: in this order for any tile, so how pixels and filters are shared out
// leaves the bits.
//
// Work is cut twice, so that what is read again is read from a cache:
//
//	line     │ segment │ segment │ segment │        pixels of a row of the output
//	block    some segments, which see about blockBytes of the image
//
//	for each block, for each panel of filters, for each segment of the block
//
// The filters of a convolution with groups are several such matrices, see bundle.
type sliding[T cpu.Float] struct {
	Shape
	bundles []bundle[T]
	panels  []place         // of all bundles, in the order of their filters
	order   func(r int) int // the row of the filters' element r in panels
	matrix  []T             // of a bundle, while filters are packed
	step    int             // elements from an output pixel's first image pixel to the next one's
	layer   *Layer[T]

	lines, cols int        // pixels of the output
	parts       int        // segments of a line
	memory      *Shared[T] // for blocks that are multiplied with factors, see Begin; nil where none are
	shared      bool       // the memory is that of other kernels too
	byPanels    bool       // processors share the filters, not the pixels
	do          func(lo, hi int)
}

// segment is about how many pixels of a line are worked on before the next panel.
const segment = 56

// blockBytes is about how much of the image is used with one panel before the next, and
// scaledBytes how much if it is multiplied with factors before: the products are written
// and read again, and should stay in the first cache.
const (
	blockBytes  = 320 << 10
	scaledBytes = 32 << 10
)

func newSliding[T cpu.Float](s Shape) *sliding[T] {
	return &sliding[T]{Shape: s, bundles: bundlesOf[T](s)}
}

// border is what the filters of the first and the last pixels see beyond the image.
func (e *sliding[T]) border() (b pixel.Border, tight bool) {
	b = pixel.Border{
		Top: e.PadTop, Bottom: max(0, (e.OH-1)*e.StrideH+(e.KH-1)*e.DilationH+1-e.PadTop-e.H),
		Left: e.PadLeft, Right: max(0, (e.OW-1)*e.StrideW+(e.KW-1)*e.DilationW+1-e.PadLeft-e.W),
	}
	return b, false
}

// width is the number of channels that filters of a bundle see of a pixel.
//
// An image of few channels lies without room for eight, see few. Else the sum goes over
// the channels beyond C too: they are zero in the image and in the panels.
func (e *sliding[T]) width(b *bundle[T]) int {
	switch {
	case e.Groups > 1:
		return e.C / e.Groups * b.groups
	case e.few():
		return e.C
	}
	return pixel.Width(e.C)
}

// pack puts the filters into panels.
func (e *sliding[T]) pack(w, scale []T) {
	e.panels = e.panels[:0]
	for i := range e.bundles {
		b := &e.bundles[i]
		if e.Groups > 1 {
			b.packGroups(e.Shape, w, &e.matrix)
		} else {
			width, taps := e.width(b), e.KH*e.KW
			if e.order == nil {
				e.order = func(r int) int { return r%taps*width + r/taps }
			}
			b.pack(e.Shape, width, w, e.order)
		}
		b.filters.Scale(scale[b.filter:][:e.F/e.Groups*b.groups])
		for p := range b.filters.Len() {
			e.panels = append(e.panels, place{i, p})
		}
	}
}

// set takes up where the layer's images lie.
//
// It is called at each run, as the number of processors may have changed.
func (e *sliding[T]) set(l *Layer[T]) {
	e.cut(l)
	in, out, row := l.in, l.out, e.step
	if l.Factors > 0 {
		// Pixels come from scratch, where they are tight. All panels of a segment meet there
		// what was multiplied once: processors may share pixels only.
		row = pixel.Width(e.C)
		if e.memory == nil {
			e.memory = NewShared[T]()
		}
	}
	weights := 0
	for i := range e.bundles {
		b := &e.bundles[i]
		b.walk = gemm.Walk[T]{
			K: e.width(b), Mid: e.KW, Outer: e.KH,
			ARow: row, AMid: e.DilationW * in.Stride, AOuter: e.DilationH * in.Row(),
			CRow: out.Stride, ResidualRow: l.rest.Stride, Shift: l.shift[b.filter:], Low: l.low, High: l.high,
		}
		// One long inner loop instead of KW short ones: the order of the sum stays.
		if b.walk.AMid == b.walk.K { // a filter's row is contiguous
			b.walk.K, b.walk.Mid = e.KW*b.walk.K, 1
		}
		weights += b.filters.Depth * b.filters.Cols
	}
	// Where the filters weigh more than the image, each processor should read a part of
	// them only: late layers of a network, for one image.
	image := e.N * in.Image()
	e.byPanels = len(e.panels) >= 2*runtime.GOMAXPROCS(0) && weights > image && l.Factors == 0
	if e.do == nil {
		e.do = e.some
	}
}

// cut takes up how the layer's images lie, and cuts their pixels into lines and these
// into segments.
func (e *sliding[T]) cut(l *Layer[T]) {
	e.layer, e.step = l, e.StrideW*l.in.Stride
	e.lines, e.cols = e.N*e.OH, e.OW
	// Where nothing lies between the rows and images, all pixels are one line: segments are
	// full also in images of few columns.
	if e.pointwise() && l.in.Whole() && l.out.Whole() && (!l.Residual || l.rest.Whole()) {
		e.lines, e.cols = 1, e.N*e.OH*e.OW
	}
	e.parts = (e.cols + segment - 1) / segment
}

// run shares out segments of lines, or pairs of a panel and a segment.
func (e *sliding[T]) run(l *Layer[T]) {
	e.set(l)
	if e.byPanels {
		cpu.Parallel(len(e.panels)*e.segments(), e.do)
	} else {
		cpu.Parallel(e.segments(), e.do)
	}
}

// segments is the number of segments of all lines.
func (e *sliding[T]) segments() int { return e.lines * e.parts }

// some computes segments for all panels; or if work is shared out by panels, units
// [lo,hi) of a segment and a panel each, panel by panel.
//
// With three panels of n segments a range of units may begin and end in the middle:
//
//	panel 0          panel 1          panel 2
//	│ · · ■ ■ ■ ■ │ ■ ■ ■ ■ ■ ■ │ ■ ■ · · · · │
//	  first part      whole panels    last part
//
// Whole panels go together, so that a block of segments serves them all.
func (e *sliding[T]) some(lo, hi int) {
	if !e.byPanels {
		e.blocks(lo, hi, 0, len(e.panels))
		return
	}
	for n := e.segments(); lo < hi; {
		panel, first := lo/n, lo%n
		if whole := (hi - lo) / n; first == 0 && whole > 0 {
			e.blocks(0, n, panel, panel+whole)
			lo += whole * n
			continue
		}
		last := min(n, first+hi-lo)
		e.blocks(first, last, panel, panel+1)
		lo += last - first
	}
}

// blocks computes the panels [first,last) of the segments [lo,hi), block by block. Where
// the image has factors, all blocks are multiplied into the same memory, which belongs to
// this goroutine until the last of them is done.
func (e *sliding[T]) blocks(lo, hi, first, last int) {
	scratch := e.scratch()
	defer e.release(scratch)
	size := e.blockSegments()
	for ; lo < hi; lo += size {
		e.block(lo, min(lo+size, hi), first, last, scratch)
	}
}

// blockSegments is the number of segments of a block. A segment sees about as many
// pixels of the image as it has, times the strides. 4 bytes are those of a float32;
// blocks leave the bits.
func (e *sliding[T]) blockSegments() int {
	bytes := blockBytes
	if e.layer.Factors > 0 {
		bytes = scaledBytes
	}
	return max(1, bytes/4/max(1, e.layer.in.Stride*e.StrideH*e.StrideW*e.cols/e.parts))
}

// block computes the panels [first,last) of the segments [lo,hi). A panel stays in the
// first cache while all segments of the block pass by, and these in the second one
// while all panels do. A curve comes last, as it needs whole rows of channels. Where the
// image has factors, scratch is for the products.
func (e *sliding[T]) block(lo, hi, first, last int, scratch *strip[T]) {
	// A sum is computed as a whole by one goroutine, and ended before it is stored.
	l := e.layer
	if scratch != nil {
		e.scale(scratch.v, lo, hi)
	}
	for _, p := range e.panels[first:last] {
		b := &e.bundles[p.bundle]
		for s := lo; s < hi; s++ {
			x, y, rest, n := e.segment(s)
			image := l.x[x+b.channel:]
			if scratch != nil {
				image = scratch.v[e.scaled(s-lo):]
			}
			b.filters.Multiply(p.panel, n, &b.walk, image, l.y[y+b.filter:], l.rests(rest+b.filter))
		}
	}
	if l.Act.Curve == nil {
		return
	}
	from, to := e.columns(first, last)
	for s := lo; s < hi; s++ {
		_, y, _, n := e.segment(s)
		l.curve(l.y[y:], n, from, to)
	}
}

// columns are the filters [from,to) of the panels [first,last).
func (e *sliding[T]) columns(first, last int) (from, to int) {
	a, b := e.panels[first], e.panels[last-1]
	from, _ = e.bundles[a.bundle].filters.Columns(a.panel, a.panel+1)
	_, to = e.bundles[b.bundle].filters.Columns(b.panel, b.panel+1)
	return e.bundles[a.bundle].filter + from, e.bundles[b.bundle].filter + to
}

// segment is where the pixels of a segment begin in the image, the result and the
// residual, and how many they are.
func (e *sliding[T]) segment(s int) (x, y, rest, n int) {
	line, part := s/e.parts, s%e.parts
	// As equal as can be: a tile of few rows is slow.
	first, last := e.cols*part/e.parts, e.cols*(part+1)/e.parts
	image, i := line/e.OH, line%e.OH
	l := e.layer
	if e.lines == 1 {
		image, i = 0, 0
	}
	x = l.in.At(image, i*e.StrideH-e.PadTop, -e.PadLeft) + first*e.step
	y = l.out.At(image, i, 0) + first*l.out.Stride
	if l.Residual {
		rest = l.rest.At(image, i, 0) + first*l.rest.Stride
	}
	return x, y, rest, last - first
}

func (e *sliding[T]) bytes() (n int) {
	n = cpu.BytesOf(e.matrix)
	if e.memory != nil && !e.shared {
		n += e.memory.Bytes()
	}
	for i := range e.bundles {
		n += e.bundles[i].filters.Bytes()
	}
	return n
}

// plans counts the filters, and of groups the matrix by way of which they are packed.
func (e *sliding[T]) plans() (n int) {
	matrix := 0
	for i := range e.bundles {
		b := &e.bundles[i]
		size := e.KH * e.KW * e.width(b) * pixel.Width(e.F/e.Groups*b.groups)
		if n += size; e.Groups > 1 {
			matrix = max(matrix, size)
		}
	}
	return n + matrix
}
