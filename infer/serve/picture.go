package serve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// What scaling a picture takes, in bytes. The scaler keeps one of its rows, and what
// each row and column weighs.
const (
	columnBytes = 64 // a column: 32 of the row's four channels in float64, 32 of up to four weights
	rowBytes    = 32 // a row: four weights
	scaledBytes = 64 // a value of the network's input: it itself, and of its pixel 32 of sums in float64 and 4 of colours
)

// pixels unpacks a picture, if there is memory for the size that it claims. As many
// requests do so at a time as there are processors: more would not end sooner, and each
// has a picture in memory. The others wait with their files.
func (c *Call) pixels(ctx context.Context, file []byte) ([]float32, error) {
	h, err := decode.Decoder(c.server.config.MaxPixels).Header(file)
	if err != nil {
		return nil, notPicture(err)
	}
	need := h.Memory + columnBytes*int64(h.Width) + rowBytes*int64(h.Height) + scaledBytes*int64(c.model.values())
	if most := c.server.config.Memory; need > most {
		return nil, tooLarge("a picture of %d×%d needs more memory than the %d bytes that the server has for requests", h.Width, h.Height, most)
	}
	end, err := c.unpacking(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := c.Take(need); err != nil {
		return nil, err
	}
	pixels, err := c.unpack(file)
	c.give(need - 4*int64(len(pixels)))
	return pixels, err
}

// unpack is a picture's pixels as the model takes them.
func (c *Call) unpack(file []byte) ([]float32, error) {
	img, err := decode.Decoder(c.server.config.MaxPixels).Decode(file)
	if err != nil {
		return nil, notPicture(err)
	}
	pixels, err := c.model.predictor.Pixels(img)
	if err != nil {
		return nil, wrongInput("%s", strings.TrimPrefix(err.Error(), "infer: "))
	}
	return pixels, nil
}

// unpacking waits until the call may unpack a picture; end lets another one do so.
func (c *Call) unpacking(ctx context.Context) (end func(), err error) {
	ctx, cancel := c.inTime(ctx)
	defer cancel()
	defer func(began time.Time) { c.waited += time.Since(began) }(time.Now())
	select {
	case c.server.unpacking <- struct{}{}:
		return func() { <-c.server.unpacking }, nil
	case <-ctx.Done():
		return nil, tooLate(ctx)
	}
}

func notPicture(err error) error {
	if errors.Is(err, raster.ErrSize) {
		return tooLarge("%v", err)
	}
	return failed(http.StatusBadRequest, kindMalformed, "%s", strings.TrimPrefix(err.Error(), "infer: "))
}
