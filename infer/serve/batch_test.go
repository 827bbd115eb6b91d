package serve

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tapenet/infer"
)

// gate holds batches back: each of them sends its size to begun and then waits
// for a value from open. Loading is not held back.
type gate struct {
	begun chan int
	open  chan error
	armed chan struct{} // closed when the server is loaded
}

func newGate() *gate {
	return &gate{begun: make(chan int), open: make(chan error), armed: make(chan struct{})}
}

func (g *gate) wrap(predict predictFunc) predictFunc {
	return func(images [][]float32) ([]infer.Prediction, error) {
		select {
		case <-g.armed:
		default:
			return predict(images)
		}
		g.begun <- len(images)
		if err := <-g.open; err != nil {
			return nil, err
		}
		return predict(images)
	}
}

// gated starts a server with a gate.
func gated(t *testing.T, change func(*Config)) (*Server, *gate) {
	t.Helper()
	g := newGate()
	s := start(t, func(c *Config) { c.wrap = g.wrap; change(c) })
	close(g.armed)
	return s, g
}

// send asks for a prediction of n images, in the background.
func send(t *testing.T, s *Server, n int) <-chan *httptest.ResponseRecorder {
	done := make(chan *httptest.ResponseRecorder, 1)
	body := bodyV2(pictures(n)...)
	go func() { done <- ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(body)) }()
	return done
}

// queued waits until n images wait.
func queued(t *testing.T, s *Server, n int64) {
	t.Helper()
	m, err := s.models.acquire("cnn", "")
	if err != nil {
		t.Fatal(err)
	}
	defer m.users.Done()
	for m.waiting.Load() != n {
		time.Sleep(time.Millisecond)
	}
}

// TestBatches: what comes while a batch runs is the next one, up to its limit;
// large requests are divided.
func TestBatches(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Batch = 8 })
	answers := []<-chan *httptest.ResponseRecorder{send(t, s, 1)}
	if n := <-g.begun; n != 1 {
		t.Errorf("the first batch has %d images, want 1", n)
	}
	for range 5 {
		answers = append(answers, send(t, s, 1))
	}
	queued(t, s, 5)
	answers = append(answers, send(t, s, 13))
	queued(t, s, 18)
	g.open <- nil
	for _, want := range []int{8, 8, 2} {
		if n := <-g.begun; n != want {
			t.Errorf("a batch has %d images, want %d", n, want)
		}
		g.open <- nil
	}
	for _, a := range answers {
		if w := <-a; w.Code != http.StatusOK {
			t.Errorf("status %d, %s", w.Code, w.Body)
		}
	}
}

// TestBatchWait: with a wait, an image waits for others.
func TestBatchWait(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Batch = 3; c.Wait = time.Hour; c.Timeout = time.Hour })
	a, b := send(t, s, 1), send(t, s, 2)
	if n := <-g.begun; n != 3 {
		t.Errorf("a batch of %d images, want 3", n)
	}
	g.open <- nil
	for _, answer := range []<-chan *httptest.ResponseRecorder{a, b} {
		if w := <-answer; w.Code != http.StatusOK {
			t.Errorf("status %d, %s", w.Code, w.Body)
		}
	}
}

// TestBatchWaitEnds: but not for ever.
func TestBatchWaitEnds(t *testing.T) {
	s := start(t, func(c *Config) { c.Batch = 3; c.Wait = time.Millisecond })
	if w := <-send(t, s, 1); w.Code != http.StatusOK {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

func TestQueueFull(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Queue = 4 })
	first := send(t, s, 1)
	<-g.begun
	waiting := send(t, s, 3)
	queued(t, s, 3)
	w := <-send(t, s, 2)
	wantFailure(t, w, http.StatusTooManyRequests, "the queue of 4 images is full: try again later")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	last := send(t, s, 1)
	queued(t, s, 4)
	g.open <- nil
	<-g.begun
	g.open <- nil
	for _, a := range []<-chan *httptest.ResponseRecorder{first, waiting, last} {
		if w := <-a; w.Code != http.StatusOK {
			t.Errorf("status %d, %s", w.Code, w.Body)
		}
	}
}

