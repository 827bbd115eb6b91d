package main

import (
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/operand"

	"tapenet/graph/internal/kernel/gen/asm"
)

// curve is an activation: its function and its derivative, in Go's words and as
// operations on the lanes. p holds the parameters alpha, beta and gamma as
// vectors, as many as the curve has.
type curve struct {
	name, f, df       string
	parameters        int
	value, derivative func(x vec, p []vec) vec

	// gradient computes the loop's result itself, where that is not dy·derivative.
	gradient func(dy, x vec, p []vec) vec
}

var curves = []curve{
	{"tanh", "tanh(x[i])", "1 - tanh(x[i])²", 0, tanh, tanhGrad, nil},
	{"sigmoid", "1 / (1 + exp(-x[i]))", "exp(-x[i]) / (1 + exp(-x[i]))²", 0, sigmoid, sigmoidGrad, nil},
	{"silu", "x[i] / (1 + exp(-x[i]))", "s*(1 + x[i]*(1-s)), s = 1 / (1 + exp(-x[i]))", 0, silu, siluGrad, nil},
	{"gelu", "x[i] * Φ(x[i])", "Φ(x[i]) + x[i]*exp(-x[i]²/2)/√(2π)", 0, gelu, geluGrad, nil},
	{"elu", "x[i] > 0 ? x[i] : alpha*(exp(x[i])-1)", "x[i] > 0 ? 1 : alpha*exp(x[i])", 1, elu, eluGrad, nil},
	{"leakyReLU", "x[i] > 0 ? x[i] : alpha*x[i]", "x[i] > 0 ? 1 : alpha", 1, leaky, leakyGrad, nil},
	{"hardSwish", "x[i] * min(max(x[i]+3, 0), 6) / 6", "x[i] <= -3 ? 0 : x[i] >= 3 ? 1 : x[i]/3 + 1/2", 0, hardSwish, hardSwishGrad, nil},
	{"hardSigmoid", "min(max(alpha*x[i]+beta, 0), 1)", "0 < alpha*x[i]+beta < 1 ? alpha : 0", 2, hardSigmoid, hardSigmoidGrad, nil},
	{"limit", "min(max(x[i], alpha), beta)", "x[i] <= alpha || x[i] >= beta ? 0 : 1", 2, limit, nil, limitGrad},
	{"exp", "exp(x[i])", "exp(x[i])", 0, exp, exp, nil},
	{"erf", "erf(x[i])", "exp(-x[i]²)*2/√π", 0, erf, erfGrad, nil},
	{"sqrt", "√x[i]", "1/2/√x[i]", 0, sqrt, sqrtGrad, nil},
	{"reciprocal", "1/x[i]", "-1/x[i]²", 0, reciprocal, reciprocalGrad, nil},
	{"square", "x[i]²", "2*x[i]", 0, square, twice, nil},
	{"pow", "pow(x[i], alpha+beta) // gamma is 1, -1 or NaN: what it is at x[i] = -1", "(alpha+beta)*pow(x[i], alpha+beta-1)", 3, pow, powGrad, nil},
}

// activations generates, for each curve and both widths, the loops of its function
// and of its gradient. package vector has a field of vectorFuncs for each.
func activations() {
	defer func() { lanes = 8 }()
	for _, lanes = range []int{8, 16} {
		for _, c := range curves {
			c.forward()
			c.backward()
		}
	}
}

// forward generates y[i] = f(x[i]). Curves with fewer parameters have them all in
// their signature, so that one type of function fits every curve.
func (c curve) forward() {
	begin(c.name, "func(y, x []float32, alpha, beta, gamma float32)", "\tfor i := range y {", "\t\ty[i] = "+c.f, "\t}")
	y, x, p := slice("y"), slice("x"), c.parameterVectors()
	elements("y", func(at part) { at.put(c.value(at.get(x), p), y) })
}

