package infer

import (
	"image"
	"image/draw"
	"math"
	"path/filepath"

	"tapenet/cmd/internal/sheet"
	"tapenet/infer"
)

const (
	columns  = 4
	smallest = 112 // pictures are drawn at least so large
)

// saliencySheet is a drawing of pictures as the network gets them, each beside the same
// one with the pixels that mattered for its class in orange.
type saliencySheet struct {
	p     *infer.Predictor
	cells []sheet.Cell
}

func (s *saliencySheet) add(results []result) error {
	for _, r := range results {
		picture, err := s.p.Picture(r.pixels)
		if err != nil {
			return err
		}
		saliency, err := s.p.Saliency(r.pixels, r.best)
		if err != nil {
			return err
		}
		marked := image.NewRGBA(picture.Bounds())
		draw.Draw(marked, marked.Rect, picture, marked.Rect.Min, draw.Src)
		draw.Draw(marked, marked.Rect, saliency.Image(), image.Point{}, draw.Over)
		s.cells = append(s.cells, sheet.Cell{Pictures: []image.Image{picture, marked}, Lines: []string{filepath.Base(r.File) + ": " + r.title()}})
	}
	return nil
}

// save writes the sheet as a PNG file, unless there is nothing on it.
func (s *saliencySheet) save(file string) error {
	if len(s.cells) == 0 {
		return nil
	}
	return sheet.Save(file, s.cells, sheet.Size(s.p.Input[1], s.p.Input[2], smallest, math.MaxInt), columns)
}
