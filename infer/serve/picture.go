package serve

import (
	"bytes"
	"image"
	"net/http"
	"strings"

	"tapenet/infer"
)

// What a picture can take while it is unpacked and scaled, in bytes. The scaler
// keeps one of its rows, and what each row and column weighs.
const (
	pixelBytes  = 16 // a pixel: 8 of 16-bit colours, or 3 of YCbCr and 12 of a progressive JPEG's coefficients
	columnBytes = 64 // a column: 32 of the row's four channels in float64, 32 of up to four weights
	rowBytes    = 32 // a row: four weights
	scaledBytes = 64 // a value of the network's input: it itself, and of its pixel 32 of sums in float64 and 4 of colours
)

// pixels unpacks a picture, if there is memory for the size that it claims.
func (c *Call) pixels(file []byte) ([]float32, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, notPicture(err)
	}
	row := pixelBytes*int64(size.Width) + rowBytes
	besides := columnBytes*int64(size.Width) + scaledBytes*int64(c.model.values())
	if most := c.server.config.Memory; int64(size.Height) > (most-besides)/row { // their product might overflow
		return nil, tooLarge("a picture of %d×%d needs more memory than the %d bytes that the server has for requests", size.Width, size.Height, most)
	}
	if err := c.Take(row*int64(size.Height) + besides); err != nil {
		return nil, err
	}
	img, err := infer.DecodeImage(bytes.NewReader(file))
	if err != nil {
		return nil, notPicture(err)
	}
	pixels, err := c.model.predictor.Pixels(img)
	if err != nil {
		return nil, wrongInput("%s", strings.TrimPrefix(err.Error(), "infer: "))
	}
	return pixels, nil
}

func notPicture(err error) error {
	return failed(http.StatusBadRequest, kindMalformed, "want a PNG or JPEG picture: %s", strings.TrimPrefix(err.Error(), "infer: "))
}
