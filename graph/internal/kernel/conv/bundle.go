package conv

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/gemm"
	"tapenet/graph/internal/kernel/pixel"
)

// A bundle is some neighbouring groups of a convolution that sliding multiplies
// together: as few as fill whole vectors of eight filters. A convolution without groups
// is one bundle. ResNeXt (Xie et al. 2017) has 32 groups of 4 to 32 filters, RegNet
// (Radosavovic et al. 2020) groups of 8 to 64.
//
// The filters of a bundle see all of its channels. Where several groups share a bundle,
// the weights between one group's filters and another's channels are zero: half of them
// for groups of four filters. A group of eight, or of a multiple of it, has a bundle of
// its own.
//
//	               filters 0 … 3   4 … 7
//	channels 0 … 3 ┌──────────────┬──────────────┐
//	               │ group 0      │ 0            │   a bundle of two groups of four
//	channels 4 … 7 ├──────────────┼──────────────┤   channels and filters, of each tap
//	               │ 0            │ group 1      │
//	               └──────────────┴──────────────┘
type bundle[T cpu.Float] struct {
	groups          int // how many
	channel, filter int // the first of each
	filters         gemm.Panels[T]
	walk            gemm.Walk[T]
}

// place is a panel of a bundle.
type place struct{ bundle, panel int }

// bundlesOf cuts a convolution into bundles.
func bundlesOf[T cpu.Float](s Shape) (all []bundle[T]) {
	channels, filters, size := s.C/s.Groups, s.F/s.Groups, 1
	for size*filters%8 > 0 && size < s.Groups {
		size++
	}
	for g := 0; g < s.Groups; g += size {
		all = append(all, bundle[T]{groups: min(size, s.Groups-g), channel: g * channels, filter: g * filters})
	}
	return all
}

// pack puts the filters of a convolution without groups into panels: a column is a
// filter, and its rows have the order in which a tile meets them, (KH,KW,C) instead of the
// graph's (C,KH,KW). The rows of channels beyond C are zero.
//
// Resize has set all weights to zero: so stay the rows beyond C and the columns beyond F.
func (b *bundle[T]) pack(s Shape, width int, w []T, order func(r int) int) {
	taps := s.KH * s.KW
	b.filters.Resize(taps*width, pixel.Width(s.F))
	b.filters.Fill(w, s.C*taps, s.F, order)
}

// packGroups does so for the groups of the bundle, by way of the matrix that the drawing
// has, for each tap; memory for it is used again by the next bundle.
func (b *bundle[T]) packGroups(s Shape, w []T, memory *[]T) {
	channels, filters, taps := s.C/s.Groups, s.F/s.Groups, s.KH*s.KW
	rows, cols := b.groups*channels, pixel.Width(b.groups*filters)
	matrix := cpu.AtLeast(memory, taps*rows*cols)
	clear(matrix)
	for j := range b.groups * filters {
		own := w[(b.filter+j)*channels*taps:]
		for c := range channels {
			for tap := range taps {
				matrix[(tap*rows+j/filters*channels+c)*cols+j] = own[c*taps+tap]
			}
		}
	}
	b.filters.Resize(taps*rows, cols)
	b.filters.FillRows(matrix, cols)
}
