package main

import (
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// line is a transformation of a line of a tile. It has as many results as parts
// has numbers: results that share their steps stand together there. The function
// run computes the results in want from the values that in returns, in memory or in
// registers, and hands each to put as soon as it has it. It takes the steps of
// the function in package pixel that has its name (winograd_line.go), where the
// matrices stand.
//
// A tile of 6×6 has 36 values, and AVX2 sixteen registers. So a transformation goes in
// passes: a pass computes some results of all columns, as many as there are registers
// for, and then the rows that they are. Steps that two passes share are done twice.
type line struct {
	parts [][]int
	run   func(v vector, in func(i int) Op, want wanted, put func(i int, y reg.VecVirtual))
}

// wanted lists results by their numbers.
type wanted []int

// one reports whether one of them is wanted.
func (w wanted) one(of ...int) bool {
	return slices.ContainsFunc(of, func(i int) bool { return slices.Contains(w, i) })
}

// passes returns the results of a line that a vector's registers have room for at
// once, of n lines each: [0 5] [3 4] [1 2] for the image of a 6×6 tile on AVX2, two
// times six values in twelve registers.
func (l line) passes(v vector, n int) (p []wanted) {
	for _, part := range l.parts {
		if last := len(p) - 1; last >= 0 && (len(p[last])+len(part))*n <= v.room {
			p[last] = append(p[last], part...)
			continue
		}
		p = append(p, slices.Clone(part))
	}
	for _, w := range p {
		slices.Sort(w)
	}
	return p
}

// results is the number of its results.
func (l line) results() int { return len(slices.Concat(l.parts...)) }

// imageLine is B·d.
func imageLine(side int) line {
	if side == 4 {
		return line{[][]int{{0, 1}, {2, 3}}, image4}
	}
	return line{[][]int{{0, 5}, {3, 4}, {1, 2}}, image6}
}

// image4 computes d0-d2, d1+d2, d2-d1, d3-d1.
func image4(v vector, in func(i int) Op, want wanted, put func(i int, y reg.VecVirtual)) {
	if want.one(0) {
		put(0, v.minus(v.loaded(in(0)), in(2)))
	}
	if want.one(1) {
		put(1, v.plus(v.loaded(in(1)), in(2)))
	}
	if want.one(2) {
		put(2, v.minus(v.loaded(in(2)), in(1)))
	}
	if want.one(3) {
		put(3, v.minus(v.loaded(in(3)), in(1)))
	}
}

// image6 computes, with the points 1 and -1, and 2 and -2, in pairs,
//
//	even = d4-4·d2, odd = d3-4·d1:  1: even+odd,   2: even-odd
//	even = d4-d2,   odd = d3-d1:    3: even+2·odd, 4: even-2·odd
//	0: 4·(d0-d2)+even,  5: (d5-d3)-4·odd
//
// A product with a power of two is exact, so that fusing it with the sum rounds as
// often as plain Go does: once.
func image6(v vector, in func(i int) Op, want wanted, put func(i int, y reg.VecVirtual)) {
	if want.one(1, 2) {
		even, odd := v.copied(in(4)), v.copied(in(3))
		v.subtractTimes(4, v.loaded(in(2)), even)
		v.subtractTimes(4, v.loaded(in(1)), odd)
		put(1, v.plus(even, odd))
		put(2, v.minus(even, odd))
	}
	if !want.one(0, 3, 4, 5) {
		return
	}
	even, odd := v.minus(v.loaded(in(4)), in(2)), v.minus(v.loaded(in(3)), in(1))
	if want.one(5) {
		last := v.minus(v.loaded(in(5)), in(3))
		v.subtractTimes(4, odd, last)
		put(5, last)
	}
	if want.one(3, 4) {
		above, below := v.copied(even), v.copied(even)
		v.addTimes(2, odd, above)
		v.subtractTimes(2, odd, below)
		put(3, above)
		put(4, below)
	}
	if want.one(0) {
		v.addTimes(4, v.minus(v.loaded(in(0)), in(2)), even)
		put(0, even)
	}
}

// spreadLine is Bᵀ·t.
func spreadLine(side int) line {
	if side == 4 {
		return line{[][]int{{0, 2}, {1, 3}}, spread4}
	}
	return line{[][]int{{0, 5}, {2, 4}, {1, 3}}, spread6}
}

// spread4 computes t0, t1-t2-t3, t1+t2-t0, t3.
func spread4(v vector, in func(i int) Op, want wanted, put func(i int, y reg.VecVirtual)) {
	if want.one(0) {
		put(0, v.loaded(in(0)))
	}
	if want.one(2) {
		put(2, v.minus(v.plus(v.loaded(in(1)), in(2)), in(0)))
	}
	if want.one(1) {
		put(1, v.minus(v.minus(v.loaded(in(1)), in(2)), in(3)))
	}
	if want.one(3) {
		put(3, v.loaded(in(3)))
	}
}

// spread6 computes, with sum1 = t1+t2+t0, sum2 = t3+t4, odd1 = t1-t2-t5 and
// odd2 = 2·(t3-t4),
//
//	0: 4·t0                   5: t5
//	2: -4·sum1-(sum2+t0)      4: sum1+sum2
//	1: -4·odd1-odd2           3: odd1+odd2-4·t5
func spread6(v vector, in func(i int) Op, want wanted, put func(i int, y reg.VecVirtual)) {
	if want.one(0) {
		put(0, v.scaled(4, v.loaded(in(0))))
	}
	if want.one(5) {
		put(5, v.loaded(in(5)))
	}
	if want.one(2, 4) {
		sum1 := v.plus(v.plus(v.loaded(in(1)), in(2)), in(0))
		sum2 := v.plus(v.loaded(in(3)), in(4))
		put(4, v.plus(sum1, sum2))
		y := v.plus(sum2, in(0))
		v.subtractFrom(4, sum1, y)
		put(2, y)
	}
	if want.one(1, 3) {
		odd1 := v.minus(v.minus(v.loaded(in(1)), in(2)), in(5))
		odd2 := v.minus(v.loaded(in(3)), in(4))
		odd2 = v.plus(odd2, odd2)
		y := v.plus(odd1, odd2)
		v.subtractTimes(4, v.loaded(in(5)), y)
		put(3, y)
		v.subtractFrom(4, odd1, odd2)
		put(1, odd2)
	}
}

// evaluateLine is V·e, or W·V·e for a filter: the values of the polynomial with n
// coefficients at the points 0 and ∞, 1 and -1, 2 and -2.
func evaluateLine(side, n int) line {
	l := line{parts: [][]int{{0, side - 1}, {1, 2}, {3, 4}}[:side/2]}
	w := weights(side, n)
	l.run = func(v vector, in func(i int) Op, want wanted, put func(i int, y reg.VecVirtual)) {
		if want.one(0) {
			put(0, v.scaled(w[0], v.loaded(in(0))))
		}
		if want.one(side - 1) {
			put(side-1, v.scaled(w[side-1], v.loaded(in(n-1))))
		}
		for x := 1; x < side/2; x++ {
			if want.one(2*x-1, 2*x) {
				above, below := evaluateAt(v, in, n, x)
				put(2*x-1, v.scaled(w[2*x-1], above))
				put(2*x, v.scaled(w[2*x], below))
			}
		}
	}
	return l
}

// evaluateAt returns the value of a polynomial at x and at -x. Both have the same sum
// of even powers, and the same sum of odd powers with opposite signs: each by Horner's
// rule in x².
func evaluateAt(v vector, in func(i int) Op, n, x int) (above, below reg.VecVirtual) {
	var sums [2]reg.VecVirtual // of the even powers, and of the odd ones divided by x
	for i := n - 1; i >= 0; i-- {
		switch {
		case i >= n-2:
			sums[i%2] = v.loaded(in(i))
		case x == 1:
			sums[i%2] = v.plus(sums[i%2], in(i))
		default:
			sum := v.copied(in(i))
			v.addTimes(float32(x*x), sums[i%2], sum)
			sums[i%2] = sum
		}
	}
	if x == 1 {
		return v.plus(sums[0], sums[1]), v.minus(sums[0], sums[1])
	}
	above, below = v.copied(sums[0]), v.copied(sums[0])
	v.addTimes(float32(x), sums[1], above)
	v.subtractTimes(float32(x), sums[1], below)
	return above, below
}

// combineLine is Vᵀ·t, or Vᵀ·W·t for a filter: n results from the values at the points.
// The even ones need the sums of the pairs, t at x plus t at -x, and the odd ones the
// differences; result i has the pair of 2 and -2 times 2ⁱ.
func combineLine(side, n int) line {
	l := line{parts: [][]int{{0, 2}, {1, 3}, {4}}}
	switch n {
	case 2:
		l.parts = [][]int{{0}, {1}}
	case 3:
		l.parts = [][]int{{0, 2}, {1}}
	case 4:
		l.parts = l.parts[:2]
	}
	w := weights(side, n)
	l.run = func(v vector, in func(i int) Op, want wanted, put func(i int, y reg.VecVirtual)) {
		t := func(i int) Op {
			if w[i] == 1 {
				return in(i)
			}
			return v.scaled(w[i], v.loaded(in(i)))
		}
		even, odd := want.one(0, 2, 4), want.one(1, 3)
		var sums, differences []reg.VecVirtual // of the pairs of points, 1 and -1, 2 and -2
		for x := 1; x < side/2; x++ {
			above, below := v.loaded(t(2*x-1)), t(2*x)
			if even && odd {
				below = v.loaded(below)
			}
			if even {
				sums = append(sums, v.plus(above, below))
			}
			if odd {
				differences = append(differences, v.minus(above, below))
			}
		}
		combine(v, t, side, n, 0, sums, want, put)
		combine(v, t, side, n, 1, differences, want, put)
	}
	return l
}

// combine computes every second of the n results from the first on, as far as they
// are wanted, from the pairs of points and the values t. Point 0 is in the first
// result alone, and ∞ in the last.
func combine(v vector, t func(i int) Op, side, n, first int, pairs []reg.VecVirtual, want wanted, put func(i int, y reg.VecVirtual)) {
	for i := first; i < n; i += 2 {
		if !want.one(i) {
			continue
		}
		var y reg.VecVirtual
		switch {
		case i == 0:
			y = v.plus(pairs[0], t(0))
		case want.one(i + 2): // then the pair is needed again
			y = v.copied(pairs[0])
		default:
			y = pairs[0]
		}
		if side == 6 {
			v.addTimes(float32(int(1)<<i), pairs[1], y)
		}
		if i == n-1 {
			VADDPS(t(side-1), y, y)
		}
		put(i, y)
	}
}

// weights returns the weights W of the points of a tile, 1 unless the n×n pixels are a
// filter's: see winogradWeights of package pixel.
func weights(side, n int) []float32 {
	switch {
	case n%2 == 0:
		return []float32{1, 1, 1, 1, 1, 1}
	case side == 4:
		return []float32{1, 1. / 2, 1. / 2, 1}
	}
	return []float32{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 1}
}
