package kernel

import (
	"slices"

	"tapenet/graph/internal/kernel/cpu"
)

// Strided copies elements that lie at regular distances: for each position
// (i,j,…) of the result
//
//	y[i,j,…] = x[From + i·Steps[0] + j·Steps[1] + …]
//
// where y lies row by row. Transpositions, cuts and repetitions are such copies.
//
//	from 0, shape (W,H), steps 1, W      transposes a matrix (H,W)
//	from a, shape (H,w), steps W, 1      cuts columns [a,a+w) out of it
//	from 0, shape (N,W), steps 0, 1      repeats a row N times
//
// Steps are not negative, and no position is outside x: the op has checked that.
type Strided[T cpu.Float] struct {
	from   int
	shape  []int // of y
	steps  []int
	loops  []axisLoop // the last two are run block by block
	shared bool       // an element of x may be read twice
	parts  bool       // there are elements of x that are not read

	to, src           []T
	forward, backward func(lo, hi int)
}

// axisLoop is one dimension: how often, and how far apart elements are in y and in x.
type axisLoop struct{ size, y, x int }

// NewStrided returns the kernel. shared says that an element of x may be read
// twice, parts that there are some that are not read.
func NewStrided[T cpu.Float](from int, shape, steps []int, shared, parts bool) *Strided[T] {
	s := &Strided[T]{from: from, shape: shape, steps: steps, loops: loopsOf(shape, steps), shared: shared, parts: parts}
	s.forward, s.backward = s.forwardRows, s.backwardRows
	return s
}

// loopsOf orders the dimensions for speed. Those that are one in memory become
// one. The last is the one along which y is contiguous, and the one before it
// that along which x is, so that blocks of the two touch whole cache lines.
//
// For a transposition of (H,W) the last loop goes down a column of x, a row of y, and the
// one before it along the rows of x:
//
//	x   a0 a1 a2 …      block of 16 rows of x: each is a line of the cache, which is
//	    b0 b1 b2 …      still there when the next column is read
//	    …
//	y   a0 b0 …         16 elements side by side
//	    a1 b1 …
//
// Two dimensions are one in memory if a step of the outer is as long as all of the inner:
// in y they always are. The two loops of size 1 make sure that there are two to run.
func loopsOf(shape, steps []int) []axisLoop {
	loops := []axisLoop{{1, 0, 0}, {1, 0, 0}}
	size := 1
	for _, d := range shape {
		size *= d
	}
	for i, d := range shape {
		size /= d
		last := &loops[len(loops)-1]
		switch {
		case d == 1:
		case len(loops) > 2 && last.x == d*steps[i]:
			*last = axisLoop{last.size * d, size, steps[i]}
		default:
			loops = append(loops, axisLoop{d, size, steps[i]})
		}
	}
	n := len(loops)
	// The order of all but the last loop is free: each position of y is known from its loops.
	for i, l := range loops[:n-2] {
		if l.x == 1 {
			copy(loops[i:], loops[i+1:n-1])
			loops[n-2] = l
			break
		}
	}
	return loops
}

// Forward computes y from in[0].
func (s *Strided[T]) Forward(y []T, in [][]T) {
	s.to, s.src = y, in[0]
	cpu.Parallel(s.rows(), s.forward)
}

// rows is the number of runs of the last loop.
func (s *Strided[T]) rows() int {
	n := 1
	for _, l := range s.loops[:len(s.loops)-1] {
		n *= l.size
	}
	return n
}

// Backward adds up, for each element of x, the gradients of where it went.
//
//	dx[p] = Σ dy[i,j,…] over all positions with From + i·Steps[0] + j·Steps[1] + … = p
//
// Only if no element is read twice may several goroutines write to dx, and then without a
// sum. Elements that are not read, and sums, begin at zero.
func (s *Strided[T]) Backward(dIn [][]T, dy []T, _ [][]T) {
	if dIn[0] == nil {
		return
	}
	if s.shared || s.parts {
		clear(dIn[0])
	}
	if s.to, s.src = dIn[0], dy; s.shared {
		s.backward(0, s.rows())
	} else {
		cpu.Parallel(s.rows(), s.backward)
	}
}

func (s *Strided[T]) forwardRows(lo, hi int) {
	s.each(lo, hi, func(rows, y, x int) {
		outer, inner := s.loops[len(s.loops)-2], s.loops[len(s.loops)-1]
		// x and y are both contiguous here: blocks would only shorten the copies.
		if inner.x == 1 {
			for range rows {
				copy(s.to[y:y+inner.size], s.src[x:])
				y, x = y+outer.y, x+outer.x
			}
			return
		}
		for j := 0; j < inner.size; j += stridedBlock {
			n := min(stridedBlock, inner.size-j)
			y, x := y+j*inner.y, x+j*inner.x
			for range rows {
				from := x
				to := s.to[y:][:n]
				for i := range to {
					to[i] = s.src[from]
					from += inner.x
				}
				y, x = y+outer.y, x+outer.x
			}
		}
	})
}

func (s *Strided[T]) backwardRows(lo, hi int) {
	s.each(lo, hi, func(rows, y, x int) {
		outer, inner := s.loops[len(s.loops)-2], s.loops[len(s.loops)-1]
		for j := 0; j < inner.size; j += stridedBlock {
			n := min(stridedBlock, inner.size-j)
			y, x := y+j*inner.y, x+j*inner.x
			for range rows {
				to := x
				for _, d := range s.src[y:][:n] {
					if s.shared {
						d += s.to[to]
					}
					s.to[to] = d
					to += inner.x
				}
				y, x = y+outer.y, x+outer.x
			}
		}
	})
}

// stridedBlock is the number of cache lines of x that are read side by side.
const stridedBlock = 16

// each cuts the rows [lo,hi) into runs of the loop before the last, and calls f
// for each with its number of rows and its first element in y and in x.
func (s *Strided[T]) each(lo, hi int, f func(rows, y, x int)) {
	outer := s.loops[:len(s.loops)-1]
	for lo < hi {
		y, x, rest := 0, s.from, lo
		for i := len(outer) - 1; i >= 0; i-- {
			k := rest % outer[i].size
			rest /= outer[i].size
			y, x = y+k*outer[i].y, x+k*outer[i].x
		}
		size := outer[len(outer)-1].size
		rows := min(size-lo%size, hi-lo)
		f(rows, y, x)
		lo += rows
	}
}

// Turn reports whether the copy gives images (N,C,H,W) the channels as their last
// dimension, or, first, the other way round.
func (s *Strided[T]) Turn() (last, first bool) {
	if len(s.shape) != 4 || s.from != 0 {
		return false, false
	}
	a, b, c := s.shape[1], s.shape[2], s.shape[3]
	image := a * b * c
	last = slices.Equal(s.steps, []int{image, b, 1, a * b})  // y is (N,H,W,C)
	first = slices.Equal(s.steps, []int{image, 1, c * a, a}) // y is (N,C,H,W)
	return last && !first, first && !last
}
