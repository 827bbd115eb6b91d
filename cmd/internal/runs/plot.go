package runs

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"tapenet/cmd/internal/figure"
	"tapenet/train"
)

// plotRuns draws the loss and the accuracy of all runs in evaluation over the
// epochs, side by side, as SVG, and their names below.
func plotRuns(w io.Writer, found []entry) error {
	on := evaluatedOn(found)
	loss, err := curves(on+" loss", found, func(e train.Epoch) float64 { return e.ValLoss })
	if err != nil {
		return err
	}
	accuracy, err := curves(on+" accuracy", found, func(e train.Epoch) float64 { return e.ValAccuracy })
	if err != nil {
		return err
	}
	return figure.Write(w, [][]*plot.Plot{{loss, accuracy}}, legend(found), len(found))
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
func curves(name string, found []entry, value func(train.Epoch) float64) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = nil // the page has one
	p.X.Label.Text, p.Y.Label.Text = "epoch", name
	p.X.Tick.Marker = plot.TickerFunc(wholeEpochs)
	p.Add(plotter.NewGrid())
	for i, e := range found {
		points := make(plotter.XYs, len(e.History))
		for k, h := range e.History {
			points[k] = plotter.XY{X: float64(h.Epoch), Y: value(h)}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, fmt.Errorf("runs: plot: %w", err)
		}
		line.LineStyle = style(i)
		dots.GlyphStyle = draw.GlyphStyle{Color: line.Color, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
		p.Add(line, dots)
	}
	if math.IsInf(p.X.Min, 0) { // no run has an epoch
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	}
	p.X.Min, p.X.Max = p.X.Min-0.2, p.X.Max+0.2
	return p, nil
}

// style tells a run's line from the others: colours first, then dashes.
func style(i int) draw.LineStyle {
	return draw.LineStyle{Color: figure.Palette[i%len(figure.Palette)], Width: vg.Points(1.5), Dashes: plotutil.Dashes(i / len(figure.Palette))}
}

// legend names the runs.
func legend(found []entry) plot.Legend {
	l := plot.NewLegend()
	for i, e := range found {
		text := plain(e.dir)
		if n := len(e.History); n > 0 {
			text += ": "
			if e.EvaluatedOn != "" {
				text += e.EvaluatedOn + " "
			}
			text += fmt.Sprintf("accuracy %.4f in epoch %d", e.Best().ValAccuracy, e.Best().Epoch)
		}
		l.Add(text, &plotter.Line{LineStyle: style(i)})
	}
	return l
}

// wholeEpochs marks whole epochs, at most about ten of them.
func wholeEpochs(lo, hi float64) (ticks []plot.Tick) {
	every := max(1, int(math.Ceil((hi-lo)/10)))
	for e := int(math.Ceil(lo)); e <= int(hi); e++ {
		if e%every == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(e), Label: strconv.Itoa(e)})
		}
	}
	return ticks
}
