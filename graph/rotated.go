package graph

import (
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// bank is the set of all turned filters of a layer, made of its weight.
//
//	(filters·rotations, channels, kernel, kernel): filter f of rotation r is f·rotations+r
//
// Rotation r = q·(rotations/4) + t is q quarter turns, which move pixels, of what the
// t-th rotation of the first quarter shows: for four rotations the weight itself, for
// more a product of the weight, its filters' shares of circular harmonics, and the
// harmonics as pixels. So quarter turns are without loss whatever the number.
//
//	weight (F,C,K) ──Mul by harmonics (K,T·k·k)──▶ (F,C,T·k·k) ──Gather──▶ (F·R,C,k,k)
type bank struct {
	filters   int
	channels  int // of the input
	kernel    int
	rotations int // of the output's fields
	from      int // of the input's fields: as many, or 1 for a picture's channels
}

// build adds the bank's nodes.
func (b bank) build(s *Scope, init Init) *gorgonia.Node {
	first := b.rotations / 4
	x := (*gorgonia.Node)(nil)
	if first == 1 {
		x = s.Param("weight", init, b.filters, b.channels, b.kernel, b.kernel)
	} else {
		basis := harmonics(b.kernel)
		pixels := b.kernel * b.kernel
		values := make([]float32, 0, len(basis)*first*pixels)
		for _, h := range basis {
			for t := range first {
				values = append(values, h.pixels(b.kernel, 2*math.Pi*float64(t)/float64(b.rotations))...)
			}
		}
		weight := s.Param("weight", init, b.filters, b.channels, len(basis))
		x = s.Node(op.Mul(weight, s.Constant("harmonics", values, len(basis), first*pixels), nil))
	}
	return s.Node(op.Gather(x, op.Picks{Blocks: b.filters, Index: b.index()},
		b.filters*b.rotations, b.channels, b.kernel, b.kernel))
}

// index is, for each element of a filter's rotations, its place among the filter's
// (channels,rotations/4,kernel,kernel) elements.
func (b bank) index() []int32 {
	k, first := b.kernel, b.rotations/4
	index := make([]int32, 0, b.rotations*b.channels*k*k)
	for r := range b.rotations {
		quarters, t := r/first, r%first
		for c := range b.channels {
			from := c/b.from*b.from + (c%b.from-r%b.from+b.from)%b.from
			for u := range k {
				for v := range k {
					row, column := u, v
					for range quarters { // the place that a quarter turn brings here
						row, column = column, k-1-row
					}
					index = append(index, int32(((from*first+t)*k+row)*k+column))
				}
			}
		}
	}
	return index
}

// harmonic is a pattern on a filter's disc: a ring of a radius, whose values go
// around it as a wave of some periods (Weiler, Hamprecht and Storath 2018, equation
// 2),
//
//	h(ρ,φ) = exp(-(ρ-radius)²/2σ²) · cos(periods·φ), or sin
//
// Turned by an angle it is a sum of itself and its partner, cosine and sine: any sum
// of harmonics can be turned by any angle without loss.
type harmonic struct {
	radius  float64
	periods int
	sine    bool
}

// ringWidth is σ of a ring, in pixels, as in the paper.
const ringWidth = 0.6

// harmonics are those of filters of kernel×kernel pixels: rings one pixel apart, each
// with all waves of up to two periods for a pixel of its radius, finer ones being no
// longer seen in pixels. For 3, 5 and 7 pixels these are 6, 15 and 28.
func harmonics(kernel int) (all []harmonic) {
	outer := float64(kernel-1) / 2
	for radius := outer - math.Floor(outer); radius <= outer; radius++ {
		all = append(all, harmonic{radius: radius})
		for periods := 1; periods <= int(2*radius); periods++ {
			all = append(all, harmonic{radius, periods, false}, harmonic{radius, periods, true})
		}
	}
	return all
}

// pixels are a harmonic's values, turned by an angle, scaled so that the squares of
// cosine and sine have the mean 1: weights and filters are then of one size.
func (h harmonic) pixels(kernel int, angle float64) []float32 {
	centre := float64(kernel-1) / 2
	values, sum := make([]float64, 0, kernel*kernel), 0.0
	for u := range kernel {
		for v := range kernel {
			y, x := centre-float64(u), float64(v)-centre // y goes up
			away := (math.Hypot(x, y) - h.radius) / ringWidth
			ring := math.Exp(-away * away / 2)
			phase := float64(h.periods) * (math.Atan2(y, x) - angle)
			wave := math.Cos(phase)
			if h.sine {
				wave = math.Sin(phase)
			}
			if centre == math.Trunc(centre) && x == 0 && y == 0 && h.periods > 0 {
				wave = 0 // the centre has no direction
			}
			share := ring * ring
			if h.periods > 0 {
				share /= 2
			}
			sum += share
			values = append(values, ring*wave)
		}
	}
	pixels := make([]float32, len(values))
	for i, v := range values {
		pixels[i] = float32(v / math.Sqrt(sum))
	}
	return pixels
}
