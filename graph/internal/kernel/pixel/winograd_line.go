package pixel

import "tapenet/graph/internal/kernel/cpu"

// The mathematics of Winograd's convolutions, along one line. For n output pixels
// y, a filter g of k pixels and the side = n+k-1 image pixels d that they see:
//
//	y = Vᵀ·((W·V·g) ∘ (B·d))
//
// V evaluates a polynomial, whose coefficients are given, at side points; B and W
// interpolate. This is the transpose of polynomial multiplication, which is why
// output and image change places:
//
//   - The product of two polynomials, of n and k coefficients, has side
//     coefficients. Its values at side points determine them, and its values are
//     the products of the factors' values: side multiplications.
//   - One of the points is ∞, where the value of a polynomial is its leading
//     coefficient.
//   - That multiplication turns y and g into d, linearly in y. Its transpose turns
//     d and g into y, and that is the convolution.
//
// Bᵀ is the interpolation without its denominators, which are the weights W. The
// points are 0, 1, -1 and ∞ for lines of 4, and 2 and -2 too for lines of 6. So
// with W apart all factors are sums of powers of two, and only sums are rounded.

// maxSide is the longest side of a tile.
const maxSide = 6

// winogradWeights are the weights W of the points, one over the denominators of
// the interpolation, by the side of a tile.
func winogradWeights[T cpu.Float](side int) [maxSide]T {
	if side == 4 {
		return [maxSide]T{1, 1. / 2, 1. / 2, 1}
	}
	return [maxSide]T{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 1}
}

// imageLine computes B·d. It has as many values as d. B is, for sides of 4 and
// of 6,
//
//	1  0 -1  0      4  0 -5  0  1  0
//	0  1  1  0      0 -4 -4  1  1  0
//	0 -1  1  0      0  4 -4 -1  1  0
//	0 -1  0  1      0 -2 -1  2  1  0
//	                0  2 -1 -2  1  0
//	                0  4  0 -5  0  1
//
// The assembly adds and subtracts in the order that stands here.
func imageLine[T cpu.Float](side, _ int, d [maxSide]T) [maxSide]T {
	if side == 4 {
		return [maxSide]T{d[0] - d[2], d[1] + d[2], d[2] - d[1], d[3] - d[1]}
	}
	even1, odd1 := d[4]-4*d[2], d[3]-4*d[1]
	even2, odd2 := d[4]-d[2], d[3]-d[1]
	return [maxSide]T{
		even2 + 4*(d[0]-d[2]),
		even1 + odd1, even1 - odd1,
		even2 + 2*odd2, even2 - 2*odd2,
		(d[5] - d[3]) - 4*odd2,
	}
}

// spreadLine computes Bᵀ·t. It has as many values as t.
func spreadLine[T cpu.Float](side, _ int, t [maxSide]T) [maxSide]T {
	sum1, odd1 := t[1]+t[2], t[1]-t[2]
	if side == 4 {
		return [maxSide]T{t[0], odd1 - t[3], sum1 - t[0], t[3]}
	}
	sum2, odd2 := t[3]+t[4], 2*(t[3]-t[4])
	odd1 -= t[5]
	return [maxSide]T{
		4 * t[0],
		-4*odd1 - odd2,
		-4*(t[0]+sum1) - (t[0] + sum2),
		(odd1 + odd2) - 4*t[5],
		(t[0] + sum1) + sum2,
		t[5],
	}
}

// evaluateLine computes V·e for n coefficients e, and W·V·e for a filter: the
// polynomial's values at the points. A row of V is 1, x, x², … for the point x,
// and 0, …, 0, 1 for ∞. Even and odd powers are summed apart, since x and -x
// share both sums.
func evaluateLine[T cpu.Float](side, n int, e [maxSide]T) (z [maxSide]T) {
	z[0], z[side-1] = e[0], e[n-1]
	for p := 1; p < side/2; p++ {
		x := T(p)
		var sums [2]T // of the even powers of x, and of the odd ones divided by x
		sums[(n-1)%2], sums[(n-2)%2] = e[n-1], e[n-2]
		for i := n - 3; i >= 0; i-- {
			sums[i%2] = e[i] + x*x*sums[i%2]
		}
		z[2*p-1], z[2*p] = sums[0]+x*sums[1], sums[0]-x*sums[1]
	}
	return weighted(side, n, z)
}

// combineLine computes Vᵀ·t, n values, and Vᵀ·W·t for a filter.
func combineLine[T cpu.Float](side, n int, t [maxSide]T) (y [maxSide]T) {
	t = weighted(side, n, t)
	for i := range n {
		pair := func(p int) T {
			if i%2 == 0 {
				return t[2*p-1] + t[2*p]
			}
			return t[2*p-1] - t[2*p]
		}
		if y[i] = pair(1); i == 0 {
			y[i] += t[0]
		}
		if side == 6 {
			y[i] += T(int(1)<<i) * pair(2)
		}
	}
	y[n-1] += t[side-1]
	return y
}

// weighted applies the weights if n is the number of pixels of a filter, which
// is odd.
func weighted[T cpu.Float](side, n int, z [maxSide]T) [maxSide]T {
	if n%2 > 0 {
		for i, w := range winogradWeights[T](side) {
			z[i] = T(w * z[i])
		}
	}
	return z
}
