package main

import (
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"tapenet/graph/weights"
	"tapenet/infer"
)

const (
	maxSheet = 200 // pictures on a sheet
	columns  = 4
	margin   = 12  // pixels around a pair of pictures
	smallest = 112 // pictures are drawn at least so large
	caption  = 18  // height of the line below a pair
)

// sheet is a drawing of pictures as the network gets them, each beside the same
// one with the pixels that mattered for its class in orange.
type sheet struct {
	p     *infer.Predictor
	pairs []pair
}

type pair struct {
	name           string
	picture, marks image.Image
}

func (s *sheet) add(results []result) error {
	for _, r := range results {
		picture, err := s.p.Picture(r.pixels)
		if err != nil {
			return err
		}
		saliency, err := s.p.Saliency(r.pixels, r.best)
		if err != nil {
			return err
		}
		s.pairs = append(s.pairs, pair{filepath.Base(r.File) + ": " + r.title(), picture, saliency.Image()})
	}
	return nil
}

// save writes the sheet as a PNG file, unless there is nothing on it.
func (s *sheet) save(file string) error {
	if len(s.pairs) == 0 {
		return nil
	}
	return weights.WriteFile(file, func(w io.Writer) error { return png.Encode(w, s.draw()) })
}

func (s *sheet) draw() image.Image {
	h, w := s.p.Input[1], s.p.Input[2]
	scale := max(1, (smallest+max(h, w)-1)/max(h, w))
	size := image.Pt(scale*w, scale*h)
	cell := image.Pt(2*size.X+2*margin, size.Y+caption+margin)
	across := min(columns, len(s.pairs))
	down := (len(s.pairs) + across - 1) / across
	img := image.NewRGBA(image.Rect(0, 0, across*cell.X, down*cell.Y+margin))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for i, p := range s.pairs {
		at := image.Pt(i%across*cell.X+margin, i/across*cell.Y+margin)
		left := image.Rectangle{Min: at, Max: at.Add(size)}
		right := left.Add(image.Pt(size.X, 0))
		draw.NearestNeighbor.Scale(img, left, p.picture, p.picture.Bounds(), draw.Src, nil)
		draw.NearestNeighbor.Scale(img, right, p.picture, p.picture.Bounds(), draw.Src, nil)
		draw.NearestNeighbor.Scale(img, right, p.marks, p.marks.Bounds(), draw.Over, nil)
		label(img, p.name, image.Pt(at.X, at.Y+size.Y+caption-4), 2*size.X)
	}
	return img
}

// label writes a line, the begin of a long one left out.
func label(to draw.Image, text string, at image.Point, width int) {
	face := basicfont.Face7x13
	if r, most := []rune(text), width/face.Advance; len(r) > most {
		text = ".." + string(r[len(r)-most+2:])
	}
	d := font.Drawer{Dst: to, Src: image.NewUniform(color.Gray{Y: 0x30}), Face: face, Dot: fixed.P(at.X, at.Y)}
	d.DrawString(text)
}
