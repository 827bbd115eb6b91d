package serve

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// endless is a body that comes out of nothing. It counts what is read of it.
type endless struct {
	size int64
	read atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), e.size-e.read.Load()))
	for i := range p[:n] {
		p[i] = '['
	}
	e.read.Add(int64(n))
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

const tenGB = 10 << 30

// TestHugeBody: of ten gigabytes no more is read than a body may have, with or
// without a length in the header.
func TestHugeBody(t *testing.T) {
	s := start(t, func(c *Config) { c.Body = 1 << 20 })
	for _, path := range []string{"/v2/models/cnn/infer", "/v1/models/cnn:predict", "/classify?model=cnn"} {
		for _, announced := range []int64{-1, tenGB, 100} {
			e := &endless{size: tenGB}
			r := httptest.NewRequest("POST", path, e)
			r.ContentLength = announced
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			wantFailure(t, w, http.StatusRequestEntityTooLarge, "bytes")
			if most := int64(1<<20 + 1); e.read.Load() > most || announced == tenGB && e.read.Load() > 0 {
				t.Errorf("%s, length %d: %d bytes were read, want at most %d", path, announced, e.read.Load(), most)
			}
		}
	}
}

// TestHugeBodyConnection is the same over a connection, which ends.
func TestHugeBodyConnection(t *testing.T) {
	s := start(t, func(c *Config) { c.Body = 1 << 20 })
	h := httptest.NewServer(s)
	defer h.Close()
	for _, announced := range []int64{-1, tenGB} {
		e := &endless{size: tenGB}
		r, err := http.NewRequest("POST", h.URL+"/v2/models/cnn/infer", e)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = announced
		answer, err := http.DefaultClient.Do(r)
		if err == nil { // the answer overtook the body
			answer.Body.Close()
			if answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("status %d, want 413", answer.StatusCode)
			}
		}
		if n := e.read.Load(); n > tenGB/2 {
			t.Errorf("%d bytes were taken", n)
		}
	}
	if w := ask(t, s, "GET", "/v2/health/ready", nil); w.Code != http.StatusOK {
		t.Errorf("status %d after it", w.Code)
	}
}

// TestBodyForms: whatever pieces a body comes in, and whatever length was
// announced, it is the same.
func TestBodyForms(t *testing.T) {
	s := start(t, func(*Config) {})
	for _, n := range []int{0, 1, 4095, 16<<10 - 1, 16 << 10, 16<<10 + 1, 100000, 1 << 20} {
		want := bytes.Repeat([]byte("tapenet "), n/8+1)[:n]
		for _, announced := range []int64{-1, int64(n)} {
			for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.HalfReader, iotest.DataErrReader} {
				r := httptest.NewRequest("POST", "/", wrap(bytes.NewReader(want)))
				r.ContentLength = announced
				c := &call{Request: r, Call: s.Call(Origin{}), w: httptest.NewRecorder()}
				got, err := c.body()
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, length %d: got %d bytes and %v", n, announced, len(got), err)
				}
				if c.taken.Load() > 4*int64(n)+64<<10 {
					t.Errorf("%d bytes take %d of the server's memory", n, c.taken.Load())
				}
				c.release()
			}
		}
	}
}

// TestBrokenBody: a client that ends early is told so, if it still listens.
func TestBrokenBody(t *testing.T) {
	s := start(t, func(*Config) {})
	w := ask(t, s, "POST", "/v2/models/cnn/infer", io.MultiReader(strings.NewReader("{"), iotest.ErrReader(errors.New("unplugged"))))
	wantFailure(t, w, http.StatusBadRequest, "the body ends early: unplugged")
}

// TestMemory: bodies of all requests together are bounded.
func TestMemory(t *testing.T) {
	s := start(t, func(c *Config) { c.Memory = 1 << 20; c.Body = 900 << 10 })
	held, release := io.Pipe()
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- ask(t, s, "POST", "/v2/models/cnn/infer", held) }()
	if _, err := release.Write(bytes.Repeat([]byte(" "), 300<<10)); err != nil {
		t.Fatal(err)
	}
	w := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(strings.Repeat(" ", 800<<10)))
	wantFailure(t, w, http.StatusTooManyRequests, "too many bytes in requests")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if _, err := io.WriteString(release, bodyV2(pictures(1)...)); err != nil {
		t.Fatal(err)
	}
	release.Close()
	if w := <-done; w.Code != http.StatusOK {
		t.Errorf("the request that came first: status %d, %s", w.Code, w.Body)
	}
	w = ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(strings.Repeat(" ", 890<<10)))
	wantFailure(t, w, http.StatusRequestEntityTooLarge, "the server has 1048576 for all requests")
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}
