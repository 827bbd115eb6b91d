package infer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/testset"
	"tapenet/graph/metric"
	"tapenet/infer"
	"tapenet/train/data"
)

// evaluate prints what the model makes of a dataset's test part.
func evaluate(ctx context.Context, net network, name string, top int, asJSON bool, stdout, stderr io.Writer) error {
	d, err := testset.OpenAny("infer", name, net.input, net.classes, net.preprocessing, net.maxPixels, stderr)
	if err != nil {
		return err
	}
	if several := net.thresholds(); several != nil || d.Sets != nil {
		return evaluateSeveral(ctx, net, d, several, asJSON, stdout, stderr)
	}
	c, err := count(ctx, net, d, top, stderr)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(stdout).Encode(c.evaluation(net.classes))
	}
	if _, err = fmt.Fprintf(stdout, "top-%d accuracy %.4f\n%s", c.top, c.topAccuracy(), c.confusion.Table(cli.Plains(net.classes))); err != nil || !net.judges {
		return err
	}
	total := c.confusion.Total()
	_, err = fmt.Fprintf(stdout, "\n%s: %d of %d images (%.1f %%), counted above by their most probable class\n",
		noClass, c.unknown, total, 100*float64(c.unknown)/float64(max(total, 1)))
	return err
}

// evaluation is what -json prints.
type evaluation struct {
	Accuracy    float64          `json:"accuracy"`
	Top         int              `json:"top"`
	TopAccuracy float64          `json:"top_accuracy"` // share of the images whose class is among the Top most probable ones
	Classes     []string         `json:"classes"`
	Precision   []float64        `json:"precision"`
	Recall      []float64        `json:"recall"`
	F1          []float64        `json:"f1"`
	Confusion   metric.Confusion `json:"confusion"`
	Unknown     *int             `json:"unknown,omitempty"` // images of none of the classes, counted above all the same; nil if no model has a threshold
}

// counts are of predictions.
type counts struct {
	confusion  metric.Confusion
	top, inTop int  // images whose class is among the top most probable ones
	judges     bool // whether images may be unknown
	unknown    int  // those that are
}

func (c counts) topAccuracy() float64 { return float64(c.inTop) / float64(max(c.confusion.Total(), 1)) }

func (c counts) evaluation(classes []string) evaluation {
	e := evaluation{Accuracy: c.confusion.Accuracy(), Top: c.top, TopAccuracy: c.topAccuracy(), Classes: classes, Confusion: c.confusion}
	for k := range classes {
		e.Precision = append(e.Precision, c.confusion.Precision(k))
		e.Recall = append(e.Recall, c.confusion.Recall(k))
		e.F1 = append(e.F1, c.confusion.F1(k))
	}
	if c.judges {
		e.Unknown = &c.unknown
	}
	return e
}

// count counts what the model makes of the test images.
func count(ctx context.Context, net network, d data.Dataset, top int, stderr io.Writer) (counts, error) {
	c := counts{confusion: metric.NewConfusion(len(net.classes)), top: min(top, len(net.classes)), judges: net.judges}
	err := testset.Each(ctx, "infer", d, net.batch, net.Predict, func(class int, p infer.Prediction) {
		c.confusion.Add(class, p.Class)
		if slices.Contains(ranking(p.Probabilities)[:c.top], class) {
			c.inTop++
		}
		if p.Unknown {
			c.unknown++
		}
	}, stderr)
	return c, err
}
