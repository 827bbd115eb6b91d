package search

import (
	"fmt"
	"io"
	"math"

	"tapenet/train/chart"
)

// columns is the number of panels side by side.
const columns = 3

// marks and colours tell the rungs apart; a trial that diverged is a cross.
var marks = []chart.Mark{chart.Circle, chart.Square, chart.Triangle, chart.Diamond}

// plot draws a panel for each setting that varies, as SVG: the validation accuracy of all
// trials over their values of it.
func (s *search) plot(w io.Writer) error {
	var panels []chart.Chart
	for _, d := range s.space {
		if d.varies() {
			panels = append(panels, s.panel(d))
		}
	}
	n := min(columns, len(panels))
	if len(panels) == 4 { // a square
		n = 2
	}
	var rows []chart.Row
	for ; len(panels) > 0; panels = panels[min(n, len(panels)):] {
		rows = append(rows, chart.Row{Charts: panels[:min(n, len(panels))]})
	}
	rows = append(rows, chart.Row{Key: s.legend()})
	if err := chart.Write(w, rows...); err != nil {
		return fmt.Errorf("search: plot: %w", err)
	}
	return nil
}

// panel is the trials over one setting, a mark each; those that diverged are at the lower
// edge.
func (s *search) panel(d dimension) chart.Chart {
	lo, hi := 1.0, 0.0
	for _, t := range s.trials {
		if !t.diverged {
			lo, hi = min(lo, t.result().ValAccuracy), max(hi, t.result().ValAccuracy)
		}
	}
	room := max(0.05*(hi-lo), 0.001) // for marks at the edge, and for one accuracy
	c := chart.Chart{X: d.axis(), Y: chart.Axis{Name: "validation accuracy", Min: lo - room, Max: hi + room}}
	put := func(t *trial, style chart.Style) {
		y := lo
		if !t.diverged {
			y = t.result().ValAccuracy
		}
		c.Lines = append(c.Lines, chart.Line{X: []float64{d.position(t)}, Y: []float64{y}, Style: style})
	}
	for _, t := range s.trials {
		put(t, s.style(t))
	}
	put(s.trials[0], ring())
	return c
}

// position is where a trial is on the axis of a setting. Choices are at whole numbers, and
// trials of the same one beside each other.
func (d dimension) position(t *trial) float64 {
	v := t.values[d.name]
	if d.choices == nil {
		x, _ := number(v)
		return x
	}
	const golden = 0.618
	_, beside := math.Modf(float64(t.number) * golden)
	for i, c := range d.choices {
		if c == v {
			return float64(i) + 0.4*(beside-0.5)
		}
	}
	return 0
}

// axis shows all of the setting's range.
func (d dimension) axis() chart.Axis {
	a := chart.Axis{Name: d.name, Min: d.min, Max: d.max, Log: d.log}
	if d.choices == nil {
		return a
	}
	a = chart.Axis{Name: d.name}
	for _, c := range d.choices {
		a.Choices = append(a.Choices, value(c))
	}
	return a
}

// style is a trial's mark: the further it came, the earlier among colours and marks.
func (s *search) style(t *trial) chart.Style {
	if t.diverged {
		return chart.Style{Color: black, Stroke: chart.Unjoined, Mark: chart.Cross}
	}
	i := len(s.rungs) - 1 - t.rung
	return chart.Style{Color: i % black, Stroke: chart.Unjoined, Mark: marks[i%len(marks)]}
}

// black is the last of the colours.
const black = len(chart.Colors) - 1

func ring() chart.Style {
	return chart.Style{Color: black, Stroke: chart.Unjoined, Mark: chart.Ring}
}

// legend says what the marks mean.
func (s *search) legend() (key []chart.Line) {
	add := func(text string, style chart.Style) {
		key = append(key, chart.Line{Name: text, Style: style})
	}
	add(fmt.Sprintf("the best: %.4f in %s", s.trials[0].result().ValAccuracy, s.trials[0].dir), ring())
	for i := len(s.rungs) - 1; i >= 0; i-- {
		text := "trained for all epochs"
		if n := s.rungs[i].epochs; n > 0 {
			text = fmt.Sprintf("trained for %d of %d epochs", n, s.trials[0].epochs)
		}
		add(text, s.style(&trial{rung: i}))
	}
	if s.trials[len(s.trials)-1].diverged {
		add("diverged", s.style(&trial{diverged: true}))
	}
	return key
}
