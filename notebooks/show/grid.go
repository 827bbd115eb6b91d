package show

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	imagepng "image/png"
	"math"
	"slices"

	"golang.org/x/image/draw"

	"tapenet/graph/raster/letter"
	"tapenet/train/data"
)

// Colours say how an image's values are drawn.
type Colours int

const (
	// Plain draws 0 as black and 1 as white.
	Plain Colours = iota
	// Stretched draws an image's smallest value as black and its largest as white.
	Stretched
	// Signed draws 0 as white, negative values blue and positive ones red, the
	// largest of either sign in full colour.
	Signed
)

// Grid is images in rows, each with a caption below it.
type Grid struct {
	Columns int // 0 means 10
	Zoom    int // the size of a pixel; 0 means as much as makes images 60 wide
	Colours Colours

	tiles []tile
	err   error
}

type tile struct {
	caption string
	img     image.Image
}

// NewGrid shows the samples of s, which has the images of d, from one index up
// to another, with their classes.
func NewGrid(d data.Dataset, s data.Samples, from, to int) *Grid {
	g := &Grid{}
	pixels := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
	for i := from; i < to; i++ {
		class, err := s.Read(i, pixels)
		if err != nil {
			g.err = err
			return g
		}
		g.Add(d.Classes[class], pixels, d.Shape[:]...)
	}
	return g
}

// Add adds an image: its values channel by channel and row by row, and its
// shape, which is (H,W), or (C,H,W) with one channel or three. The values are
// finite, and copied. Colours must be set before.
func (g *Grid) Add(caption string, values []float32, shape ...int) {
	if len(shape) == 2 {
		shape = []int{1, shape[0], shape[1]}
	}
	if g.err != nil {
		return
	}
	if len(shape) != 3 || shape[0] != 1 && shape[0] != 3 || shape[0] == 3 && g.Colours == Signed ||
		shape[1] < 1 || shape[2] < 1 || shape[0]*shape[1]*shape[2] != len(values) {
		g.err = fmt.Errorf("image %q: %d values of shape %v, want as many as (H,W), (1,H,W) or (3,H,W) says, the last not Signed",
			caption, len(values), shape)
		return
	}
	if i := slices.IndexFunc(values, infinite); i >= 0 {
		g.err = fmt.Errorf("image %q: value %d is %v, want finite numbers", caption, i, values[i])
		return
	}
	g.tiles = append(g.tiles, tile{caption, picture(scaled(values, g.Colours), shape, g.Colours)})
}

func infinite(v float32) bool { return !(math.Abs(float64(v)) <= math.MaxFloat32) }

// scaled maps values to 0..1, for Signed to -1..1.
func scaled(values []float32, c Colours) []float32 {
	lo, hi := slices.Min(values), slices.Max(values)
	switch {
	case c == Plain:
		lo, hi = 0, 1
	case c == Signed:
		lo, hi = 0, max(-lo, hi)
	}
	out := make([]float32, len(values))
	for i, v := range values {
		if hi > lo {
			v = (v - lo) / (hi - lo)
		}
		out[i] = min(max(v, -1), 1)
	}
	return out
}

func picture(values []float32, shape []int, c Colours) image.Image {
	h, w := shape[1], shape[2]
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		v := values[i]
		to := color.RGBA{level(v), level(v), level(v), 255}
		if shape[0] == 3 {
			to.G, to.B = level(values[h*w+i]), level(values[2*h*w+i])
		} else if c == Signed {
			to = color.RGBA{level(1 + v), level(1 - float32(math.Abs(float64(v)))), level(1 - v), 255}
		}
		img.SetRGBA(i%w, i/w, to)
	}
	return img
}

func level(v float32) uint8 { return uint8(255*min(max(v, 0), 1) + 0.5) }

const gap = 6 // pixels between images

// SimpleRender is the grid as a PNG picture.
func (g *Grid) SimpleRender() map[string]any {
	var b bytes.Buffer
	if g.err == nil {
		g.err = imagepng.Encode(&b, g.image())
	}
	images := fmt.Sprintf("%d images", len(g.tiles))
	if len(g.tiles) == 1 {
		images = "1 image"
	}
	return rendered(png, b.Bytes(), images, g.err)
}

func (g *Grid) image() image.Image {
	columns := g.Columns
	if columns <= 0 {
		columns = 10
	}
	columns = max(1, min(columns, len(g.tiles)))
	font := letter.New(letter.Size)
	cell, captions := image.Pt(1, 1), 0
	for _, t := range g.tiles {
		size := t.img.Bounds().Size().Mul(g.zoom(t))
		width := max(size.X, font.Width(t.caption))
		cell = image.Pt(max(cell.X, width), max(cell.Y, size.Y))
		if t.caption != "" {
			captions = font.Line
		}
	}
	step := cell.Add(image.Pt(gap, gap+captions))
	rows := (len(g.tiles) + columns - 1) / columns
	sheet := image.NewRGBA(image.Rect(0, 0, gap+columns*step.X, gap+rows*step.Y))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	for i, t := range g.tiles {
		at := image.Pt(gap+i%columns*step.X, gap+i/columns*step.Y)
		to := image.Rectangle{Max: t.img.Bounds().Size().Mul(g.zoom(t))}.Add(at)
		draw.Draw(sheet, to.Inset(-1), image.NewUniform(color.Gray{0xa0}), image.Point{}, draw.Src)
		draw.NearestNeighbor.Scale(sheet, to, t.img, t.img.Bounds(), draw.Src, nil)
		font.Write(sheet, t.caption, image.Pt(at.X, to.Max.Y+letter.Size), color.Black)
	}
	return sheet
}

func (g *Grid) zoom(t tile) int {
	if g.Zoom > 0 {
		return g.Zoom
	}
	w := t.img.Bounds().Dx()
	return (60 + w - 1) / w
}