// backward generates dx[i] = dy[i]·f'(x[i]). The derivative is computed from x, as
// the result may be overwritten by then.
func (c curve) backward() {
	begin(c.name+"Grad", "func(dx, dy, x []float32, alpha, beta, gamma float32)",
		"\tfor i := range dx {", "\t\tdx[i] = dy[i] * d", "\t}", "", "with d = "+c.df)
	dx, dy, x, p := slice("dx"), slice("dy"), slice("x"), c.parameterVectors()
	elements("dx", func(at part) {
		if c.gradient != nil {
			at.put(c.gradient(at.get(dy), at.get(x), p), dx)
		} else {
			at.put(times(c.derivative(at.get(x), p), at.get(dy)), dx)
		}
	})
}

// parameterVectors fills a vector with each of the curve's parameters.
func (c curve) parameterVectors() (p []vec) {
	for _, name := range []string{"alpha", "beta", "gamma"}[:c.parameters] {
		p = append(p, parameter(name))
	}
	return p
}

// tanh is sign(x)·(1-e)/(1+e) with e = exp(-2|x|). 1 - e comes as -(e-1), which is
// accurate for a small x too; so are its relative error and its sign there.
func tanh(x vec, _ []vec) vec {
	a := minusAbs(x)
	m := exponential(plus(a, a)).minusOne()
	y := over(and(m, constantBits(math.MaxInt32)), plus(m, constant(2)))
	return or(y, and(x, signBit()))
}

// tanhGrad is 4e/(1+e)² with e = exp(-2|x|): 1 - tanh² would cancel.
func tanhGrad(x vec, _ []vec) vec {
	x = minusAbs(x)
	return times(bell(plus(x, x)), constant(4))
}

// sigmoid is 1/(1+e) for x >= 0 and e/(1+e) elsewhere, with e = exp(-|x|).
func sigmoid(x vec, _ []vec) vec {
	s, _ := sigmoids(x)
	return s
}

// sigmoidGrad is e/(1+e)² with e = exp(-|x|).
func sigmoidGrad(x vec, _ []vec) vec { return bell(minusAbs(x)) }

// vanished is where exp(x), and all that is proportional to it, is 0.
const vanished = -89

// silu is x·s with s = sigmoid(x). Where s is 0, x is kept from being infinite.
func silu(x vec, _ []vec) vec {
	s, _ := sigmoids(x)
	return times(s, atLeast(x, vanished))
}

// siluGrad is s·(1 + x·sigmoid(-x)).
func siluGrad(x vec, _ []vec) vec {
	s, d := sigmoids(x)
	timesPlus(constant(1), atMost(atLeast(x, vanished), -vanished), d)
	return times(d, s)
}

// gelu is x·Φ(x).
func gelu(x vec, _ []vec) vec {
	_, phi := normal(x)
	return times(phi, atLeast(x, vanished))
}

// geluGrad is Φ(x) + x·φ(x), φ(x) = exp(-x²/2)/√(2π) being the density.
func geluGrad(x vec, _ []vec) vec {
	e, phi := normal(x)
	density := times(e, constant(1/math.Sqrt(2*math.Pi)))
	addProduct(density, atMost(atLeast(x, vanished), -vanished), phi)
	return phi
}

// elu is x, or alpha·(exp(x)-1) where that is not above 0.
func elu(x vec, p []vec) vec {
	return positive(x, x, times(exponential(atMost(x, 0)).minusOne(), p[0]))
}

// eluGrad is 1, or alpha·exp(x).
func eluGrad(x vec, p []vec) vec {
	return positive(x, constant(1), times(exponential(atMost(x, 0)).value(), p[0]))
}

// leaky is x, or alpha·x where that is not above 0.
func leaky(x vec, p []vec) vec { return positive(x, x, times(x, p[0])) }

// leakyGrad is 1, or alpha.
func leakyGrad(x vec, p []vec) vec { return positive(x, constant(1), p[0]) }

// positive selects a where x > 0 and b elsewhere.
func positive(x vec, a Op, b vec) vec { return choose(compare(x, greater, constant(0)), a, b) }

// hardSwish is x·min(max(x+3,0),6)/6. The division comes before the product: 6/6
// is exactly 1, and so the result exactly x from 3 on. Minus infinity becomes
// zero, as the curve's F has it.
func hardSwish(x vec, _ []vec) vec {
	part := atMost(atLeast(plus(x, constant(3)), 0), 6)
	return times(times(part, constant(1./6)), atLeast(x, -3))
}

