package metric

import (
	"cmp"
	"math"
	"slices"
)

// AUROC is how well a score tells the samples that belong in from those that do
// not: the probability that one of in has a larger score than one of out, where
// equal scores count half (the area under the ROC curve, Mann and Whitney's U
// over the number of pairs). ½ is chance. It is NaN if a list is empty or has a
// NaN.
func AUROC(in, out []float64) float64 {
	if !rankable(in, out) {
		return math.NaN()
	}
	type scored struct {
		score float64
		in    bool
	}
	all := make([]scored, 0, len(in)+len(out))
	for _, s := range in {
		all = append(all, scored{s, true})
	}
	for _, s := range out {
		all = append(all, scored{s, false})
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	var wins float64
	below := 0 // samples of out with a smaller score
	for len(all) > 0 {
		same, ins := 0, 0
		for same < len(all) && all[same].score == all[0].score {
			if all[same].in {
				ins++
			}
			same++
		}
		outs := same - ins
		wins += float64(ins) * (float64(below) + float64(outs)/2)
		below += outs
		all = all[same:]
	}
	return wins / (float64(len(in)) * float64(len(out)))
}

// FalsePositiveRate is the share of out that passes when the threshold is the
// largest at which the given share of in passes, as in 0.95 for the usual FPR at
// 95 % TPR. A sample passes whose score is at least the threshold. It is NaN if a
// list is empty or has a NaN, or the share is not in 0..1.
func FalsePositiveRate(in, out []float64, share float64) float64 {
	threshold := Threshold(in, share)
	if !rankable(in, out) || math.IsNaN(threshold) {
		return math.NaN()
	}
	passed := 0
	for _, s := range out {
		if s >= threshold {
			passed++
		}
	}
	return ratio(passed, len(out))
}

// Threshold is the largest one at which at least the given share of the scores
// passes, which is to be at the threshold or above: the smallest of the best
// ones. It is NaN if there is no score, if one is NaN, or if the share is not in
// 0..1; for a share of 0 it is the largest score.
func Threshold(scores []float64, share float64) float64 {
	if len(scores) == 0 || slices.ContainsFunc(scores, math.IsNaN) || !(share >= 0 && share <= 1) {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(scores))
	passing := max(int(math.Ceil(share*float64(len(sorted))-1e-9)), 1)
	return sorted[len(sorted)-passing]
}

// rankable reports whether both lists have scores and none is NaN.
func rankable(in, out []float64) bool {
	return len(in) > 0 && len(out) > 0 && !slices.ContainsFunc(in, math.IsNaN) && !slices.ContainsFunc(out, math.IsNaN)
}
