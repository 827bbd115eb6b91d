package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"tapenet/graph"
	"tapenet/graph/metric"
	"tapenet/train/chart"
)

const (
	maxDrawn  = 6   // classes whose curves are drawn, of more the worst; a colour is left for the mean
	meanSteps = 200 // of a mean curve
)

// ranks is how well the probability of each class tells its images from all others.
type ranks struct {
	Skipped         string // why there are no curves; "" if there are
	Charts          []template.HTML
	Rows            []rankRow
	Macro, Weighted metric.Ranking
	Classes         int // that are ranked
	Without         int // that cannot be
	Drawn, Others   int // classes with a curve, and those in the mean alone
	Hidden          int // classes that the table leaves out
}

type rankRow struct {
	Class string
	metric.Ranking
}

// newRanks is nil if no class can be ranked.
func newRanks(e *evaluation, classes []string) (*ranks, error) {
	if e.logits == nil && len(e.samples) > 0 {
		return &ranks{Skipped: fmt.Sprintf("%s images with probabilities of %d classes each are more than %s numbers",
			graph.Thousands(len(e.samples)), len(classes), graph.Thousands(maxLogits))}, nil
	}
	probabilities := e.probabilities(1)
	all, err := metric.RankEach(probabilities, e.has)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	auc, ap := func(r metric.Ranking) float64 { return r.AUC }, func(r metric.Ranking) float64 { return r.AP }
	r := &ranks{
		Classes: len(all), Without: len(classes) - len(all),
		Macro:    metric.Ranking{AUC: metric.Macro(all, auc), AP: metric.Macro(all, ap)},
		Weighted: metric.Ranking{AUC: metric.Weighted(all, auc), AP: metric.Weighted(all, ap)},
	}
	r.Drawn = min(len(all), maxDrawn)
	r.Others = len(all) - r.Drawn
	var charts []chart.Chart
	for _, kind := range []struct {
		name, across string
		of           func(scores []float64, positive []bool) (metric.Curve, error)
		area         func(metric.Ranking) float64
	}{
		{"true positive rate", "false positive rate", metric.ROC, auc},
		{"precision", "recall", metric.PrecisionRecall, ap},
	} {
		drawn := worstOf(all, kind.area)[:r.Drawn]
		if r.Others == 0 {
			drawn = all
		}
		var shares []chart.Line
		var means []metric.Curve
		for _, k := range all {
			scores, positive := metric.Against(probabilities, e.has, k.Class)
			c, err := kind.of(scores, positive)
			if err != nil {
				return nil, err
			}
			if i := slices.Index(drawn, k); i >= 0 {
				shares = append(shares, share(fmt.Sprintf("%s %.3f", classes[k.Class], kind.area(k)), chart.Style{Color: i}, c))
			}
			means = append(means, metric.MeanCurve([]metric.Curve{c}, meanSteps)) // few points, of many classes
		}
		mean := share(fmt.Sprintf("mean %.3f", metric.Macro(all, kind.area)), chart.Style{Color: maxDrawn, Stroke: chart.Dashed}, metric.MeanCurve(means, meanSteps))
		charts = append(charts, newShares(kind.name, kind.across, append(shares, mean)))
	}
	if r.Charts, err = drawn(charts); err != nil {
		return nil, err
	}
	listed := all
	if len(all) > maxTable {
		listed = worstOf(all, ap)[:maxTable]
		r.Hidden = len(all) - maxTable
	}
	for _, k := range listed {
		r.Rows = append(r.Rows, rankRow{classes[k.Class], k})
	}
	return r, nil
}

// worstOf are the rankings with the smallest areas first.
func worstOf(all []metric.Ranking, area func(metric.Ranking) float64) []metric.Ranking {
	return slices.SortedStableFunc(slices.Values(all), func(a, b metric.Ranking) int { return cmp.Compare(area(a), area(b)) })
}

// probabilities are those of all samples at a temperature.
func (e *evaluation) probabilities(temperature float64) [][]float32 {
	rows := make([][]float32, len(e.logits))
	for i, z := range e.logits {
		if e.sets != nil {
			rows[i] = metric.Sigmoid(z)
			continue
		}
		rows[i] = make([]float32, len(z))
		for k, p := range metric.SoftMax(z, temperature) {
			rows[i][k] = float32(p)
		}
	}
	return rows
}

// has reports whether sample i is of a class.
func (e *evaluation) has(i, class int) bool {
	if e.sets == nil {
		return e.samples[i].class == class
	}
	return slices.Contains(e.sets[e.samples[i].class], class)
}

// classes are the true classes of the samples.
func (e *evaluation) classes() []int {
	classes := make([]int, len(e.samples))
	for i, s := range e.samples {
		classes[i] = s.class
	}
	return classes
}
