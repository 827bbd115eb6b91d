package label

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// The longer sides that pictures are scaled to for the page, in pixels.
const (
	smallSide = 256
	largeSide = 1024
)

// gate bounds how many pictures are unpacked at one time: a few, of which one may be
// large.
type gate struct {
	slots, large chan struct{}
	decoder      raster.Decoder
}

// aLot is the memory of a picture, in bytes, from which on it counts as large.
const aLot = 64 << 20

func newGate(maxPixels int) *gate {
	return &gate{make(chan struct{}, 2), make(chan struct{}, 1), decode.Decoder(maxPixels)}
}

// open reads a file, unpacks its picture and calls use, which does not keep it.
func (g *gate) open(ctx context.Context, read func() ([]byte, error), use func(kind string, img image.Image) error) error {
	if err := take(ctx, g.slots); err != nil {
		return err
	}
	defer func() { <-g.slots }()
	file, err := read()
	if err != nil {
		return err
	}
	h, err := g.decoder.Header(file)
	if err != nil {
		return err
	}
	if h.Memory > aLot {
		if err := take(ctx, g.large); err != nil {
			return err
		}
		defer func() { <-g.large }()
	}
	img, err := g.decoder.Decode(file)
	if err != nil {
		return err
	}
	return use(h.Kind, img)
}

func take(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scaled is a picture as a JPEG file whose longer side has at most so many pixels.
func scaled(img image.Image, most int) ([]byte, error) {
	size := img.Bounds().Size()
	w, h := size.X, size.Y
	if longer := max(w, h); longer > most {
		w, h = max(1, w*most/longer), max(1, h*most/longer)
	}
	x := make([]float32, 3*h*w)
	if err := (raster.Preprocessing{Fit: raster.Stretch, Filter: raster.Linear}).Draw(x, img, 3, h, w); err != nil {
		return nil, err
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		for c := range 3 {
			out.Pix[4*i+c] = uint8(255*x[c*h*w+i] + 0.5)
		}
		out.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, out, &jpeg.Options{Quality: 82})
	return b.Bytes(), err
}
