package data

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"

	"tapenet/cmd/internal/sheet"
	"tapenet/graph/raster/letter"
	"tapenet/train/data"
)

const (
	maxRows, maxColumns = 20, 12
	margin              = 8   // pixels between images
	smallest            = 56  // images are drawn at least so large
	largest             = 160 // and at most
	width               = 900 // as many columns as fit, at least 4
	nameWidth           = 96
)

// contactSheet draws a row of training images for each class, up to 20, with
// its name. Augmented, the first of a row is as it is, and the others are the
// same image in the epochs 1, 2, ….
func contactSheet(d data.Dataset, labels []int, seed uint64, steps []data.Augmentation) (image.Image, error) {
	size := sheet.Size(d.Shape[1], d.Shape[2], smallest, largest)
	cell := image.Pt(size.X+margin, max(size.Y, letter.Size)+margin)
	rows, columns := min(len(d.Classes), maxRows), min(maxColumns, max(4, width/cell.X))
	contact := image.NewRGBA(image.Rect(0, 0, nameWidth+columns*cell.X+margin, rows*cell.Y+margin))
	draw.Draw(contact, contact.Rect, image.NewUniform(color.Gray{0xe8}), image.Point{}, draw.Src)
	font := letter.New(letter.Size)
	augmented := data.Augment(d, seed, steps...)
	for row, of := range choose(d, labels, seed, rows, columns) {
		font.Write(contact, font.Begin(d.Classes[row], nameWidth-2*margin), image.Pt(margin, row*cell.Y+cell.Y/2+margin), color.Black)
		for column := range columns {
			from, i := d.Train, 0
			switch {
			case len(of) == 0 || len(steps) == 0 && column >= len(of):
				continue // the class has no more
			case len(steps) == 0:
				i = of[column]
			case column > 0:
				from, i = data.Epoch(augmented.Train, column), of[0]
			default:
				i = of[0]
			}
			img, err := read(from, i, d.Shape)
			if err != nil {
				return nil, err
			}
			at := image.Pt(nameWidth+column*cell.X, margin+row*cell.Y)
			sheet.Put(contact, at, size, img)
		}
	}
	return contact, nil
}

// choose returns for each of the first classes some of its samples.
func choose(d data.Dataset, labels []int, seed uint64, classes, each int) [][]int {
	chosen := make([][]int, classes)
	for _, i := range data.Order(d.Train, seed, 0) {
		if c := labels[i]; c < classes && len(chosen[c]) < each {
			chosen[c] = append(chosen[c], i)
		}
	}
	return chosen
}

func read(s data.Samples, i int, shape [3]int) (image.Image, error) {
	x := make([]float32, shape[0]*shape[1]*shape[2])
	if _, err := s.Read(i, x); err != nil {
		return nil, err
	}
	return data.Picture(x, shape)
}
