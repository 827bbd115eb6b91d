"""Writes golden_smoothing.json: bounds, tests and quantiles of SciPy 1.10.1.
Run by hand: python3 golden_smoothing.py > golden_smoothing.json"""
import json

from scipy.stats import beta, binom, norm

counts = [(1, 1), (1, 100), (50, 100), (99, 100), (100, 100), (60000, 100000), (99000, 100000), (99990, 100000), (100000, 100000)]
print(json.dumps({
    "lower": [[k, n, a, beta.ppf(a, k, n - k + 1)] for k, n in counts for a in (0.001, 0.05)],
    "coin": [[a, b, min(1.0, 2 * binom.sf(max(a, b) - 1, a + b, 0.5))] for a, b in
             [(0, 0), (1, 0), (5, 5), (3, 9), (100, 0), (61, 39), (60, 40), (50500, 49500), (500, 620)]],
    "radius": [[s, p, s * norm.ppf(p)] for s in (0.25, 1.0) for p in (0.500001, 0.6, 0.9, 0.999, 0.99993)],
}, indent=1))
