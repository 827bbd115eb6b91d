package train

import (
	"encoding/csv"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// writeCSV writes a line for each epoch, named like the fields' JSON. The accuracy under
// attack has a column where it is measured.
func writeCSV(w io.Writer, history []Epoch) error {
	c := csv.NewWriter(w)
	names := []string{"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "images_per_second", "learning_rate"}
	attacked := measuredAttacked(history)
	if attacked {
		names = append(names, "attacked_accuracy")
	}
	c.Write(names)
	for _, e := range history {
		line := []string{strconv.Itoa(e.Epoch)}
		values := []float64{e.Loss, e.Accuracy, e.ValLoss, e.ValAccuracy, e.ImagesPerSecond, e.LearningRate}
		if attacked {
			values = append(values, e.Attacked)
		}
		for _, v := range values {
			line = append(line, strconv.FormatFloat(v, 'g', 8, 64))
		}
		c.Write(line)
	}
	c.Flush()
	return c.Error()
}

// measuredAttacked reports whether an epoch has an accuracy under attack.
func measuredAttacked(history []Epoch) bool {
	return slices.ContainsFunc(history, func(e Epoch) bool { return e.Attacked > 0 })
}

// writeCurves draws loss and accuracy over the epochs, side by side, as SVG.
// held names what the network was evaluated on.
func writeCurves(w io.Writer, held string, history []Epoch) error {
	loss, err := curves("loss", held, history,
		func(e Epoch) float64 { return e.Loss }, func(e Epoch) float64 { return e.ValLoss })
	if err != nil {
		return err
	}
	accuracy, err := curves("accuracy", held, history,
		func(e Epoch) float64 { return e.Accuracy }, func(e Epoch) float64 { return e.ValAccuracy })
	if err != nil {
		return err
	}
	loss.Legend.Top = true
	canvas := vgsvg.New(22*vg.Centimeter, 9*vg.Centimeter)
	page := draw.New(canvas)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: vg.Centimeter, PadTop: 8, PadBottom: 5, PadLeft: 5, PadRight: 10}
	plots := [][]*plot.Plot{{loss, accuracy}}
	for i, c := range plot.Align(plots, tiles, page)[0] {
		plots[0][i].Draw(c)
	}
	_, err = canvas.WriteTo(w)
	return err
}

func curves(name, held string, history []Epoch, train, evaluation func(Epoch) float64) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = nil // the page has one
	p.X.Label.Text, p.Y.Label.Text = "epoch", name
	p.X.Tick.Marker = plot.TickerFunc(epochTicks)
	p.Add(plotter.NewGrid())
	for _, c := range []struct {
		name  string
		value func(Epoch) float64
		color color.Color
	}{
		{"training", train, color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 255}},
		{held, evaluation, color.RGBA{R: 0xd6, G: 0x27, B: 0x28, A: 255}},
	} {
		points := make(plotter.XYs, len(history))
		for i, e := range history {
			points[i] = plotter.XY{X: float64(e.Epoch), Y: c.value(e)}
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, fmt.Errorf("train: curves: %w", err)
		}
		line.Color, line.Width, dots.Color = c.color, vg.Points(1.5), c.color
		dots.Shape = draw.CircleGlyph{}
		p.Add(line, dots)
		p.Legend.Add(c.name, line, dots)
	}
	p.X.Min, p.X.Max = float64(history[0].Epoch)-0.5, float64(history[len(history)-1].Epoch)+0.5
	ticks := scale(p.Y.Min, p.Y.Max)
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = ticks[0].Value, ticks[len(ticks)-1].Value, plot.ConstantTicks(ticks)
	return p, nil
}

// scale marks multiples of 1, 2 or 5 times a power of ten, at most seven of
// them, the first no larger than lo and the last no smaller than hi.
func scale(lo, hi float64) (ticks []plot.Tick) {
	const rounding = 1e-9 // of a step
	size := max(math.Abs(lo), math.Abs(hi))
	spread := hi - lo
	if spread <= 1e-6*size {
		spread = size
	}
	if spread < 1e-30 {
		spread = 1
	}
	power := math.Pow(10, math.Floor(math.Log10(spread/5)))
	step := 10 * power
	for _, s := range []float64{5, 2, 1} {
		if s*power >= spread/5*(1-rounding) {
			step = s * power
		}
	}
	first, last := math.Floor(lo/step+rounding), math.Ceil(hi/step-rounding)
	last = max(last, first+1)
	format, digits := byte('f'), max(0, -int(math.Floor(math.Log10(step)+rounding)))
	if digits > 6 || size > 1e6 {
		format, digits = 'g', 3
	}
	for k := first; k <= last; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: strconv.FormatFloat(k*step+0, format, digits, 64)})
	}
	return ticks
}

// epochTicks marks whole epochs, at most about ten of them.
func epochTicks(lo, hi float64) []plot.Tick {
	every := max(1, (int(hi)-int(lo)+9)/10)
	var ticks []plot.Tick
	for e := int(lo); e <= int(hi); e++ {
		if float64(e) >= lo && e%every == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(e), Label: strconv.Itoa(e)})
		}
	}
	return ticks
}
