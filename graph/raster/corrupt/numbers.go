package corrupt

import "math"

// The functions of this file differ from package math's in the last bits only,
// and are the same on every processor: no product in them can be fused with an
// addition.

// exp returns e^x, for -700 < x < 700: x = k·ln 2 + r, and r's Taylor series.
func exp(x float64) float64 {
	x = max(-700, min(x, 700))
	const hi, lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10 // ln 2 in two parts
	k := math.Floor(float64(x*(1/math.Ln2)) + 0.5)
	r := x - float64(k*hi) - float64(k*lo)
	sum := 1.0
	for n := 14.0; n > 0; n-- {
		sum = 1 + float64(sum*r)/n
	}
	return math.Ldexp(sum, int(k))
}

// log returns the natural logarithm of x > 0: x = m·2^k with m about 1, and
// ln m = 2·(s + s³/3 + s⁵/5 + …) with s = (m-1)/(m+1).
func log(x float64) float64 {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, k = m*2, k-1
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	sum := 0.0
	for n := 27.0; n > 1; n -= 2 {
		sum = float64((sum + 1/n) * square)
	}
	return float64(float64(k)*math.Ln2) + float64(2*s*(1+sum))
}

// sincos returns the sine and the cosine of an angle of at most some turns.
func sincos(x float64) (sin, cos float64) {
	turns := math.Floor(x/(2*math.Pi) + 0.5)
	x = float64(x) - float64(turns*(2*math.Pi)) // x may be an inlined product
	square := float64(x * x)
	sin, cos = 1, 1
	for n := 28.0; n > 0; n -= 2 {
		cos = 1 - float64(cos*square)/(n*(n-1))
		sin = 1 - float64(sin*square)/(n*(n+1))
	}
	return float64(sin * x), cos
}

// normal returns the number below which a standard normal one lies with the
// probability p, by the rational functions of P. J. Acklam ("An algorithm for
// computing the inverse normal cumulative distribution function", 2003), whose
// relative error is below 1.2e-9.
func normal(p float64) float64 {
	const low = 0.02425
	switch {
	case p < low:
		q := math.Sqrt(-2 * log(max(p, 1e-300)))
		return polynomial(q, tail[0][:]) / polynomial(q, tail[1][:])
	case p > 1-low:
		return -normal(1 - p)
	}
	q := p - 0.5
	r := float64(q * q)
	return polynomial(r, centre[0][:]) * q / polynomial(r, centre[1][:])
}

var centre = [2][6]float64{
	{-3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00},
	{-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01, -1.328068155288572e+01, 1},
}

var tail = [2][6]float64{
	{-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00},
	{0, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1},
}

// polynomial returns the value at x, the highest power's coefficient first.
func polynomial(x float64, coefficients []float64) (sum float64) {
	for _, c := range coefficients {
		sum = float64(sum*x) + c
	}
	return sum
}
