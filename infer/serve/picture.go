package serve

import (
	"context"
	"errors"
	"image"
	"net/http"
	"strings"
	"sync"
	"time"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// What scaling a picture takes, in bytes. The scaler keeps one of its rows, and what
// each row and column weighs.
const (
	columnBytes  = 64 // a column: 32 of the row's four channels in float64, 32 of up to four weights
	rowBytes     = 32 // a row: four weights
	scaledBytes  = 64 // a value of the network's input: it itself, and of its pixel 32 of sums in float64 and 4 of colours
	strokesBytes = 2  // a pixel of a picture whose strokes are looked for: its grey on white, and on black
)

// pixels unpacks a picture, if there is memory for the size that it claims, and hands it
// to look, unless that is nil. As many requests do so at a time as there are processors,
// and as there is memory for: more would not end sooner, and each has a picture in
// memory. The others wait with their files.
func (c *Call) pixels(ctx context.Context, file []byte, look func(image.Image) error) ([]float32, error) {
	h, err := decode.Decoder(c.server.config.MaxPixels).Header(file)
	if err != nil {
		return nil, notPicture(err)
	}
	need := h.Memory + c.model.scalingBytes(h)
	if taken, most := c.taken.Load(), c.server.config.Memory; need > most-taken {
		return nil, tooLarge("a picture of %d×%d needs %d bytes of memory with its file, the server has %d for all requests: want a smaller picture",
			h.Width, h.Height, taken+need, most)
	}
	end, err := c.unpacking(ctx, need)
	if err != nil {
		return nil, err
	}
	defer end()
	pixels, err := c.unpack(file, look)
	c.give(need - 4*int64(len(pixels)))
	return pixels, err
}

// scalingBytes is what it takes to make a picture the network's input.
func (m *model) scalingBytes(h raster.Header) int64 {
	n := columnBytes*int64(h.Width) + rowBytes*int64(h.Height) + scaledBytes*int64(m.values())
	if m.predictor.Preprocessing().For(m.input[0]).Fit == raster.Strokes {
		n += strokesBytes * int64(h.Width) * int64(h.Height)
	}
	return n
}

// unpack is a picture's pixels as the model takes them.
func (c *Call) unpack(file []byte, look func(image.Image) error) ([]float32, error) {
	img, err := decode.Decoder(c.server.config.MaxPixels).Decode(file)
	if err != nil {
		return nil, notPicture(err)
	}
	pixels, err := c.model.predictor.Pixels(img)
	if err == nil && look != nil {
		err = look(img)
	}
	if err != nil {
		return nil, wrongInput("%s", strings.TrimPrefix(err.Error(), "infer: "))
	}
	return pixels, nil
}

// unpackers are the requests that unpack a picture.
type unpackers struct {
	places chan struct{} // has an element for each, and for each that has only memory to wait for

	mu    sync.Mutex
	busy  int           // how many have their memory
	ended chan struct{} // closed when one of them ends, and replaced
}

func newUnpackers(most int) *unpackers {
	return &unpackers{places: make(chan struct{}, most), ended: make(chan struct{})}
}

// begin lets a request unpack its picture if it gets its memory. If it does not, ended
// is closed when another one has ended; nil if there is no other.
func (u *unpackers) begin(reserve func() bool) (began bool, ended <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if reserve() {
		u.busy++
		return true, nil
	}
	if u.busy == 0 {
		return false, nil
	}
	return false, u.ended
}

func (u *unpackers) end() {
	u.mu.Lock()
	u.busy--
	close(u.ended)
	u.ended = make(chan struct{})
	u.mu.Unlock()
	<-u.places
}

// unpacking waits until the call may unpack a picture and has the memory for it, which
// those have that are at it; end lets another one do so.
func (c *Call) unpacking(ctx context.Context, need int64) (end func(), err error) {
	ctx, cancel := c.inTime(ctx)
	defer cancel()
	defer func(began time.Time) { c.waited += time.Since(began) }(time.Now())
	u := c.server.unpackers
	select {
	case u.places <- struct{}{}:
	case <-ctx.Done():
		return nil, tooLate(ctx)
	}
	for {
		began, ended := u.begin(func() bool { return c.reserve(need) })
		switch {
		case began:
			return u.end, nil
		case ended == nil && !c.server.arrivals.giveWay(c.origin.Body):
			<-u.places
			return nil, memoryFull()
		case ended == nil:
			continue
		}
		select {
		case <-ended:
		case <-ctx.Done():
			<-u.places
			return nil, tooLate(ctx)
		}
	}
}

func notPicture(err error) error {
	if errors.Is(err, raster.ErrSize) {
		return tooLarge("%v", err)
	}
	return failed(http.StatusBadRequest, kindMalformed, "%s", strings.TrimPrefix(err.Error(), "infer: "))
}
