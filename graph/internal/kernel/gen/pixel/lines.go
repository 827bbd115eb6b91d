package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// line is a transformation of a line of a tile, of vectors that are in memory or
// in registers. Its steps are those of the function in package pixel that has its
// name.
type line func(in func(i int) Op) []reg.VecVirtual

func imageLine(side int) line {
	if side == 4 {
		return func(in func(i int) Op) []reg.VecVirtual {
			d1, d2 := copied(in(1)), copied(in(2))
			return []reg.VecVirtual{minus(copied(in(0)), d2), plus(d1, d2), minus(d2, d1), minus(copied(in(3)), d1)}
		}
	}
	return func(in func(i int) Op) []reg.VecVirtual {
		d1, d2 := copied(in(1)), copied(in(2))
		even, odd := copied(in(4)), copied(in(3))
		subtractTimes(4, d2, even)
		subtractTimes(4, d1, odd)
		t := []reg.VecVirtual{minus(copied(in(0)), d2), plus(even, odd), minus(even, odd), nil, nil, minus(copied(in(5)), in(3))}
		even, odd = minus(copied(in(4)), d2), minus(copied(in(3)), d1)
		subtractTimes(4, odd, t[5])
		odd = plus(odd, odd)
		t[3], t[4] = plus(even, odd), minus(even, odd)
		addTimes(4, t[0], even)
		t[0] = even
		return t
	}
}

func spreadLine(side int) line {
	return func(in func(i int) Op) []reg.VecVirtual {
		t0, t1, t2 := copied(in(0)), copied(in(1)), copied(in(2))
		sum1, odd1 := plus(t1, t2), minus(t1, t2)
		if side == 4 {
			t3 := copied(in(3))
			return []reg.VecVirtual{t0, minus(odd1, t3), minus(sum1, t0), t3}
		}
		t3, t4, t5 := copied(in(3)), copied(in(4)), copied(in(5))
		sum2, odd2 := plus(t3, t4), minus(t3, t4)
		odd2, odd1 = plus(odd2, odd2), minus(odd1, t5)
		sum1 = plus(sum1, t0)
		y := []reg.VecVirtual{nil, odd2, plus(sum2, t0), plus(odd1, odd2), plus(sum1, sum2), t5}
		four := float32Constant(4)
		VFNMSUB231PS(four, odd1, y[1]) // -4·odd1 - y[1]
		VFNMSUB231PS(four, sum1, y[2])
		VFNMADD231PS(four, t5, y[3])
		VMULPS(four, t0, t0)
		y[0] = t0
		return y
	}
}

func evaluateLine(side, n int) line {
	return func(in func(i int) Op) []reg.VecVirtual {
		z := make([]reg.VecVirtual, side)
		z[0], z[side-1] = copied(in(0)), copied(in(n-1))
		for x := 1; x < side/2; x++ {
			var sums [2]reg.VecVirtual
			for i := n - 1; i >= 0; i-- {
				sum := copied(in(i))
				if i < n-2 {
					addTimes(x*x, sums[i%2], sum)
				}
				sums[i%2] = sum
			}
			odd := sums[1]
			if x == 2 {
				odd = plus(odd, odd)
			}
			z[2*x-1], z[2*x] = plus(sums[0], odd), minus(sums[0], odd)
		}
		for i, w := range weights(side, n) {
			weigh(w, z[i])
		}
		return z
	}
}

func combineLine(side, n int) line {
	return func(in func(i int) Op) []reg.VecVirtual {
		w := weights(side, n)
		t := func(i int) reg.VecVirtual {
			v := copied(in(i))
			if w != nil {
				weigh(w[i], v)
			}
			return v
		}
		y := make([]reg.VecVirtual, n)
		for x := 1; x < side/2; x++ {
			plusX, minusX := t(2*x-1), t(2*x)
			pairs := [2]reg.VecVirtual{plus(plusX, minusX), minus(plusX, minusX)}
			for i := range y {
				switch pair := pairs[i%2]; {
				case x == 2:
					addTimes(1<<i, pair, y[i])
				case i == 0:
					y[i] = plus(t(0), pair)
				default:
					y[i] = copied(pair)
				}
			}
		}
		VADDPS(t(side-1), y[n-1], y[n-1])
		return y
	}
}

// weights are those of the points of a tile, if n×n pixels are those of a filter.
func weights(side, n int) []float32 {
	switch {
	case n%2 == 0:
		return nil
	case side == 4:
		return []float32{1, 1. / 2, 1. / 2, 1}
	}
	return []float32{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 1}
}

func weigh(w float32, v reg.VecVirtual) {
	if w != 1 {
		VMULPS(float32Constant(w), v, v)
	}
}

func float32Constant(v float32) reg.VecVirtual {
	bits := math.Float32bits(v)
	return constant(fmt.Sprintf("float%x", bits), bits)
}

// copied is an operand in a register of its own.
func copied(v Op) reg.VecVirtual {
	r := YMM()
	VMOVUPS(v, r)
	return r
}

func plus(a reg.VecVirtual, b Op) reg.VecVirtual {
	v := YMM()
	VADDPS(b, a, v)
	return v
}

func minus(a reg.VecVirtual, b Op) reg.VecVirtual {
	v := YMM()
	VSUBPS(b, a, v)
	return v
}

// addTimes adds n·v, n being a power of two, so that only the sum is rounded.
func addTimes(n int, v, sum reg.VecVirtual) {
	if n == 1 {
		VADDPS(v, sum, sum)
	} else {
		VFMADD231PS(float32Constant(float32(n)), v, sum)
	}
}

// subtractTimes subtracts it.
func subtractTimes(n int, v, sum reg.VecVirtual) {
	VFNMADD231PS(float32Constant(float32(n)), v, sum)
}
