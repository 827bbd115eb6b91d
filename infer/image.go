package infer

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"

	"tapenet/graph/raster/decode"
)

// DecodeImage reads a PNG, JPEG, GIF, WebP, BMP or TIFF file to its end, as viewers
// show it: turned as its EXIF data say, a GIF's first frame on its screen. It may have
// raster.MaxPixels.
func DecodeImage(r io.Reader) (image.Image, error) {
	img, err := decode.Read(r, 0)
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	return img, nil
}

// PredictImages classifies pictures of any size and colour; see Pixels.
func (p *Predictor) PredictImages(images ...image.Image) ([]Prediction, error) {
	pixels := make([][]float32, len(images))
	for i, img := range images {
		var err error
		if pixels[i], err = p.pixels(img); err != nil {
			return nil, fmt.Errorf("infer: image %d: %w", i, err)
		}
	}
	return p.Predict(pixels)
}

// Pixels turns a picture into the network's input.
//
// The model's preprocessing says how; see raster.Preprocessing. Without any, a
// network for grey images expects light strokes on a dark ground, as MNIST has
// them: a picture of the network's own size is only inverted, if its ground is the
// lighter, and any other is prepared as MNIST was. For a network with three
// channels, red, green and blue, the picture is then drawn on white and stretched.
// Other networks have no pictures.
func (p *Predictor) Pixels(img image.Image) ([]float32, error) {
	x, err := p.pixels(img)
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	return x, nil
}

func (p *Predictor) pixels(img image.Image) ([]float32, error) {
	if img == nil || img.Bounds().Empty() {
		return nil, errors.New("the picture is empty")
	}
	c, h, w := p.Input[0], p.Input[1], p.Input[2]
	if c != 1 && c != 3 {
		return nil, fmt.Errorf("the network takes %d channels, want 1 or 3 for pictures", c)
	}
	x := make([]float32, c*h*w)
	return x, p.preprocessing.Draw(x, img, c, h, w)
}

// Picture is an image, as Predict takes them, for people to see: in colour for
// three channels, else the first channel in grey.
func (p *Predictor) Picture(pixels []float32) (image.Image, error) {
	if err := p.check(pixels); err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	h, w := p.Input[1], p.Input[2]
	if p.Input[0] == 3 {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		for i := range h * w {
			img.SetNRGBA(i%w, i/w, color.NRGBA{level(pixels[i]), level(pixels[h*w+i]), level(pixels[2*h*w+i]), 255})
		}
		return img, nil
	}
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = level(pixels[i])
	}
	return img, nil
}

// level is a value in 0..1 as a byte; what lies outside is cut off.
func level(v float32) uint8 { return uint8(255*max(0, min(v, 1)) + 0.5) }
