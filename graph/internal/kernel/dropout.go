package kernel

import "tapenet/graph/internal/kernel/cpu"

// Dropout zeroes each element with probability Rate and scales the others by
// 1/(1-Rate), so that their expectation stays (Srivastava et al. 2014). Which
// elements these are depends on nothing but Seed, the step and the element's
// position. So the mask needs no memory, any number of threads draws the same
// one, and so does a run that is resumed.
//
// With a mask m[i] that is 1 with probability 1-Rate and else 0,
//
//	y[i]  = m[i]·x[i] / (1-Rate)      E(y[i]) = (1-Rate)·x[i] / (1-Rate) = x[i]
//	dx[i] = m[i]·dy[i] / (1-Rate)
//
// so that inference, which has no mask, needs no factor either. y is linear in x:
// forward and backward are one function. Rate is at least 0 and less than 1.
//
// The random number of an element is a function of a counter rather than the next
// state of a generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1,
// 2, 3"): any goroutine can begin anywhere. Two Dropouts of one graph need different
// seeds, or they drop the same positions.
type Dropout[T cpu.Float] struct {
	Rate float64
	Seed uint64
	Step *uint64 // the training step, advanced by whoever runs the graph

	Ahead uint64 // of Step: a lane of a batch draws as in a step of its own

	step     uint64 // of the last Forward
	src, dst []T
	run      func(lo, hi int)
}

// Forward computes y from in[0]. It reads *Step once and keeps the number, for the case
// that somebody advances the counter before Backward runs.
func (d *Dropout[T]) Forward(y []T, in [][]T) {
	d.step = *d.Step + d.Ahead
	d.mask(y, in[0])
}

// Backward computes dIn[0] with the mask of the last Forward, which it draws
// again.
func (d *Dropout[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] != nil {
		d.mask(dIn[0], dy)
	}
}

// mask sets dst to src under the mask of the step. float32 and float64 have the same
// mask: it is decided by integers.
func (d *Dropout[T]) mask(dst, src []T) {
	if d.run == nil {
		d.run = d.maskRange
	}
	d.dst, d.src = dst, src
	cpu.Parallel(len(dst), d.run)
}

// maskRange computes the elements [lo,hi). An element stays if 53 random bits,
// the same as a float64's, are not below the rate.
//
// The comparison is one of integers: an element goes with probability limit/2⁵³, which
// is less than 2⁻⁵³ below Rate. A Rate of 0 drops nothing and multiplies by 1. A
// dropped element is set to 0, not multiplied by it: a NaN or an infinity goes too.
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
//
// The constant of the sum is 2⁶⁴ divided by the golden ratio. Each line can be inverted:
// modulo 2⁶⁴ a sum can, and a product with an odd number, and from x ^ x>>30 the bits of
// x follow one after the other from the highest down. So Mix is a bijection, and no two
// counters give the same bits.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
