package report

import (
	"embed"
	"fmt"
	"html/template"
	"time"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/chart"
)

//go:embed page.html card.md
var source embed.FS

// pages has the templates "page", a document, and "body", what changes of it.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"thousands": graph.Thousands,
	"percent":   func(v float64) string { return fmt.Sprintf("%.1f\u00a0%%", v) },
	"measure":   func(v float64) string { return fmt.Sprintf("%.4f", v) },
	"digits":    func(v float64) string { return fmt.Sprintf("%.2f", v) },
	"charts":    func() template.CSS { return template.CSS(chart.CSS) },
	"share":     func(part, of float64) string { return fmt.Sprintf("%.1f", 100*part/max(of, 1e-9)) },
}).ParseFS(source, "page.html"))

// progress is how far a run has come.
type progress struct {
	train.Progress
	Left time.Duration // to the end of the run, evaluation left out
}

func newProgress(p train.Progress) *progress {
	images := p.Of - p.Images + (p.Epochs-p.Epoch)*p.Of
	left := time.Duration(0)
	if p.ImagesPerSecond > 0 {
		left = time.Duration(float64(images) / p.ImagesPerSecond * float64(time.Second))
	}
	return &progress{p, left.Round(time.Second)}
}
