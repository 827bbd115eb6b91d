package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
)

// call is a request on its way by HTTP.
type call struct {
	*http.Request
	*Call
	w http.ResponseWriter
}

// handler answers a call: with a JSON text, unless it sets another Content-Type,
// or with an error that is a *failure unless it is the server's fault.
type handler func(c *call) ([]byte, error)

// answer runs a handler and writes, counts and logs what comes of it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, endpoint string, h handler) {
	c := &call{Request: r, Call: s.Call(Origin{endpoint, r.Method, r.URL.Path, r.RemoteAddr, TraceID(r.Header), r.Body}), w: w}
	body, err := c.protected(h)
	defer func() { c.End(r.Context(), err) }()
	f := asFailure(err)
	if f != nil {
		body = mustMarshal(map[string]string{"error": f.message})
	}
	c.write(f, body)
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
	if h.Get("Content-Type") == "" || f != nil {
		h.Set("Content-Type", "application/json")
	}
	body = c.packed(body)
	if v, ok := c.Body.(*visit); ok {
		v.answers()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	c.w.Write(body) // an error is that of a client who does not read; nobody else is to know
}

// body reads the request's body, unpacked.
func (c *call) body() ([]byte, error) {
	r, err := c.source()
	if err != nil {
		return nil, err
	}
	size := int64(-1)
	if c.Header.Get("Content-Encoding") == "" {
		size = c.ContentLength
	}
	return c.slurp(r, size)
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
