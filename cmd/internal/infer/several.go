package infer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/testset"
	"tapenet/graph/metric"
	"tapenet/infer"
	"tapenet/train/data"
)

// evaluateSeveral prints what the model makes of a test part whose images may be of several
// classes.
func evaluateSeveral(ctx context.Context, net network, d data.Dataset, thresholds []float64, asJSON bool, stdout, stderr io.Writer) error {
	if thresholds == nil || d.Sets == nil {
		of := map[bool]string{true: "one class each", false: "several classes each"}
		return fmt.Errorf("infer: the dataset's images have %s, the model is for images of %s", of[d.Sets == nil], of[thresholds == nil])
	}
	var probabilities [][]float32
	var sets []int
	err := testset.Each(ctx, "infer", d, net.batch, net.Predict, func(set int, p infer.Prediction) {
		probabilities, sets = append(probabilities, p.Probabilities), append(sets, set)
	}, stderr)
	if err != nil {
		return err
	}
	s, err := metric.NewSeveral(probabilities, func(i, k int) bool { return slices.Contains(d.Sets[sets[i]], k) }, thresholds)
	if err != nil {
		return err
	}
	if !asJSON {
		_, err = io.WriteString(stdout, s.Table(cli.Plains(net.classes)))
		return err
	}
	return json.NewEncoder(stdout).Encode(severalAnswer(s, net.classes))
}

// severalEvaluation is what -json prints.
type severalEvaluation struct {
	Exact     float64    `json:"exact"` // share of the images of which all classes are right
	MAP       *float64   `json:"map"`   // mean average precision; null if no class can be ranked
	F1        float64    `json:"mean_f1"`
	Classes   []string   `json:"classes"`
	Images    []int      `json:"images"`
	Threshold []float64  `json:"threshold"`
	AP        []*float64 `json:"average_precision"` // null for a class that none of the images has, or all
	Precision []float64  `json:"precision"`
	Recall    []float64  `json:"recall"`
	ClassF1   []float64  `json:"f1"`
}

func severalAnswer(s metric.Several, classes []string) severalEvaluation {
	number := func(v float64) *float64 {
		if math.IsNaN(v) {
			return nil
		}
		return &v
	}
	e := severalEvaluation{Exact: s.Exact, MAP: number(s.MAP), F1: s.F1, Classes: classes}
	for _, c := range s.Classes {
		e.Images, e.Threshold, e.AP = append(e.Images, c.Images), append(e.Threshold, c.Threshold), append(e.AP, number(c.AP))
		e.Precision, e.Recall, e.ClassF1 = append(e.Precision, c.Precision), append(e.Recall, c.Recall), append(e.ClassF1, c.F1)
	}
	return e
}
