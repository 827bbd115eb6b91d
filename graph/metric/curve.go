package metric

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// Curve is a curve from the left to the right: what each threshold of a score comes to, the
// highest threshold first.
type Curve struct {
	X, Y []float64
	// Steps says that a point's Y holds from the X of the point before it, which is 0 for
	// the first; otherwise lines lead from point to point.
	Steps bool
}

// Area is the area below the curve.
func (c Curve) Area() float64 {
	var area, x, y float64
	for i := range c.X {
		if i == 0 && !c.Steps {
			x, y = c.X[0], c.Y[0]
		}
		height := c.Y[i]
		if !c.Steps {
			height = (y + c.Y[i]) / 2
		}
		area += (c.X[i] - x) * height
		x, y = c.X[i], c.Y[i]
	}
	return area
}

// At is the curve's Y at an X between its ends: the highest where it is vertical.
func (c Curve) At(x float64) float64 {
	i := sort.SearchFloat64s(c.X, x) // the first that is x or more
	switch {
	case len(c.X) == 0:
		return math.NaN()
	case i == len(c.X):
		return c.Y[len(c.Y)-1]
	case c.Steps:
		return c.Y[i]
	case i == 0 || c.X[i] == x:
		for i+1 < len(c.X) && c.X[i+1] == x {
			i++
		}
		return c.Y[i]
	}
	share := (x - c.X[i-1]) / (c.X[i] - c.X[i-1])
	return (1-share)*c.Y[i-1] + share*c.Y[i]
}

// MeanCurve is the mean of curves, of their Y at so many steps of X from 0 to 1.
func MeanCurve(curves []Curve, steps int) Curve {
	var mean Curve
	for i := range steps + 1 {
		x, sum := float64(i)/float64(steps), 0.0
		for _, c := range curves {
			sum += c.At(x)
		}
		mean.X, mean.Y = append(mean.X, x), append(mean.Y, sum/float64(len(curves)))
	}
	return mean
}

// passing counts, for each value that a score has, the samples that reach it: of those that are
// positive and of the others. The highest score comes first.
type passing struct{ positive, negative []int }

func countPassing(scores []float64, positive []bool) (passing, error) {
	if len(scores) != len(positive) {
		return passing{}, fmt.Errorf("metric: %d scores and %d answers whether a sample is positive, want as many", len(scores), len(positive))
	}
	order := make([]int, len(scores))
	for i, s := range scores {
		if math.IsNaN(s) {
			return passing{}, fmt.Errorf("metric: the score of sample %d is %v, want a number", i, s)
		}
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	var p passing
	in, out := 0, 0
	for k, i := range order {
		if positive[i] {
			in++
		} else {
			out++
		}
		if k+1 == len(order) || scores[order[k+1]] != scores[i] {
			p.positive, p.negative = append(p.positive, in), append(p.negative, out)
		}
	}
	if in == 0 || out == 0 {
		return passing{}, fmt.Errorf("metric: %d samples are positive and %d are not, want some of both", in, out)
	}
	return p, nil
}

// ROC is the receiver operating characteristic of a score: for each threshold the share of the
// positive samples that reach it (Y) over that of the others (X). Its area is [AUROC].
func ROC(scores []float64, positive []bool) (Curve, error) {
	p, err := countPassing(scores, positive)
	if err != nil {
		return Curve{}, err
	}
	last := len(p.positive) - 1
	c := Curve{X: []float64{0}, Y: []float64{0}}
	for i := range p.positive {
		c.X = append(c.X, ratio(p.negative[i], p.negative[last]))
		c.Y = append(c.Y, ratio(p.positive[i], p.positive[last]))
	}
	return c, nil
}

// PrecisionRecall is the precision-recall curve of a score: for each threshold, of the samples
// that reach it the share that is positive (Y), over the share of the positive samples that
// reach it (X). It has steps, and its area is the average precision Σ (R_n - R_{n-1})·P_n, as
// scikit-learn defines it: between two thresholds nothing is interpolated.
func PrecisionRecall(scores []float64, positive []bool) (Curve, error) {
	p, err := countPassing(scores, positive)
	if err != nil {
		return Curve{}, err
	}
	last := len(p.positive) - 1
	c := Curve{Steps: true}
	for i, in := range p.positive {
		c.X = append(c.X, ratio(in, p.positive[last]))
		c.Y = append(c.Y, ratio(in, in+p.negative[i]))
	}
	return c, nil
}

// Ranking is how well the probability of a class tells its samples from those of all other
// classes: one against the rest.
type Ranking struct {
	Class  int
	Images int     // of the class
	AUC    float64 // area below the ROC curve; ½ is chance
	AP     float64 // average precision; the class's share of the images is chance
}

// OneVsRest ranks the samples by the probability of each class. probabilities has those of all
// classes for each sample, classes the samples' true classes. A class without samples, or
// with all of them, has no ranking and is left out.
func OneVsRest(probabilities [][]float32, classes []int) ([]Ranking, error) {
	if err := checkRows("probabilities", probabilities, classes); err != nil {
		return nil, err
	}
	return RankEach(probabilities, func(i, class int) bool { return classes[i] == class })
}

// RankEach is [OneVsRest] for samples that may be of several classes, or of none: has says
// whether sample i is of a class.
func RankEach(probabilities [][]float32, has func(i, class int) bool) ([]Ranking, error) {
	var rankings []Ranking
	if len(probabilities) == 0 {
		return nil, nil
	}
	for k := range probabilities[0] {
		scores, positive := Against(probabilities, has, k)
		n := 0
		for _, p := range positive {
			if p {
				n++
			}
		}
		if n == 0 || n == len(positive) {
			continue
		}
		roc, err := ROC(scores, positive)
		if err != nil {
			return nil, err
		}
		pr, err := PrecisionRecall(scores, positive)
		if err != nil {
			return nil, err
		}
		rankings = append(rankings, Ranking{Class: k, Images: n, AUC: roc.Area(), AP: pr.Area()})
	}
	return rankings, nil
}

// Against is what [ROC] and [PrecisionRecall] take for a class against the rest.
func Against(probabilities [][]float32, has func(i, class int) bool, class int) (scores []float64, positive []bool) {
	for i, p := range probabilities {
		scores, positive = append(scores, float64(p[class])), append(positive, has(i, class))
	}
	return scores, positive
}

// Macro is the mean of a measure over the classes, each counting once; NaN without any.
func Macro(rankings []Ranking, measure func(Ranking) float64) float64 {
	var sum float64
	for _, r := range rankings {
		sum += measure(r)
	}
	return sum / float64(len(rankings))
}

// Weighted is the mean of a measure over the classes, each counting as often as it has
// images; NaN without any.
func Weighted(rankings []Ranking, measure func(Ranking) float64) float64 {
	var sum float64
	images := 0
	for _, r := range rankings {
		sum += float64(r.Images) * measure(r)
		images += r.Images
	}
	return sum / float64(images)
}
