package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listening runs Serve. end ends its context and returns its error.
func listening(t *testing.T, s *Server) (addr string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	end = func() error { cancel(); return <-ended }
	t.Cleanup(cancel)
	return l.Addr().String(), end
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// header begins a request whose body has n bytes.
func header(n int) string {
	return fmt.Sprintf("POST /v2/models/cnn/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", n)
}

// TestShutdown: what was accepted is answered, also what still comes of a body;
// then nobody is accepted.
func TestShutdown(t *testing.T) {
	s, g := gated(t, func(*Config) {})
	addr, end := listening(t, s)
	body := bodyV2(pictures(1)...)
	running, halfway := dial(t, addr), dial(t, addr)
	if _, err := io.WriteString(running, header(len(body))+body); err != nil {
		t.Fatal(err)
	}
	<-g.begun
	if _, err := io.WriteString(halfway, header(len(body))+body[:100]); err != nil {
		t.Fatal(err)
	}
	for s.memory.Load() > s.config.Memory-2*int64(len(body)) { // until the server reads both
		time.Sleep(time.Millisecond)
	}
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	for !s.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	wantFailure(t, ask(t, s, "GET", "/v2/health/ready", nil), http.StatusServiceUnavailable, "the server is shutting down")
	if text := ask(t, s, "GET", "/metrics", nil).Body.String(); !strings.Contains(text, `kind="stopping",model="",version=""} 1`) {
		t.Errorf("no error of kind stopping in %s", text)
	}
	if _, err := io.WriteString(halfway, body[100:]); err != nil {
		t.Fatal(err)
	}
	queued(t, s, 1)
	g.open <- nil
	<-g.begun
	g.open <- nil
	for _, c := range []net.Conn{running, halfway} {
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusOK || !r.Close {
			t.Errorf("status %d, the connection closes: %t; want 200 and true", r.StatusCode, r.Close)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a connection after the end")
	}
}

// TestShutdownGrace: it does not wait for ever.
func TestShutdownGrace(t *testing.T) {
	s := start(t, func(c *Config) { c.Grace = 10 * time.Millisecond })
	addr, end := listening(t, s)
	c := dial(t, addr)
	if _, err := io.WriteString(c, header(1000)+"{"); err != nil {
		t.Fatal(err)
	}
	for s.memory.Load() == s.config.Memory {
		time.Sleep(time.Millisecond)
	}
	if err := end(); err == nil || !strings.Contains(err.Error(), "requests were cut off") {
		t.Errorf("error %v, want one that says so", err)
	}
}

// TestSlowClients: many slow bodies keep nobody from an answer, take no place in
// the queue, and end with status 408.
func TestSlowClients(t *testing.T) {
	s := start(t, func(c *Config) { c.Read = 600 * time.Millisecond; c.Queue = 4; c.Batch = 2 })
	addr, end := listening(t, s)
	slow := make([]net.Conn, 50)
	for i := range slow {
		slow[i] = dial(t, addr)
		if _, err := io.WriteString(slow[i], header(100000)+"{"); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		r, err := http.Post("http://"+addr+"/v2/models/cnn/infer", "application/json", strings.NewReader(bodyV2(pictures(4)...)))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("status %d beside slow clients, want 200", r.StatusCode)
		}
	}
	for _, c := range slow {
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusRequestTimeout {
			t.Errorf("a slow client gets status %d, want 408", r.StatusCode)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestSlowHeader: a header that does not come ends the connection, and so does a
// connection without requests.
func TestSlowHeader(t *testing.T) {
	s := start(t, func(c *Config) { c.Read = 90 * time.Millisecond; c.Idle = 30 * time.Millisecond })
	addr, _ := listening(t, s)
	for _, begin := range []string{"", "GET /v2 HTTP/1.1\r\nHo", "GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		c := dial(t, addr)
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil { // until the server closes it
			t.Errorf("%q: %v", begin, err)
		}
	}
}

// TestLargeHeader: a header is bounded too.
func TestLargeHeader(t *testing.T) {
	addr, _ := listening(t, start(t, func(*Config) {}))
	c := dial(t, addr)
	go io.WriteString(c, "GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: "+strings.Repeat("a", 1<<20)+"\r\n\r\n") // fails when the server hangs up
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", r.StatusCode)
	}
}

// TestWatch: a served folder is looked at now and then.
func TestWatch(t *testing.T) {
	dir := folder(t)
	s := start(t, func(c *Config) { c.Models = dir; c.Reload = time.Millisecond })
	_, end := listening(t, s)
	save(t, filepath.Join(dir, "new"), "lenet5", 4)
	for ask(t, s, "GET", "/v2/models/new/ready", nil).Code != http.StatusOK {
		time.Sleep(time.Millisecond)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestServeBrokenListener: Serve returns what is wrong with it.
func TestServeBrokenListener(t *testing.T) {
	s := start(t, func(*Config) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(t.Context(), l); err == nil {
		t.Error("no error")
	}
}

// TestToken: without the token there are only /v2/health and the page, which asks
// for it.
func TestToken(t *testing.T) {
	s := start(t, func(c *Config) { c.Token = "secret" })
	for _, path := range []string{"/none", "/v2", "/explain", "/v2/models/cnn", "/v1/models/cnn", "/metrics"} {
		for header, ok := range map[string]bool{
			"": false, "secret": false, "Bearer": false, "Bearer ": false, "Bearer secre": false, "Bearer secret1": false, "Basic secret": false, "Bearer secret": true, "bearer secret": true,
		} {
			w := ask(t, s, "GET", path, nil, "Authorization", header)
			if ok && path != "/none" && w.Code != http.StatusOK || ok && path == "/none" && w.Code != http.StatusNotFound {
				t.Errorf("%s with %q: status %d", path, header, w.Code)
			}
			if !ok {
				wantFailure(t, w, http.StatusUnauthorized, "want the header Authorization: Bearer")
				if w.Header().Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
				}
			}
		}
	}
	e := &endless{size: tenGB}
	r := httptest.NewRequest("POST", "/v2/models/cnn/infer", e)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	wantFailure(t, w, http.StatusUnauthorized)
	if n := e.read.Load(); n > 0 {
		t.Errorf("%d bytes of a stranger's body were read", n)
	}
	for _, path := range []string{"/v2/health/live", "/v2/health/ready", "/", "/style.css", "/app.js"} {
		if w := ask(t, s, "GET", path, nil); w.Code != http.StatusOK {
			t.Errorf("%s: status %d, want 200", path, w.Code)
		}
	}
}
