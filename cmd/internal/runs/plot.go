package runs

import (
	"cmp"
	"fmt"
	"io"

	"tapenet/train"
	"tapenet/train/chart"
)

// plotRuns draws the loss and the accuracy of all runs in evaluation over the epochs, side by
// side, as SVG: a row for the runs of each dataset, with their names below. Losses and
// accuracies on different images cannot be compared.
func plotRuns(w io.Writer, found []entry) error {
	var rows []chart.Row
	for _, group := range byDataset(found) {
		rows = append(rows, plotRow(group))
	}
	if len(rows) == 1 {
		rows[0].Title = "" // nothing to be told apart
	}
	if err := chart.Write(w, rows...); err != nil {
		return fmt.Errorf("runs: plot: %w", err)
	}
	return nil
}

// byDataset groups the runs by what they were trained on, in the order in which they come. No
// runs at all are one group.
func byDataset(found []entry) [][]entry {
	at := map[string]int{}
	var groups [][]entry
	for _, e := range found {
		i, ok := at[e.Dataset]
		if !ok {
			i, groups = len(groups), append(groups, nil)
			at[e.Dataset] = i
		}
		groups[i] = append(groups[i], e)
	}
	if groups == nil {
		groups = [][]entry{nil}
	}
	return groups
}

// plotRow draws the runs of a dataset.
func plotRow(found []entry) chart.Row {
	on := evaluatedOn(found)
	r := chart.Row{Charts: []chart.Chart{
		curves(on+" loss", found, func(e train.Epoch) float64 { return e.ValLoss }),
		curves(on+" accuracy", found, func(e train.Epoch) float64 { return e.ValAccuracy }),
	}}
	if len(found) > 0 {
		r.Title = plain(cmp.Or(found[0].Dataset, "a dataset without a name"))
	}
	for i, e := range found {
		r.Key = append(r.Key, chart.Line{Name: legend(e), Style: style(i)})
	}
	return r
}

// evaluatedOn is what all runs are evaluated on, or the common name of what
// they are.
func evaluatedOn(found []entry) string {
	on := ""
	for i, e := range found {
		if i > 0 && e.EvaluatedOn != on {
			on = ""
			break
		}
		on = e.EvaluatedOn
	}
	return cmp.Or(on, "evaluation")
}

// curves is one value of all runs over the epochs.
func curves(name string, found []entry, value func(train.Epoch) float64) chart.Chart {
	c := chart.Chart{X: chart.Axis{Name: "epoch"}, Y: chart.Axis{Name: name}}
	for i, e := range found {
		l := chart.Line{Style: style(i)} // without a name: the key has it
		for _, h := range e.History {
			l.X, l.Y = append(l.X, float64(h.Epoch)), append(l.Y, value(h))
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// style tells a run's line from the others: colours first, then dashes.
func style(i int) chart.Style {
	n := len(chart.Colors)
	return chart.Style{Color: i % n, Stroke: chart.Stroke(i / n % 3)} // Solid, Dashed, Dotted
}

// legend names a run, and says what it came to.
func legend(e entry) string {
	text := plain(e.dir)
	if len(e.History) == 0 {
		return text
	}
	text += ": "
	if e.EvaluatedOn != "" {
		text += e.EvaluatedOn + " "
	}
	return text + fmt.Sprintf("accuracy %.4f in epoch %d", e.Best().ValAccuracy, e.Best().Epoch)
}
