package kernel

import "tapenet/graph/internal/kernel/cpu"

// Dropout zeroes each element with probability Rate and scales the others by
// 1/(1-Rate), so that their expectation stays (Srivastava et al. 2014). Which
// elements these are depends on nothing but Seed, the step and the element's
// position. So the mask needs no memory, any number of threads draws the same
// one, and so does a run that is resumed.
type Dropout[T cpu.Float] struct {
	Rate float64
	Seed uint64
	Step *uint64 // the training step, advanced by whoever runs the graph

	step     uint64 // of the last Forward
	src, dst []T
	run      func(lo, hi int)
}

// Forward computes y from in[0].
func (d *Dropout[T]) Forward(y []T, in [][]T) {
	d.step = *d.Step
	d.mask(y, in[0])
}

// Backward computes dIn[0] with the mask of the last Forward, which it draws
// again.
func (d *Dropout[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] != nil {
		d.mask(dIn[0], dy)
	}
}

// mask sets dst to src under the mask of the step.
func (d *Dropout[T]) mask(dst, src []T) {
	if d.run == nil {
		d.run = d.maskRange
	}
	d.dst, d.src = dst, src
	cpu.Parallel(len(dst), d.run)
}

// maskRange computes the elements [lo,hi). An element stays if 53 random bits,
// the same as a float64's, are not below the rate.
func (d *Dropout[T]) maskRange(lo, hi int) {
	key := Mix(d.Seed + Mix(d.step))
	limit := uint64(d.Rate * (1 << 53)) // of 53 random bits
	scale := T(1 / (1 - d.Rate))
	for i := lo; i < hi; i++ {
		if Mix(key+uint64(i))>>11 < limit {
			d.dst[i] = 0
		} else {
			d.dst[i] = d.src[i] * scale
		}
	}
}

// Mix is one step of SplitMix64 (Steele, Lea and Flood 2014): it turns a
// counter into 64 random bits.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
