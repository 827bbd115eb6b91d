package report

import (
	"html/template"

	"tapenet/graph/metric"
	"tapenet/train/chart"
)

// drawn draws charts as parts of the page.
func drawn(charts []chart.Chart) (all []template.HTML, err error) {
	for _, c := range charts {
		svg, err := chart.Inline(c)
		if err != nil {
			return nil, err
		}
		all = append(all, template.HTML(svg)) // chart escapes all text
	}
	return all, nil
}

// newShares is a chart of curves between 0 and 1 both ways.
func newShares(name, across string, lines []chart.Line) chart.Chart {
	return chart.Chart{X: chart.Axis{Name: across, Max: 1}, Y: chart.Axis{Name: name, Max: 1}, Lines: lines}
}

// share is a curve of [newShares].
func share(name string, style chart.Style, c metric.Curve) chart.Line {
	style.Mark = chart.NoMark
	l := chart.Line{Name: name, Style: style}
	add := func(x, y float64) { l.X, l.Y = append(l.X, x), append(l.Y, y) }
	for i := range c.X {
		if c.Steps && i == 0 {
			add(0, c.Y[0])
		} else if c.Steps {
			add(c.X[i-1], c.Y[i])
		}
		add(c.X[i], c.Y[i])
	}
	return l
}
