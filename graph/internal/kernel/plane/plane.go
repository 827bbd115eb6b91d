// Package plane holds loops over images that are stored plane by plane: the
// convolution of images of few planes with few filters. A vector holds pixels of a
// row there, so that it is full whatever the number of channels.
//
//	x (C planes)                         y (F planes)
//	┌───────────────┐                    ┌───────────┐
//	│ u,v ▓▓▓▓▓▓▓▓  │ · w[c,u,v,f]  ──▶  │ ▓▓▓▓▓▓▓▓  │ Block pixels of a row, of some filters
//	│               │                    │           │
//	└───────────────┘                    └───────────┘
//
// The assembly rounds a product and the sum around it once; plain Go may round both.
// The tiers with assembly give the same bits. The functions trust their arguments; the
// assembly checks no bounds.
package plane

import "tapenet/graph/internal/kernel/cpu"

// Block is the number of pixels of a row that are worked on at a time. Rows of an
// image are read to the end of the last block.
const Block = 32

// Lanes is the number of sums that a weight's gradient consists of.
const Lanes = 16

// maxColumns is the number of a filter's columns whose gradients are computed at a
// time.
const maxColumns = 3

// Reach is the number of pixels that a row of so many is read to.
func Reach(cols int) int { return (cols + Block - 1) / Block * Block }

// Correlation is the geometry of a convolution with a stride of one.
type Correlation struct {
	C, F, KH, KW int // planes of the image, filters
	Rows, Cols   int // of the output
	XRow, XPlane int // elements from one row of x to the next, from one plane to the next
	YRow, YPlane int // likewise of y
}

// taps is the number of weights of a filter.
func (g *Correlation) taps() int { return g.C * g.KH * g.KW }

// Weights is the number of weights of all filters.
func (g *Correlation) Weights() int { return g.taps() * g.F }

// A correlateFunc computes a block of cols pixels, at most Block, of some rows and
// filters. w[(p·kh+u)·kw+v] are wNext elements from each other.
type correlateFunc func(rows, cols int, y *float32, yRow, yPlane int, x *float32, xRow, xPlane int, planes, kh, kw int, w *float32, wNext int, shift *float32)

// A gradientFunc adds the sums of some weights of a row of some filters to dw: Lanes
// for each weight, those of the filters side by side and those of the filter's columns
// dwColumn elements from each other.
type gradientFunc func(rows, cols int, dy *float32, dyRow, dyPlane int, x *float32, xRow int, dw *float32, dwColumn int)

// tierLoops are the functions of a tier: [n-1] for n filters, or n columns.
type tierLoops struct {
	correlate []correlateFunc
	gradient  [maxColumns][]gradientFunc
}

// Correlate computes
//
//	y[f,i,j] = Σ_c Σ_u Σ_v w[c,u,v,f] · x[c,i+u,j+v] + shift[f]
//
// The rows of x have Reach(Cols)+KW-1 elements: what is beyond Cols+KW-1 does not
// matter.
func Correlate[T cpu.Float](g *Correlation, y, x, w, shift []T) {
	if y, ok := cpu.Float32s(y); ok {
		x, _ := cpu.Float32s(x)
		w, _ := cpu.Float32s(w)
		shift, _ := cpu.Float32s(shift)
		loopsOf(cpu.Active()).run(g, y, x, w, shift)
		return
	}
	for f := range g.F {
		for i := range g.Rows {
			row := y[f*g.YPlane+i*g.YRow:][:g.Cols]
			clear(row)
			for t := range g.taps() {
				weight := w[t*g.F+f]
				for j, v := range x[g.seen(t)+i*g.XRow:][:len(row)] {
					row[j] += weight * v
				}
			}
			for j := range row {
				row[j] += shift[f]
			}
		}
	}
}

// seen is how far the pixel that the tth weight of a filter sees lies behind the
// first one that the filter sees.
func (g *Correlation) seen(t int) int {
	return t/(g.KH*g.KW)*g.XPlane + t/g.KW%g.KH*g.XRow + t%g.KW
}

// run goes through the blocks and the filters, as many at a time as the tier takes.
func (l *tierLoops) run(g *Correlation, y, x, w, shift []float32) {
	for f := 0; f < g.F; {
		n := part(g.F-f, len(l.correlate))
		for j := 0; j < g.Cols; j += Block {
			l.correlate[n-1](g.Rows, min(Block, g.Cols-j), &y[f*g.YPlane+j], g.YRow, g.YPlane,
				&x[j], g.XRow, g.XPlane, g.C, g.KH, g.KW, &w[f], g.F, &shift[f])
		}
		f += n
	}
}

// part is how many of n things come next, at most limit at a time: so that all parts
// are about as large.
func part(n, limit int) int {
	parts := (n + limit - 1) / limit
	return (n + parts - 1) / parts
}

// AddGradient adds the gradient of the weights to dw: Lanes sums for each weight
// (c,u,v,f), which are to be added up at the end, see Total. The pixels of a row go to
// them in turn:
//
//	dw[c,u,v,f][j%Lanes] += Σ_i dy[f,i,j] · x[c,i+u,j+v]
//
// What is beyond Cols+KW-1 in a row of x is a finite number.
func AddGradient[T cpu.Float](g *Correlation, dw, dy, x []T) {
	if dw, ok := cpu.Float32s(dw); ok {
		dy, _ := cpu.Float32s(dy)
		x, _ := cpu.Float32s(x)
		loopsOf(cpu.Active()).addGradient(g, dw, dy, x)
		return
	}
	for t := range g.taps() {
		for f := range g.F {
			var sums [Lanes]T
			for i := range g.Rows {
				d := dy[f*g.YPlane+i*g.YRow:][:g.Cols]
				for j, v := range x[g.seen(t)+i*g.XRow:][:len(d)] {
					sums[j%Lanes] += d[j] * v
				}
			}
			for i, s := range sums {
				dw[(t*g.F+f)*Lanes+i] += s
			}
		}
	}
}

// addGradient goes through the rows of the filters, and through a row's columns and
// the filters, as many at a time as the tier takes.
func (l *tierLoops) addGradient(g *Correlation, dw, dy, x []float32) {
	for t := 0; t < g.taps(); {
		columns := part(g.KW-t%g.KW, maxColumns)
		for f := 0; f < g.F; {
			n := part(g.F-f, len(l.gradient[0]))
			l.gradient[columns-1][n-1](g.Rows, g.Cols, &dy[f*g.YPlane], g.YRow, g.YPlane,
				&x[g.seen(t)], g.XRow, &dw[(t*g.F+f)*Lanes], g.F*Lanes)
			f += n
		}
		t += columns
	}
}

// Total adds up the Lanes sums of a weight, in an order that is always the same.
func Total[T cpu.Float](sums []T) T {
	var s [Lanes]T
	copy(s[:], sums)
	for n := Lanes / 2; n > 0; n /= 2 {
		for i := range n {
			s[i] += s[i+n]
		}
	}
	return s[0]
}
