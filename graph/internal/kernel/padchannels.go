package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/pixel"
)

// PadChannels appends zeros to each of N samples: From elements become To. So a
// shortcut without weights goes on to more channels.
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