// hardSwishGrad is x/3 + 1/2 between -3 and 3, 0 below and 1 above.
func hardSwishGrad(x vec, _ []vec) vec {
	d := fill(constant(0.5))
	addProduct(constant(1./3), x, d)
	d = choose(compare(x, asm.LessOrEqual, constant(-3)), constant(0), d)
	return choose(compare(x, asm.GreaterOrEqual, constant(3)), constant(1), d)
}

// hardSigmoid is min(max(alpha·x+beta,0),1).
func hardSigmoid(x vec, p []vec) vec { return atMost(atLeast(line(x, p), 0), 1) }

// hardSigmoidGrad is alpha where alpha·x+beta is between 0 and 1, or NaN, and 0
// elsewhere.
func hardSigmoidGrad(x vec, p []vec) vec {
	y := line(x, p)
	d := selected(compare(y, notLessOrEqual, constant(0)), p[0])
	return choose(compare(y, asm.GreaterOrEqual, constant(1)), constant(0), d)
}

// line is alpha·x + beta, rounded once.
func line(x vec, p []vec) vec {
	y := clone(p[1])
	addProduct(p[0], x, y)
	return y
}

// limit is min(max(x,alpha),beta).
func limit(x vec, p []vec) vec { return smallerOf(largerOf(x, p[0]), p[1]) }

// limitGrad is dy where x is between alpha and beta, or NaN, and 0 elsewhere,
// even if dy is not finite there.
func limitGrad(dy, x vec, p []vec) vec {
	d := selected(compare(x, notLessOrEqual, p[0]), dy)
	return choose(compare(x, asm.GreaterOrEqual, p[1]), constant(0), d)
}

// exp is eˣ, both the curve and its derivative. The power of two is halved and the
// result doubled, so that the largest results, and infinity, fit. At the other end
// it is 0 below -86.99.
func exp(x vec, _ []vec) vec {
	y := exponentialTimes(atMost(atLeast(x, -126*math.Ln2), 89), -1).value()
	return plus(y, y)
}

// erfc gives the error function,
//
//	1 - erf(a) = exp(-a·Σ erfc[i]·aⁱ)
//
// for 0 <= a <= 4, from where on it is 1 in float32. The polynomial minimises the
// largest relative error of erf, which is 3.6e-8 (found by Remez's exchange in
// float64).
var erfc = []float64{
	1.128379207, 0.636616496, 0.1028144155, -0.01932172927,
	0.0002057340584, 0.001251734011, -0.0003809962962, 4.070734666e-05,
}

// erf is the error function. exp(…) - 1 keeps the accuracy of small results.
func erf(x vec, _ []vec) vec {
	b := atLeast(minusAbs(x), -4) // -a
	odd := slices.Clone(erfc)
	for i := 1; i < len(odd); i += 2 {
		odd[i] = -odd[i]
	}
	m := exponential(times(polynomial(b, odd), b)).minusOne()
	return or(and(m, constantBits(math.MaxInt32)), and(x, signBit()))
}

// erfGrad is 2/√π·exp(-x²).
func erfGrad(x vec, _ []vec) vec {
	return times(exponential(minusAbs(times(x, x))).value(), constant(2/math.SqrtPi))
}

// sqrt has an instruction, which rounds correctly. It and division share a unit
// that takes twice as long for sixteen lanes as for eight.
func sqrt(x vec, _ []vec) vec { return squareRoot(x) }

// sqrtGrad is 1/(2√x).
func sqrtGrad(x vec, _ []vec) vec { return over(fill(constant(0.5)), squareRoot(x)) }

// reciprocal is 1/x, by division: the approximate instruction has 12 or 14 bits.
func reciprocal(x vec, _ []vec) vec { return over(fill(constant(1)), x) }

// reciprocalGrad is -(1/x)². x² itself would overflow where the result is normal.
func reciprocalGrad(x vec, _ []vec) vec {
	y := over(fill(constant(1)), x)
	return minusAbs(times(y, y))
}

// square is x², the power that deviations need: one instruction where pow has a
// hundred.
func square(x vec, _ []vec) vec { return times(x, x) }

// twice is the derivative of square.
func twice(x vec, _ []vec) vec { return plus(x, x) }
