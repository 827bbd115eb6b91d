package show

import (
	"errors"
	"fmt"
	"strings"

	"tapenet/train"
	"tapenet/train/chart"
)

// Chart is lines in one frame.
type Chart struct {
	Title, X, Y string // of the chart and of its axes
	Lines       []Line
}

// Line joins points, whose coordinates are equally many.
type Line struct {
	Name string // "" keeps it out of the legend
	X, Y []float64
}

// SimpleRender is the chart as a drawing.
func (c Chart) SimpleRender() map[string]any { return Row{c}.SimpleRender() }

// name says what is drawn over what, if the axes say it.
func (c Chart) name() string {
	if c.X == "" || c.Y == "" {
		return "chart"
	}
	return c.Y + " over " + c.X
}

// Row is charts side by side.
type Row []Chart

// SimpleRender is the charts as one drawing.
func (r Row) SimpleRender() map[string]any {
	drawing, err := r.svg()
	var names []string
	for _, c := range r {
		names = append(names, c.name())
	}
	return SVG(drawing).rendered(strings.Join(names, "; "), err)
}

// History is the loss and the accuracy of a run by epoch, and the learning rate if it changes.
func History(h []train.Epoch) Row {
	var r Row
	for _, c := range train.Curves("test", h) {
		shown := Chart{X: c.X.Name, Y: c.Y.Name}
		for _, l := range c.Lines {
			shown.Lines = append(shown.Lines, Line{Name: l.Name, X: l.X, Y: l.Y})
		}
		r = append(r, shown)
	}
	return r
}

// svg draws the charts.
func (r Row) svg() (string, error) {
	if len(r) == 0 {
		return "", errors.New("a row without charts")
	}
	var drawn chart.Row
	for _, c := range r {
		d, err := c.chart()
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.name(), err)
		}
		drawn.Charts = append(drawn.Charts, d)
	}
	var b strings.Builder
	err := chart.Write(&b, drawn)
	return b.String(), err
}

func (c Chart) chart() (chart.Chart, error) {
	d := chart.Chart{Title: c.Title, X: chart.Axis{Name: c.X}, Y: chart.Axis{Name: c.Y}}
	for i, l := range c.Lines {
		if len(l.X) == 0 {
			return d, fmt.Errorf("line %q has no points, want one at least", l.Name)
		}
		d.Lines = append(d.Lines, chart.Line{Name: l.Name, X: l.X, Y: l.Y, Style: chart.Style{Color: i}})
	}
	return d, nil
}
