package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tapenet/graph"
	"tapenet/graph/metric"
	"tapenet/train"
)

const (
	bins      = 15 // of a reliability diagram, as Guo et al. 2017 have it
	fewImages = 30 // below which a class's recall is little known
	maxWeak   = 5  // weak classes and mistakes that the limits name
)

// measure fills in the results.
func (c *card) measure(e *evaluation) error {
	right := 0
	for k := range c.confusion {
		right += c.confusion[k][k]
	}
	// Clopper and Pearson's interval, half of the 5 % on each side.
	c.Lower = metric.LowerProbability(right, c.Images, 0.025)
	c.Upper = 1 - metric.LowerProbability(c.Images-right, c.Images, 0.025)
	ranked := map[int]metric.Ranking{}
	if e.logits != nil {
		all, err := metric.OneVsRest(e.probabilities(1), e.classes())
		if err != nil {
			return err
		}
		for _, r := range all {
			ranked[r.Class] = r
		}
	}
	for k, name := range c.Classes {
		predicted := 0
		for j := range c.confusion {
			predicted += c.confusion[j][k]
		}
		r, ok := ranked[k]
		c.Rows = append(c.Rows, cardRow{
			Class: name, Train: c.trained[k], Images: c.tested[k], Predicted: predicted,
			Precision: c.confusion.Precision(k), Recall: c.confusion.Recall(k), F1: c.confusion.F1(k),
			Ranked: ok, AUC: r.AUC, AP: r.AP,
		})
	}
	return c.calibrate(e)
}

// calibrate says how far the probabilities can be believed.
func (c *card) calibrate(e *evaluation) error {
	if e.logits == nil {
		c.Calibration = []string{"the calibration of the probabilities was not measured: there are too many of them"}
		return nil
	}
	say := func(temperature float64, what string) error {
		probabilities := e.probabilities(temperature)
		d, err := metric.Reliability(probabilities, e.classes(), bins)
		if err != nil {
			return err
		}
		nll, err := metric.NegativeLogLikelihood(probabilities, e.classes())
		if err != nil {
			return err
		}
		var confidence float64
		for _, b := range d {
			confidence += b.Confidence * float64(b.Count) / float64(c.Images)
		}
		c.Calibration = append(c.Calibration, fmt.Sprintf("probabilities%s: %.1f %% sure on average where %.1f %% are right; calibration error (ECE, %d bins) %.1f %%, negative log-likelihood %.4f",
			what, 100*confidence, 100*c.Accuracy, bins, 100*d.ECE(), nll))
		return nil
	}
	if c.temperature == 0 || c.temperature == 1 {
		return say(1, "")
	}
	if err := say(1, " without the temperature"); err != nil {
		return err
	}
	return say(c.temperature, fmt.Sprintf(" at the temperature %.3f, which infer and serve use and which was fitted on the validation images%s", c.temperature,
		map[bool]string{true: ", these very ones, so that it is rather better here than elsewhere"}[c.Part == "validation"]))
}

// limits says in plain words what follows from the numbers.
func (c *card) limits() []string {
	list := []string{c.knows()}
	list = append(list, c.weak()...)
	if pairs := newPairs(c.confusion, c.Classes); len(pairs) > 0 {
		var texts []string
		for _, p := range pairs[:min(len(pairs), 3)] {
			texts = append(texts, fmt.Sprintf("%s for %s (%d of %d)", escaped(p.Class), escaped(p.Predicted), p.Count, c.tested[p.at.class]))
		}
		list = append(list, "Its most frequent mistakes are to take "+strings.Join(texts, ", ")+".")
	}
	if few := c.where(func(k int) bool { return c.tested[k] < fewImages }); len(few) > 0 {
		list = append(list, fmt.Sprintf("There are fewer than %d %s images of %s: numbers about them are rough.", fewImages, c.Part, c.named(few)))
	}
	most, least := slices.Max(c.trained), slices.Min(c.trained)
	if most >= 3*max(least, 1) {
		list = append(list, fmt.Sprintf("Classes are uneven in training: from %s to %s images.", graph.Thousands(least), graph.Thousands(most)))
	}
	if without := c.where(func(k int) bool { return c.trained[k] == 0 }); len(without) > 0 {
		list = append(list, fmt.Sprintf("It has never seen %s: there are no training images.", c.named(without)))
	}
	list = append(list, fmt.Sprintf("`%s` has the epoch with the lowest loss on these very images: its results on them are rather better than elsewhere.", train.BestFile))
	list = append(list, "The images come from the one dataset above. Pictures from elsewhere, damaged or changed ones were not measured here")
	if c.Attacked > 0 {
		list[len(list)-1] += ", but for the attack of training"
	}
	list[len(list)-1] += fmt.Sprintf("; `go run ./cmd/robust -model %s` measures some of it.", shell(c.Dir))
	return list
}

// knows says what the network answers to other pictures.
func (c *card) knows() string {
	only := fmt.Sprintf("It knows only these %d classes", len(c.Classes))
	if c.unknown == nil {
		return only + ", and names one of them whatever a picture shows."
	}
	return fmt.Sprintf("%s. It says \"none of these\" where the score %s is below %.4g, which %.1f %% of the validation images reach; how many pictures of other things it tells was not measured here.",
		only, c.unknown.Score, c.unknown.Threshold, 100*c.unknown.Share)
}

// weak names the classes that are missed most, those below the accuracy.
func (c *card) weak() []string {
	weak := c.where(func(k int) bool { return c.tested[k] > 0 && c.confusion.Recall(k) < c.Accuracy })
	slices.SortStableFunc(weak, func(a, b int) int { return cmp.Compare(c.confusion.Recall(a), c.confusion.Recall(b)) })
	if len(weak) == 0 {
		if c.Accuracy == 1 {
			return []string{fmt.Sprintf("On its %s images it makes no mistake: they do not say where it is weak.", graph.Thousands(c.Images))}
		}
		return nil
	}
	var texts []string
	for _, k := range weak[:min(len(weak), maxWeak)] {
		texts = append(texts, fmt.Sprintf("%s (%.1f %%; %d of %d)", escaped(c.Classes[k]), 100*c.confusion.Recall(k), c.confusion[k][k], c.tested[k]))
	}
	text := "It is weaker than on average at finding " + strings.Join(texts, ", ")
	if more := len(weak) - len(texts); more > 0 {
		text += fmt.Sprintf(" and %d other classes", more)
	}
	return []string{text + "."}
}

// where lists the classes for which a condition holds.
func (c *card) where(holds func(class int) bool) (classes []int) {
	for k := range c.Classes {
		if holds(k) {
			classes = append(classes, k)
		}
	}
	return classes
}

// named are the names of classes, of many the first and how many more there are.
func (c *card) named(classes []int) string {
	if len(classes) == len(c.Classes) && len(classes) > 2 {
		return "every class"
	}
	var names []string
	for _, k := range classes[:min(len(classes), maxWeak)] {
		names = append(names, escaped(c.Classes[k]))
	}
	text := strings.Join(names, ", ")
	if more := len(classes) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
