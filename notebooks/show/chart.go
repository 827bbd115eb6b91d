package show

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"tapenet/train"
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

// SimpleRender is the chart as a PNG picture.
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

// SimpleRender is the charts as one PNG picture.
func (r Row) SimpleRender() map[string]any {
	picture, err := r.png()
	var names []string
	for _, c := range r {
		names = append(names, c.name())
	}
	return rendered(png, picture, strings.Join(names, "; "), err)
}

// History is the loss and the accuracy of a run by epoch.
func History(h []train.Epoch) Row {
	lines := func(training, test func(train.Epoch) float64) []Line {
		a, b := Line{Name: "training"}, Line{Name: "test"}
		for _, e := range h {
			a.X, a.Y = append(a.X, float64(e.Epoch)), append(a.Y, training(e))
			b.X, b.Y = append(b.X, float64(e.Epoch)), append(b.Y, test(e))
		}
		return []Line{a, b}
	}
	return Row{
		{X: "epoch", Y: "loss", Lines: lines(
			func(e train.Epoch) float64 { return e.Loss }, func(e train.Epoch) float64 { return e.ValLoss })},
		{X: "epoch", Y: "accuracy", Lines: lines(
			func(e train.Epoch) float64 { return e.Accuracy }, func(e train.Epoch) float64 { return e.ValAccuracy })},
	}
}

func (r Row) png() ([]byte, error) {
	if len(r) == 0 {
		return nil, errors.New("a row without charts")
	}
	width := vg.Length(len(r)) * 11 * vg.Centimeter
	if len(r) == 1 {
		width = 16 * vg.Centimeter
	}
	canvas := vgimg.New(width, 9*vg.Centimeter) // white
	plots := make([]*plot.Plot, len(r))
	for i, c := range r {
		var err error
		if plots[i], err = c.plot(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name(), err)
		}
	}
	tiles := draw.Tiles{Rows: 1, Cols: len(r), PadX: vg.Centimeter, PadTop: 8, PadBottom: 5, PadLeft: 5, PadRight: 10}
	for i, c := range plot.Align([][]*plot.Plot{plots}, tiles, draw.New(canvas))[0] {
		r[i].placeLegend(plots[i], c)
		plots[i].Draw(c)
	}
	var b bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(&b)
	return b.Bytes(), err
}

// palette has colours that the colour-blind tell apart too (Okabe and Ito 2008).
var palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 255}, color.RGBA{0xd5, 0x5e, 0x00, 255}, color.RGBA{0x00, 0x9e, 0x73, 255},
	color.RGBA{0xcc, 0x79, 0xa7, 255}, color.RGBA{0x56, 0xb4, 0xe9, 255}, color.RGBA{0xe6, 0x9f, 0x00, 255}, color.Black,
}

func (c Chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.Title.Padding = 6
	p.X.Tick.Marker, p.Y.Tick.Marker = c.ticker(), plot.TickerFunc(ticks)
	p.Legend.Padding = 2
	p.Add(plotter.NewGrid())
	for i, l := range c.Lines {
		if len(l.X) != len(l.Y) {
			return nil, fmt.Errorf("line %q: %d and %d coordinates, want equally many", l.Name, len(l.X), len(l.Y))
		}
		if len(l.X) == 0 {
			return nil, fmt.Errorf("line %q has no points, want one at least", l.Name)
		}
		points := make(plotter.XYs, len(l.X))
		for k := range points {
			points[k] = plotter.XY{X: l.X[k], Y: l.Y[k]}
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", l.Name, err)
		}
		line.Color, line.Width = palette[i%len(palette)], vg.Points(1.5)
		dots.GlyphStyle = draw.GlyphStyle{Color: line.Color, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
		p.Add(line)
		if len(points) <= 30 {
			p.Add(dots)
		}
		if l.Name != "" {
			p.Legend.Add(l.Name, line)
		}
	}
	return p, nil
}

// ticker marks the axis x, between whole numbers only if there are points.
func (c Chart) ticker() plot.Ticker {
	whole := true
	for _, l := range c.Lines {
		for _, x := range l.X {
			whole = whole && x == math.Trunc(x)
		}
	}
	return plot.TickerFunc(func(lo, hi float64) (marks []plot.Tick) {
		for _, t := range ticks(lo, hi) {
			if !whole || t.Value == math.Trunc(t.Value) {
				marks = append(marks, plot.Tick{Value: t.Value, Label: strings.TrimSuffix(t.Label, ".0")})
			}
		}
		return marks
	})
}

// ticks are multiples of 1, 2 or 5 times a power of ten, at most eight of them.
func ticks(lo, hi float64) (marks []plot.Tick) {
	if !(hi > lo) {
		return []plot.Tick{{Value: lo, Label: strconv.FormatFloat(lo, 'g', 4, 64)}}
	}
	power := math.Pow(10, math.Floor(math.Log10((hi-lo)/7)))
	step := 10 * power
	for _, s := range []float64{5, 2, 1} {
		if (hi-lo)/(s*power) <= 7 {
			step = s * power
		}
	}
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	// + 0 makes a 0 of -0
	for k := math.Ceil(lo/step-1e-9) + 0; k*step <= hi+1e-9*step; k++ {
		marks = append(marks, plot.Tick{Value: k * step, Label: strconv.FormatFloat(k*step, 'f', digits, 64)})
	}
	return marks
}
