package chart_test

import (
	"fmt"
	"strings"

	"tapenet/train/chart"
)

// One loss went off: it is left out, and the drawing says so.
func ExampleWrite() {
	loss := chart.Line{Name: "test"}
	for epoch := 1; epoch <= 10; epoch++ {
		loss.X, loss.Y = append(loss.X, float64(epoch)), append(loss.Y, 1/float64(epoch))
	}
	loss.Y[2] = 282
	var svg strings.Builder
	err := chart.Write(&svg, chart.Row{Charts: []chart.Chart{{
		X: chart.Axis{Name: "epoch"}, Y: chart.Axis{Name: "loss"}, Lines: []chart.Line{loss},
	}}})
	fmt.Println(err, strings.Contains(svg.String(), "1 value above 1 is not shown"))
	// Output: <nil> true
}
