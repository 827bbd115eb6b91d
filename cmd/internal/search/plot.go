package search

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"tapenet/cmd/internal/figure"
)

// columns is the number of panels side by side.
const columns = 3

// shapes and figure.Palette tell the rungs apart; a trial that diverged is a cross.
var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.TriangleGlyph{}}

// plot draws a panel for each setting that varies, as SVG: the validation accuracy of all
// trials over their values of it.
func (s *search) plot(w io.Writer) error {
	var panels []*plot.Plot
	for _, d := range s.space {
		if !d.varies() {
			continue
		}
		p, err := s.panel(d)
		if err != nil {
			return fmt.Errorf("search: plot: %w", err)
		}
		panels = append(panels, p)
	}
	n := min(columns, len(panels))
	if len(panels) == 4 { // a square
		n = 2
	}
	for len(panels)%n != 0 {
		panels = append(panels, nil)
	}
	var rows [][]*plot.Plot
	for ; len(panels) > 0; panels = panels[n:] {
		rows = append(rows, panels[:n])
	}
	legend, lines := s.legend()
	return figure.Write(w, rows, legend, lines)
}

// panel is the trials over one setting.
func (s *search) panel(d dimension) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = nil // the page has one
	p.X.Label.Text, p.Y.Label.Text = d.name, "validation accuracy"
	p.Add(plotter.NewGrid())
	lowest := 1.0
	for _, t := range s.trials {
		if !t.diverged {
			lowest = min(lowest, t.result().ValAccuracy)
		}
	}
	points := make(plotter.XYs, len(s.trials))
	styles := make([]draw.GlyphStyle, len(s.trials))
	for i, t := range s.trials {
		points[i].X, points[i].Y, styles[i] = d.position(t), lowest, s.style(t)
		if !t.diverged {
			points[i].Y = t.result().ValAccuracy
		}
	}
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return nil, err
	}
	dots.GlyphStyleFunc = func(i int) draw.GlyphStyle { return styles[i] }
	best, err := plotter.NewScatter(points[:1])
	if err != nil {
		return nil, err
	}
	best.GlyphStyle = ring()
	p.Add(dots, best)
	d.axis(&p.X)
	room := max(0.05*(p.Y.Max-p.Y.Min), 0.001) // for marks at the edge, and for one accuracy
	p.Y.Min, p.Y.Max = p.Y.Min-room, p.Y.Max+room
	return p, nil
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
func (d dimension) axis(a *plot.Axis) {
	a.Min, a.Max = d.min, d.max
	switch {
	case d.choices != nil:
		a.Min, a.Max = -0.5, float64(len(d.choices))-0.5
		var marks []plot.Tick
		length := 0
		for i, c := range d.choices {
			text := []rune(value(c))
			if len(text) > 24 {
				text = append(text[:23], '…')
			}
			marks = append(marks, plot.Tick{Value: float64(i), Label: string(text)})
			length += len(text) + 2
		}
		a.Tick.Marker = plot.ConstantTicks(marks)
		if length > 44 {
			a.Tick.Label.Rotation, a.Tick.Label.XAlign, a.Tick.Label.YAlign = 0.5, draw.XRight, draw.YCenter
		}
	case d.log:
		a.Scale, a.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	}
}

// logTicks marks multiples of powers of ten. Between few of these, twice and five times a
// power has a label too.
func logTicks(lo, hi float64) (marks []plot.Tick) {
	few := hi/lo < 100
	for power := math.Pow(10, math.Floor(math.Log10(lo))); power <= hi; power *= 10 {
		for m := 1.0; m < 10; m++ {
			v := m * power
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			label := ""
			if m == 1 || few && (m == 2 || m == 5) {
				label = strconv.FormatFloat(v, 'g', 3, 64)
			}
			marks = append(marks, plot.Tick{Value: v, Label: label})
		}
	}
	return marks
}

// style is a trial's mark: the further it came, the earlier in the palette.
func (s *search) style(t *trial) draw.GlyphStyle {
	if t.diverged {
		return draw.GlyphStyle{Color: color.Gray{0x60}, Radius: vg.Points(3.5), Shape: draw.CrossGlyph{}}
	}
	i := len(s.rungs) - 1 - t.rung
	return draw.GlyphStyle{Color: figure.Palette[i%len(figure.Palette)], Radius: vg.Points(3), Shape: shapes[i%len(shapes)]}
}

func ring() draw.GlyphStyle {
	return draw.GlyphStyle{Color: color.Black, Radius: vg.Points(6), Shape: draw.RingGlyph{}}
}

// legend says what the marks mean, in so many lines.
func (s *search) legend() (l plot.Legend, lines int) {
	l = plot.NewLegend()
	add := func(text string, g draw.GlyphStyle) {
		l.Add(text, &plotter.Scatter{GlyphStyle: g})
		lines++
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
	return l, lines
}
