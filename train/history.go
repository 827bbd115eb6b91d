package train

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"tapenet/train/chart"
)

// writeCSV writes a line for each epoch, named like the fields' JSON. The accuracy under
// attack has a column where it is measured.
func writeCSV(w io.Writer, history []Epoch) error {
	c := csv.NewWriter(w)
	names := []string{"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "images_per_second", "learning_rate"}
	attacked := measuredAttacked(history)
	if attacked {
		names = append(names, "attacked_accuracy")
	}
	c.Write(names)
	for _, e := range history {
		line := []string{strconv.Itoa(e.Epoch)}
		values := []float64{e.Loss, e.Accuracy, e.ValLoss, e.ValAccuracy, e.ImagesPerSecond, e.LearningRate}
		if attacked {
			values = append(values, e.Attacked)
		}
		for _, v := range values {
			line = append(line, strconv.FormatFloat(v, 'g', 8, 64))
		}
		c.Write(line)
	}
	c.Flush()
	return c.Error()
}

// measuredAttacked reports whether an epoch has an accuracy under attack.
func measuredAttacked(history []Epoch) bool {
	return slices.ContainsFunc(history, func(e Epoch) bool { return e.Attacked > 0 })
}

// writeCurves draws the curves side by side, as SVG.
func writeCurves(w io.Writer, held string, history []Epoch) error {
	if err := chart.Write(w, chart.Row{Charts: Curves(held, history)}); err != nil {
		return fmt.Errorf("train: curves: %w", err)
	}
	return nil
}

// Curves are charts of a run over its epochs: of the loss, of the accuracy, and of the learning
// rate if it changes. part is what the network is evaluated on, as data.Dataset.TestPart has it.
func Curves(part string, history []Epoch) []chart.Chart {
	of := func(name string, color int, value func(Epoch) float64) chart.Line {
		l := chart.Line{Name: name, Style: chart.Style{Color: color}}
		for _, e := range history {
			l.X, l.Y = append(l.X, float64(e.Epoch)), append(l.Y, value(e))
		}
		return l
	}
	over := func(name string, lines ...chart.Line) chart.Chart {
		return chart.Chart{X: chart.Axis{Name: "epoch"}, Y: chart.Axis{Name: name}, Lines: lines}
	}
	loss := over("loss",
		of("training", 0, func(e Epoch) float64 { return e.Loss }),
		of(part, 1, func(e Epoch) float64 { return e.ValLoss }))
	accuracy := over("accuracy",
		of("training", 0, func(e Epoch) float64 { return e.Accuracy }),
		of(part, 1, func(e Epoch) float64 { return e.ValAccuracy }))
	if measuredAttacked(history) {
		accuracy.Lines = append(accuracy.Lines, of("under attack", 2, func(e Epoch) float64 { return e.Attacked }))
	}
	all := []chart.Chart{loss, accuracy}
	if slices.ContainsFunc(history, func(e Epoch) bool { return e.LearningRate != history[0].LearningRate }) {
		rate := of("of the last step in the epoch", 2, func(e Epoch) float64 { return e.LearningRate })
		all = append(all, over("learning rate", rate))
	}
	return all
}
