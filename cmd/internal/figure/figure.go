// Package figure draws plots side by side into one SVG, for commands.
package figure

import (
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Palette has colours that the colour-blind tell apart too (Okabe and Ito 2008).
var Palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 255}, color.RGBA{0xd5, 0x5e, 0x00, 255}, color.RGBA{0x00, 0x9e, 0x73, 255}, color.RGBA{0xcc, 0x79, 0xa7, 255},
	color.RGBA{0x56, 0xb4, 0xe9, 255}, color.RGBA{0xe6, 0x9f, 0x00, 255}, color.Black,
}

// The size of a plot, and of a line of the legend.
const (
	width, height = 12 * vg.Centimeter, 10 * vg.Centimeter
	line          = vg.Length(14)
)

// Write draws rows of equally many plots with their axes in line, and below them a
// legend of so many lines. Where a row is not full its last plots are nil.
func Write(w io.Writer, rows [][]*plot.Plot, legend plot.Legend, lines int) error {
	below := line * vg.Length(lines)
	columns, above := vg.Length(len(rows[0])), height*vg.Length(len(rows))
	canvas := vgsvg.New(columns*width, above+below)
	page := draw.New(canvas)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	tiles := draw.Tiles{
		Rows: len(rows), Cols: len(rows[0]), PadX: vg.Centimeter, PadY: vg.Centimeter / 2,
		PadTop: 8, PadBottom: 8, PadLeft: 5, PadRight: 10,
	}
	for r, row := range plot.Align(rows, tiles, draw.Crop(page, 0, 0, below, 0)) {
		for i, c := range row {
			if rows[r][i] != nil {
				rows[r][i].Draw(c)
			}
		}
	}
	legend.Top, legend.Left, legend.Padding = true, true, 2
	legend.Draw(draw.Crop(page, vg.Centimeter, -vg.Centimeter, 5, -above))
	_, err := canvas.WriteTo(w)
	return err
}
