package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"tapenet/infer"
)

// call is a request on its way.
type call struct {
	*http.Request
	server *Server
	w      http.ResponseWriter
	model  *model // nil until it is known
	taken  int64  // bytes of the server's memory
}

// handler answers a call: with a JSON text, unless it sets another Content-Type,
// or with an error that is a *failure unless it is the server's fault.
type handler func(c *call) ([]byte, error)

// answer runs a handler and writes, counts and logs what comes of it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, endpoint string, h handler) {
	begin := time.Now()
	c := &call{Request: r, server: s, w: w}
	defer c.release()
	body, err := c.protected(h)
	f := asFailure(err)
	if f != nil {
		body = mustMarshal(map[string]string{"error": f.message})
	}
	c.write(f, body)
	var p place
	if c.model != nil {
		p = c.model.place
	}
	d := time.Since(begin)
	s.metrics.request(p, endpoint, f, d)
	s.log(r, p, f, d)
}

// protected turns a panic into an error.
func (c *call) protected(h handler) (body []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return h(c)
}

func asFailure(err error) *failure {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return f
	}
	return internal(err)
}

// release gives back what the call holds.
func (c *call) release() {
	if c.model != nil {
		c.model.users.Done()
	}
	c.server.memory.Add(c.taken)
}

func (c *call) write(f *failure, body []byte) {
	status, h := http.StatusOK, c.w.Header()
	if f != nil {
		status = f.status
	}
	switch status {
	case statusDisconnected:
		return
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	}
	if c.server.draining.Load() {
		h.Set("Connection", "close")
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	c.w.Write(body) // an error is that of a client who does not read; nobody else is to know
}

func (s *Server) log(r *http.Request, p place, f *failure, d time.Duration) {
	level := slog.LevelDebug
	switch {
	case f != nil && f.status >= 500:
		level = slog.LevelError
	case f != nil:
		level = slog.LevelInfo
	}
	if !s.config.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", fmt.Sprintf("%.200s", r.URL.Path)), slog.String("client", r.RemoteAddr),
		slog.String("model", p.name), slog.String("version", p.version), slog.Duration("took", d),
	}
	if f != nil {
		attrs = append(attrs, slog.Int("status", f.status), slog.String("kind", f.kind), slog.String("error", f.message))
		if f.cause != nil {
			attrs = append(attrs, slog.String("cause", f.cause.Error()))
		}
	}
	s.config.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// authorize wants the bearer token. It takes the same time for every wrong one.
func (s *Server) authorize(r *http.Request) error {
	if s.config.Token == "" {
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.config.Token))
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return failed(http.StatusUnauthorized, kindToken, "want the header Authorization: Bearer and the server's token")
	}
	return nil
}

// use finds the call's model.
func (c *call) use(name, version string) (err error) {
	c.model, err = c.server.models.acquire(name, version)
	return err
}

// take counts memory that the call is about to allocate, until its end. There
// is no allocation that depends on a request and is not counted, or bounded by
// one that is.
func (c *call) take(n int64) error {
	if most := c.server.config.Memory; n > most-c.taken {
		return tooLarge("the request needs %d bytes of memory, the server has %d for all requests", c.taken+n, most)
	}
	c.taken += n
	if c.server.memory.Add(-n) < 0 {
		return failed(http.StatusTooManyRequests, kindMemory, "too many bytes in requests: try again later")
	}
	return nil
}

// body reads the request's body. Its memory grows with what has come, not with
// what the header announces.
func (c *call) body() ([]byte, error) {
	if e := c.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, failed(http.StatusUnsupportedMediaType, kindInput, "content encoding %.40q, want none", e)
	}
	most := c.server.config.Body
	if c.ContentLength > most {
		return nil, tooLarge("the body has %d bytes, want at most %d", c.ContentLength, most)
	}
	const first = 16 << 10
	size := int64(first)
	if 0 <= c.ContentLength && c.ContentLength < first {
		size = c.ContentLength + 1 // one more shows that nothing follows
	}
	r := http.MaxBytesReader(c.w, c.Body, most)
	text := []byte{}
	for {
		if err := c.take(size); err != nil {
			return nil, err
		}
		text = append(make([]byte, 0, size), text...)
		for len(text) < cap(text) {
			n, err := r.Read(text[len(text):cap(text)])
			text = text[:len(text)+n]
			if err == io.EOF {
				return text, nil
			}
			if err != nil {
				return nil, bodyFailure(err, most)
			}
		}
		size *= 2
	}
}

func bodyFailure(err error, most int64) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge("the body has more than %d bytes", most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(http.StatusRequestTimeout, kindSlow, "the body did not come in time")
	}
	return failed(http.StatusBadRequest, kindSlow, "the body ends early: %v", err)
}

// predict runs images through the call's model.
func (c *call) predict(images [][]float32) ([]infer.Prediction, error) {
	ctx, cancel := context.WithTimeout(c.Context(), c.server.config.Timeout)
	defer cancel()
	predictions, err := c.model.run(ctx, images)
	if err != nil {
		return nil, err
	}
	if !finite(predictions) {
		return nil, notFinite()
	}
	return predictions, nil
}

func notFinite() error {
	return wrongInput("the model's output is not finite: want pixels scaled to 0..1")
}

// mustMarshal is for values that always have a JSON text.
func mustMarshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}
