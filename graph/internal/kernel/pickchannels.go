package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// PickChannels copies channels of N images (C,Size): y[n,i] = x[n,Channels[i]].
//
// A channel may be picked several times, or not at all. The op has checked that each is
// one of x. The kernel keeps the slice Channels.
type PickChannels[T cpu.Float] struct {
	N, C, Size int
	Channels   []int

	to, from          []T
	forward, backward func(lo, hi int)
}

// NewPickChannels returns the kernel.
func NewPickChannels[T cpu.Float](n, c, size int, channels []int) *PickChannels[T] {
	p := &PickChannels[T]{N: n, C: c, Size: size, Channels: channels}
	p.forward, p.backward = p.forwardImages, p.backwardImages
	return p
}

// Forward computes y from in[0].
func (p *PickChannels[T]) Forward(y []T, in [][]T) {
	p.to, p.from = y, in[0]
	cpu.Parallel(p.N*len(p.Channels), p.forward)
}

// forwardImages sets the planes [lo,hi) of y. Plane i is number i mod len(Channels) of
// its image.
func (p *PickChannels[T]) forwardImages(lo, hi int) {
	for i := lo; i < hi; i++ {
		c := i/len(p.Channels)*p.C + p.Channels[i%len(p.Channels)]
		copy(p.to[i*p.Size:][:p.Size], p.from[c*p.Size:])
	}
}

// Backward adds up, for each channel of x, the gradients of where it went.
//
//	dx[n,c] = Σ dy[n,i] over all i with Channels[i] = c
//
// in the order of i, or 0 if there is none. Here an image is one piece of work, so that
// no two goroutines add to one channel.
func (p *PickChannels[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if p.to, p.from = dIn[0], dy; p.to != nil {
		cpu.Parallel(p.N, p.backward)
	}
}

func (p *PickChannels[T]) backwardImages(lo, hi int) {
	for n := lo; n < hi; n++ {
		dx, dy := p.to[n*p.C*p.Size:][:p.C*p.Size], p.from[n*len(p.Channels)*p.Size:]
		clear(dx)
		for i, c := range p.Channels {
			vector.Add(dx[c*p.Size:][:p.Size], dy[i*p.Size:])
		}
	}
}
