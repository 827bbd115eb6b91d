package robust

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The frame of a chart, in the SVG's units.
const (
	chartLeft, chartRight = 44.0, 448.0
	chartTop, chartBottom = 30.0, 210.0
)

// chart is a diagram of accuracies, 0 to 1, over something.
type chart struct {
	Name, Across string // Across is what the horizontal axis shows
	X, Y         []tick
	Curves       []curve
	Diagonal     string // of a diagram in which it is the ideal, as a polyline has it
}

// tick is a mark of an axis.
type tick struct{ At, Label string }

// curve is one network's.
type curve struct {
	Name   string
	Color  int    // which of the page's colours
	Points string // as a polyline has them
	Dots   []dot
}

type dot struct{ X, Y, Text string }

// axis maps values to where they are in the frame.
type axis struct{ from, to float64 }

func (a axis) x(v float64) string {
	return coordinate(chartLeft + (chartRight-chartLeft)*(v-a.from)/max(a.to-a.from, 1e-9))
}

// height is where an accuracy is.
func height(accuracy float64) string {
	return coordinate(chartBottom - (chartBottom-chartTop)*accuracy)
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// newChart begins a chart over from to to, with about so many marks.
func newChart(name, across string, from, to float64, unit string) chart {
	c := chart{Name: name, Across: across}
	for percent := 0; percent <= 100; percent += 25 {
		c.Y = append(c.Y, tick{height(float64(percent) / 100), fmt.Sprintf("%d %%", percent)})
	}
	step := tidy((to - from) / 6)
	for k := math.Ceil(from/step - 1e-9); k*step <= to+1e-9; k++ {
		label := strconv.FormatFloat(math.Round(k*step*1e6)/1e6+0, 'g', -1, 64)
		c.X = append(c.X, tick{axis{from, to}.x(k * step), strings.Replace(label, "-", "−", 1) + unit})
	}
	return c
}

// tidy is 1, 2, 3 or 5 times a power of ten that is at least v.
func tidy(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(v, 1e-9))))
	for _, s := range []float64{1, 2, 3, 5} {
		if s*power >= v*(1-1e-9) {
			return s * power
		}
	}
	return 10 * power
}

// add adds a network's curve.
func (c *chart) add(name string, color int, a axis, at, accuracy []float64, label func(at float64) string) {
	next := curve{Name: name, Color: color % colors}
	points := make([]string, len(at))
	for i := range at {
		x, y := a.x(at[i]), height(accuracy[i])
		points[i] = x + "," + y
		next.Dots = append(next.Dots, dot{x, y, fmt.Sprintf("%s, %s: %.1f %%", name, label(at[i]), 100*accuracy[i])})
	}
	next.Points = strings.Join(points, " ")
	c.Curves = append(c.Curves, next)
}

// colors is how many the page has for curves.
const colors = 6

// curves draws the deformations of all networks, one chart each.
func curves(r result) (all []chart) {
	for k, first := range r.Models[0].Report.Geometry {
		a := axis{first.At[0], first.At[len(first.At)-1]}
		unit, across := first.Unit, "factor"
		switch unit {
		case "px":
			unit, across = "", "pixels of a 28×28 picture"
		case "°":
			across = "degrees, clockwise"
		}
		if first.Name == "shear" {
			across = "pixels to the right for each pixel up"
		}
		c := newChart(first.Name, across, a.from, a.to, unit)
		for i, m := range r.Models {
			if k < len(m.Report.Geometry) {
				g := m.Report.Geometry[k]
				c.add(names(r)[i], i, a, g.At, g.Accuracy, func(at float64) string { return amount(g, at) })
			}
		}
		all = append(all, c)
	}
	return all
}

// severityCharts draw the mean over each set of corruptions by severity.
func severityCharts(r result) (all []chart) {
	for _, set := range sets(r) {
		c := newChart("mean of "+setTitles[set], "severity", 1, 5, "")
		for i, m := range r.Models {
			s, ok := setOf(m.Report, set)
			if !ok {
				continue
			}
			means := make([]float64, 5)
			for _, x := range s.Corruptions {
				for k, v := range x.Severities {
					means[k] += v / float64(len(s.Corruptions))
				}
			}
			at := []float64{1, 2, 3, 4, 5}
			c.add(names(r)[i], i, axis{1, 5}, at, means, func(at float64) string { return fmt.Sprintf("severity %g", at) })
		}
		all = append(all, c)
	}
	return all
}
