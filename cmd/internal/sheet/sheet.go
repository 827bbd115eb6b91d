// Package sheet draws pictures on a sheet, each with lines of text below.
package sheet

import (
	"image"
	"image/color"
	"image/png"
	"io"

	"golang.org/x/image/draw"

	"tapenet/graph/raster/letter"
	"tapenet/graph/weights"
)

// Max is the number of cells that a sheet has at most, for those who make one.
const Max = 200

const margin = 12 // pixels around a cell

// line is the height of a line of text.
const line = 18

// Ink is the colour of text.
var Ink = color.Gray{Y: 0x30}

// Cell is pictures of one size, side by side, and the lines below them.
type Cell struct {
	Pictures []image.Image
	Lines    []string
}

// Save draws cells, which are alike, in so many columns, each picture in the given size, and
// writes them as a PNG file.
func Save(file string, cells []Cell, size image.Point, columns int) error {
	return weights.WriteFile(file, func(w io.Writer) error { return png.Encode(w, sheet(cells, size, columns)) })
}

func sheet(cells []Cell, size image.Point, columns int) image.Image {
	width := len(cells[0].Pictures) * size.X
	cell := image.Pt(width+2*margin, size.Y+len(cells[0].Lines)*line+margin)
	across := min(columns, len(cells))
	down := (len(cells) + across - 1) / across
	img := image.NewRGBA(image.Rect(0, 0, across*cell.X, down*cell.Y+margin))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	font := letter.New(letter.Size)
	for i, c := range cells {
		at := image.Pt(i%across*cell.X+margin, i/across*cell.Y+margin)
		for k, p := range c.Pictures {
			Put(img, at.Add(image.Pt(k*size.X, 0)), size, p)
		}
		for k, text := range c.Lines {
			font.Write(img, font.End(text, width), image.Pt(at.X, at.Y+size.Y+(k+1)*line-4), Ink)
		}
	}
	return img
}

// Size is how large a picture is drawn: a whole number of times its size, so that its longer side
// has at least the smallest number of pixels, or scaled down to the largest.
func Size(height, width, smallest, largest int) image.Point {
	side := max(height, width)
	if side > largest {
		return image.Pt(max(1, width*largest/side), max(1, height*largest/side))
	}
	scale := (smallest + side - 1) / side
	return image.Pt(scale*width, scale*height)
}

// Put draws a picture in a size: a larger one shows its pixels, a smaller one is smooth.
func Put(to draw.Image, at, size image.Point, picture image.Image) {
	scaler := draw.Scaler(draw.NearestNeighbor)
	if size.X < picture.Bounds().Dx() {
		scaler = draw.CatmullRom
	}
	scaler.Scale(to, image.Rectangle{Min: at, Max: at.Add(size)}, picture, picture.Bounds(), draw.Src, nil)
}
