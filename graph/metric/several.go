package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Sigmoid is the probability of each class by itself, of logits.
func Sigmoid(logits []float32) []float32 {
	p := make([]float32, len(logits))
	for k, v := range logits {
		p[k] = float32(1 / (1 + math.Exp(-float64(v))))
	}
	return p
}

// Several is how good a classifier is whose samples may be of several classes, or of none.
type Several struct {
	Exact   float64 // share of the samples of which all classes are right
	MAP     float64 // mean of the classes' average precisions; NaN if none can be ranked
	F1      float64 // mean of the classes' F1
	Classes []SeveralOfOne
}

// SeveralOfOne is Several of one class.
type SeveralOfOne struct {
	Images                int
	Threshold             float64
	AP                    float64 // NaN for a class that no sample has, or all
	Precision, Recall, F1 float64
}

// NewSeveral judges probabilities (sample,class): a sample has the classes whose probability
// reaches the threshold, and should have those that has says.
func NewSeveral(probabilities [][]float32, has func(i, class int) bool, thresholds []float64) (s Several, err error) {
	rankings, err := RankEach(probabilities, has)
	if err != nil {
		return s, err
	}
	right := slices.Repeat([]bool{true}, len(probabilities))
	for k, threshold := range thresholds {
		one := SeveralOfOne{Threshold: threshold, AP: math.NaN()}
		found, both := 0, 0
		for i, p := range probabilities {
			if len(p) != len(thresholds) {
				return s, fmt.Errorf("metric: %d probabilities of sample %d, want %d, one for each threshold", len(p), i, len(thresholds))
			}
			is, said := has(i, k), float64(p[k]) >= threshold
			if is {
				one.Images++
			}
			if said {
				found++
			}
			if is && said {
				both++
			}
			right[i] = right[i] && is == said
		}
		one.Precision, one.Recall, one.F1 = ratio(both, found), ratio(both, one.Images), ratio(2*both, found+one.Images)
		if at := slices.IndexFunc(rankings, func(r Ranking) bool { return r.Class == k }); at >= 0 {
			one.AP = rankings[at].AP
		}
		s.Classes = append(s.Classes, one)
		s.F1 += one.F1 / float64(len(thresholds))
	}
	s.MAP = Macro(rankings, func(r Ranking) float64 { return r.AP })
	exact := 0
	for _, ok := range right {
		if ok {
			exact++
		}
	}
	s.Exact = ratio(exact, len(right))
	return s, nil
}

// Table shows it, a line for each class.
func (s Several) Table(classes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "all classes right %.4f  mAP %.4f  F1 %.4f\n", s.Exact, s.MAP, s.F1)
	width := 5
	for _, c := range classes {
		width = max(width, len([]rune(c)))
	}
	fmt.Fprintf(&b, "%-*s  images  threshold     AP  precision  recall     F1\n", width, "class")
	for k, c := range s.Classes {
		fmt.Fprintf(&b, "%-*s  %6d  %9.3g  %.3f  %9.3f  %6.3f  %.3f\n", width, classes[k], c.Images, c.Threshold, c.AP, c.Precision, c.Recall, c.F1)
	}
	return b.String()
}

// F1Threshold is the threshold of a score with the best F1, in the middle between the lowest
// score that reaches it and the next one; ½ if no sample is positive, or all are.
func F1Threshold(scores []float64, positive []bool) float64 {
	order := make([]int, len(scores))
	all := 0
	for i := range order {
		if order[i] = i; positive[i] {
			all++
		}
	}
	if all == 0 || all == len(scores) {
		return 0.5
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	best, threshold, both := -1.0, 0.5, 0
	for k, i := range order {
		if positive[i] {
			both++
		}
		next := 0.0
		if k+1 < len(order) {
			next = scores[order[k+1]]
		}
		if f1 := ratio(2*both, k+1+all); f1 > best && next != scores[i] {
			best, threshold = f1, (scores[i]+next)/2
		}
	}
	return threshold
}
