// Package chart draws curves and marks as SVG: the curves of a run, those of its report,
// of a comparison of runs, of a search, and of notebooks.
//
//	err := chart.Write(w, chart.Row{Charts: []chart.Chart{{
//		X: chart.Axis{Name: "epoch"}, Y: chart.Axis{Name: "loss"},
//		Lines: []chart.Line{{Name: "training", X: []float64{1, 2, 3}, Y: []float64{0.9, 0.4, 0.3}}},
//	}}})
//
// A drawing is as wide as its text needs to be read, follows the reader's choice of light or
// dark, and has colours that the colour-blind tell apart. Legends stand above the frame, so
// that they cover nothing. Few values that lie so far from all others that these could not
// be told apart are left out, and a line below the frame says how many.
//
// The package imports nothing but the standard library.
package chart
