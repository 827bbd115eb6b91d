package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// PadChannels appends zeros to each of N samples: From elements become To. So a
// shortcut without weights goes on to more channels.
//
//	x │ sample 0: From │ sample 1: From │
//	y │ sample 0: From │ 0 … 0 │ sample 1: From │ 0 … 0 │     To elements each
//
// From and To count elements: channels times pixels. As channels are the first
// dimension of a sample in planes, zeros at its end are whole channels. With images
// channels last they go to the end of each pixel instead (laid.go).
type PadChannels[T cpu.Float] struct {
	N, From, To int

	in, out pixel.Layout // zero for planes
}

// Forward computes y from in[0].
func (p *PadChannels[T]) Forward(y []T, in [][]T) {
	if p.out.Last {
		p.forwardPixels(y, in[0])
		return
	}
	for n := range p.N {
		sample := y[n*p.To:][:p.To]
		clear(sample[copy(sample, in[0][n*p.From:][:p.From]):])
	}
}

// Backward drops the gradient of the zeros.
func (p *PadChannels[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] == nil {
		return
	}
	if p.out.Last {
		p.backwardPixels(dIn[0], dy)
		return
	}
	for n := range p.N {
		copy(dIn[0][n*p.From:][:p.From], dy[n*p.To:])
	}
}
