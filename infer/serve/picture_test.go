package serve

import (
	"bytes"
	"image"
	"image/jpeg"
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

// large50 is a JPEG of 50 megapixels, as the largest cameras for everybody take them.
func large50(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 8660, 5774), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Photographs of 50 megapixels are classified within the default bounds, also of a machine
// that has little memory. Several at a time wait for each other's memory; what they take
// is counted before.
func TestLargePhotographs(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks 150 megapixels")
	}
	file := large50(t)
	s := start(t, func(c *Config) { c.Model = saveMobileNet(t); c.Memory = 128 << 20; c.Timeout = 5 * time.Minute })
	h, err := decode.Decoder(0).Header(file)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if w := ask(t, s, "POST", "/classify", bytes.NewReader(file)); w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	runtime.ReadMemStats(&after)
	m, err := s.models.acquire(s.models.names()[0], "")
	if err != nil {
		t.Fatal(err)
	}
	m.users.Done()
	if took, counted := int64(after.TotalAlloc-before.TotalAlloc), h.Memory+m.scalingBytes(h)+int64(5*len(file)); took > counted {
		t.Errorf("one takes %d bytes, counted are %d", took, counted)
	}
	var g sync.WaitGroup
	for range 2 {
		g.Go(func() {
			if w := ask(t, s, "POST", "/classify", bytes.NewReader(file)); w.Code != http.StatusOK {
				t.Errorf("beside others: status %d: %s", w.Code, w.Body)
			}
		})
	}
	g.Wait()
	if held := s.Held(); held != 0 {
		t.Errorf("%d bytes are held after all requests", held)
	}
	s = start(t, func(c *Config) { c.Model, c.Memory = s.config.Model, h.Memory })
	wantFailure(t, ask(t, s, "POST", "/classify", bytes.NewReader(file)), http.StatusRequestEntityTooLarge, "a picture of 8660×5774 needs ", "want a smaller picture")
}

// Pictures do not wait for memory that nobody is about to give back.
func TestPictureMemoryFull(t *testing.T) {
	s := start(t, func(c *Config) { c.Model, c.Timeout = saveMobileNet(t), time.Hour })
	held := s.Call(Origin{Endpoint: "test"})
	if err := held.Take(s.config.Memory - 1<<20); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, ask(t, s, "POST", "/classify", bytes.NewReader(photograph(t, 1))), http.StatusTooManyRequests, "too many bytes in requests")
	held.End(t.Context(), nil)
	if w := ask(t, s, "POST", "/classify", bytes.NewReader(photograph(t, 1))); w.Code != http.StatusOK {
		t.Errorf("status %d afterwards: %s", w.Code, w.Body)
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
	for range cap(s.unpackers.places) {
		s.unpackers.places <- struct{}{}
	}
	w := ask(t, s, "POST", "/classify", bytes.NewReader(photograph(t, 1)))
	wantFailure(t, w, http.StatusGatewayTimeout, "no answer within the time allowed")
	if held := s.Held(); held != 0 {
		t.Errorf("%d bytes are held after it", held)
	}
}
