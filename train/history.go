package train

import (
	"encoding/csv"
	"fmt"
	"image/color"
	"io"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// writeCSV writes a line for each epoch, named like the fields' JSON.
func writeCSV(w io.Writer, history []Epoch) error {
	c := csv.NewWriter(w)
	c.Write([]string{"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "images_per_second"})
	for _, e := range history {
		line := []string{strconv.Itoa(e.Epoch)}
		for _, v := range []float64{e.Loss, e.Accuracy, e.ValLoss, e.ValAccuracy, e.ImagesPerSecond} {
			line = append(line, strconv.FormatFloat(v, 'g', 8, 64))
		}
		c.Write(line)
	}
	c.Flush()
	return c.Error()
}

// writeCurves draws loss and accuracy over the epochs, side by side, as SVG.
func writeCurves(w io.Writer, history []Epoch) error {
	loss, err := curves("loss", history,
		func(e Epoch) float64 { return e.Loss }, func(e Epoch) float64 { return e.ValLoss })
	if err != nil {
		return err
	}
	accuracy, err := curves("accuracy", history,
		func(e Epoch) float64 { return e.Accuracy }, func(e Epoch) float64 { return e.ValAccuracy })
	if err != nil {
		return err
	}
	loss.Legend.Top = true
	canvas := vgsvg.New(22*vg.Centimeter, 9*vg.Centimeter)
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: vg.Centimeter, PadTop: 5, PadBottom: 5, PadLeft: 5, PadRight: 10}
	plots := [][]*plot.Plot{{loss, accuracy}}
	for i, c := range plot.Align(plots, tiles, draw.New(canvas))[0] {
		plots[0][i].Draw(c)
	}
	_, err = canvas.WriteTo(w)
	return err
}

func curves(name string, history []Epoch, train, test func(Epoch) float64) (*plot.Plot, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "epoch", name
	p.X.Tick.Marker = plot.TickerFunc(epochTicks)
	p.Add(plotter.NewGrid())
	for _, c := range []struct {
		name  string
		value func(Epoch) float64
		color color.Color
	}{
		{"training", train, color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 255}},
		{"test", test, color.RGBA{R: 0xd6, G: 0x27, B: 0x28, A: 255}},
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
	return p, nil
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
