package metric

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// What randomized smoothing counts, and what follows from it (Cohen et al. 2019,
// "Certified Adversarial Robustness via Randomized Smoothing", arXiv 1902.02918).

// LowerProbability is a lower bound of a probability, given hits in so many independent
// trials: by Clopper and Pearson (1934), too large with a probability of alpha at most. It
// is the alpha-quantile of Beta(hits, of-hits+1).
func LowerProbability(hits, of int, alpha float64) float64 {
	switch {
	case hits <= 0 || hits > of || !(alpha > 0 && alpha < 1):
		return 0
	case hits == of:
		return math.Pow(alpha, 1/float64(of))
	}
	return mathext.InvRegIncBeta(float64(hits), float64(of-hits+1), alpha)
}

// CoinTest is the probability that a fair coin's throws differ from half and half by as
// much as a and b do, or more, to either side: the two-sided binomial test.
func CoinTest(a, b int) float64 {
	k, n := max(a, b), a+b
	if 2*k <= n {
		return 1
	}
	// P(X ≥ k) of n throws is the regularized incomplete beta function I½(k, n-k+1).
	return min(1, 2*mathext.RegIncBeta(float64(k), float64(n-k+1), 0.5))
}

// SmoothedRadius is how far, in the Euclidean norm, an image may be changed without
// changing the class whose probability under Gaussian noise of deviation sigma is
// probability at least: sigma·Φ⁻¹(probability), and 0 up to ½ (theorem 1, with 1 less the
// probability for the second class).
func SmoothedRadius(sigma, probability float64) float64 {
	if !(probability > 0.5) {
		return 0
	}
	return sigma * mathext.NormalQuantile(min(probability, 1))
}