// TestDeadline: a request that waits too long is answered, and not run later.
func TestDeadline(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Timeout = 20 * time.Millisecond })
	first := send(t, s, 1)
	<-g.begun
	second := send(t, s, 1)
	wantFailure(t, <-second, http.StatusGatewayTimeout, "no answer within the time allowed")
	wantFailure(t, <-first, http.StatusGatewayTimeout, "no answer within the time allowed")
	third := send(t, s, 5)
	queued(t, s, 6) // with the second, which waits in vain
	go func() { g.open <- nil }()
	select {
	case n := <-g.begun: // the third, if it is still wanted; never with the second
		if n != 5 {
			t.Errorf("a batch of %d images, want 5", n)
		}
		g.open <- nil
	case w := <-third:
		wantFailure(t, w, http.StatusGatewayTimeout)
	}
}

// TestDisconnected: nothing is run for a client that went away.
func TestDisconnected(t *testing.T) {
	s, g := gated(t, func(*Config) {})
	first := send(t, s, 1)
	<-g.begun
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		r := httptest.NewRequestWithContext(ctx, "POST", "/v2/models/cnn/infer", strings.NewReader(bodyV2(pictures(2)...)))
		s.ServeHTTP(httptest.NewRecorder(), r)
		close(gone)
	}()
	queued(t, s, 2)
	cancel()
	<-gone
	last := send(t, s, 1)
	queued(t, s, 3)
	g.open <- nil
	if n := <-g.begun; n != 1 {
		t.Errorf("a batch of %d images, want 1", n)
	}
	g.open <- nil
	for _, a := range []<-chan *httptest.ResponseRecorder{first, last} {
		if w := <-a; w.Code != http.StatusOK {
			t.Errorf("status %d, %s", w.Code, w.Body)
		}
	}
}

// TestInternalError: an error or a panic of the network is the server's fault.
// It goes on, and the client does not see what it was.
func TestInternalError(t *testing.T) {
	var mu sync.Mutex
	var fail func()
	s := start(t, func(c *Config) {
		c.wrap = func(predict predictFunc) predictFunc {
			return func(images [][]float32) ([]infer.Prediction, error) {
				mu.Lock()
				defer mu.Unlock()
				if fail != nil {
					fail()
					return nil, errors.New("secret")
				}
				return predict(images)
			}
		}
	})
	for _, f := range []func(){func() {}, func() { panic("secret") }} {
		mu.Lock()
		fail = f
		mu.Unlock()
		w := <-send(t, s, 1)
		wantFailure(t, w, http.StatusInternalServerError, "internal error")
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("the client is told %s", w.Body)
		}
	}
	mu.Lock()
	fail = nil
	mu.Unlock()
	if w := <-send(t, s, 1); w.Code != http.StatusOK {
		t.Errorf("status %d afterwards, %s", w.Code, w.Body)
	}
}

// TestOutputNotFinite: JSON has no NaN; a network that makes one of an image
// refuses it.
func TestOutputNotFinite(t *testing.T) {
	loading := true
	s := start(t, func(c *Config) {
		c.wrap = func(predict predictFunc) predictFunc {
			return func(images [][]float32) ([]infer.Prediction, error) {
				p, err := predict(images)
				if !loading {
					p[0].Probabilities[3] = float32(math.NaN())
				}
				return p, err
			}
		}
	})
	loading = false
	wantFailure(t, <-send(t, s, 1), http.StatusBadRequest, "the model's output is not finite")
}

// TestPanicInHandler: one request's bug is not the others'.
func TestPanicInHandler(t *testing.T) {
	s := start(t, func(*Config) {})
	w := httptest.NewRecorder()
	s.answer(w, httptest.NewRequest("GET", "/", nil), "other", func(*call) ([]byte, error) { panic("oh") })
	wantFailure(t, w, http.StatusInternalServerError, "internal error")
}
