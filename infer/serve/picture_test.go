package serve

import (
	"bytes"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"tapenet/graph/raster/decode"
)

// Clients who send pictures at the same time wait for each other: the server has
// memory for as many unpacked ones as it has processors, and their files.
func TestPicturesWait(t *testing.T) {
	const clients, each = 32, 4
	path, file := saveMobileNet(t), photograph(t, 1)
	h, err := decode.Decoder(0).Header(file)
	if err != nil {
		t.Fatal(err)
	}
	scaled := int64(scaledBytes*3*112*112 + columnBytes*h.Width + rowBytes*h.Height)
	s := start(t, func(c *Config) {
		c.Model = path
		c.Timeout = time.Minute
		c.Memory = int64(runtime.GOMAXPROCS(0))*(h.Memory+scaled) + clients*int64(4*len(file)+4*3*112*112)
	})
	var g sync.WaitGroup
	for range clients {
		g.Go(func() {
			for range each {
				if w := ask(t, s, "POST", "/classify", bytes.NewReader(file)); w.Code != http.StatusOK {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
	g.Wait()
	if held := s.Held(); held != 0 {
		t.Errorf("%d bytes are held after all requests", held)
	}
}

// The largest picture is the server's to say.
func TestMaxPixels(t *testing.T) {
	s := start(t, func(c *Config) { c.Model, c.MaxPixels = saveMobileNet(t), 640*480-1 })
	w := ask(t, s, "POST", "/classify", bytes.NewReader(photograph(t, 1)))
	wantFailure(t, w, http.StatusRequestEntityTooLarge, "a JPEG picture of 640×480 pixels, want 1 to 307199 of them")
}

// A picture that nobody unpacks in time is answered like one that no network has seen in time.
func TestPictureTooLate(t *testing.T) {
	s := start(t, func(c *Config) { c.Model, c.Timeout = saveMobileNet(t), 20*time.Millisecond })
	for range cap(s.unpacking) {
		s.unpacking <- struct{}{}
	}
	w := ask(t, s, "POST", "/classify", bytes.NewReader(photograph(t, 1)))
	wantFailure(t, w, http.StatusGatewayTimeout, "no answer within the time allowed")
	if held := s.Held(); held != 0 {
		t.Errorf("%d bytes are held after it", held)
	}
}
