package serve

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestOtherSites: what a page of another site has a browser send is refused, at all
// addresses; that of a given origin may ask and read.
func TestOtherSites(t *testing.T) {
	s := start(t, func(c *Config) { c.Origins = []string{"https://app.example"} })
	addr, _ := listening(t, s)
	body := bodyV2(pictures(1)...)
	const path = "/v2/models/cnn/infer"
	for _, tt := range []struct {
		method, path, host string
		headers            map[string]string
		status             int
	}{
		{"POST", path, "", nil, 200},
		{"POST", path, "localhost:1234", nil, 200},
		{"POST", path, "app.example", map[string]string{"Origin": "https://app.example"}, 200},
		{"POST", path, "", map[string]string{"Origin": "https://app.example"}, 200},
		{"OPTIONS", path, "", map[string]string{"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}, 204},
		{"POST", path, "evil.example", nil, 421},
		{"GET", "/", "evil.example", nil, 421},
		{"GET", "/metrics", "evil.example", nil, 421},
		{"GET", "/v2/health/live", "evil.example", nil, 421},
		{"POST", path, "", map[string]string{"Origin": "https://evil.example", "Content-Type": "text/plain"}, 403},
		{"POST", "/explain", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"OPTIONS", path, "", map[string]string{"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, 405},
	} {
		r, err := http.NewRequest(tt.method, "http://"+addr+tt.path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tt.host
		for k, v := range tt.headers {
			r.Header.Set(k, v)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != tt.status {
			t.Errorf("%s %s for host %q with %v: status %d, want %d", tt.method, tt.path, tt.host, tt.headers, answer.StatusCode, tt.status)
		}
		given := tt.headers["Origin"] == "https://app.example"
		if got := answer.Header.Get("Access-Control-Allow-Origin"); (got != "") != given {
			t.Errorf("%s %s with %v: Access-Control-Allow-Origin %q", tt.method, tt.path, tt.headers, got)
		}
	}
	if _, err := New(Config{Model: s.config.Models + "/cnn", Origins: []string{"example.com"}}); err == nil || !strings.Contains(err.Error(), "want a scheme and a host") {
		t.Errorf("an origin without scheme: error %v", err)
	}
}

// nowhere is a listener without connections.
type nowhere struct{ net.Listener }

// add adds a connection that has waited for its client for a while.
func add(l *connections, waited time.Duration) *connection {
	c, _ := net.Pipe()
	a := &connection{Conn: c, all: l}
	if !l.add(a) {
		return nil
	}
	a.waiting = time.Now().Add(-waited)
	return a
}

// ended reports whether a connection is closed.
func ended(c *connection) bool {
	c.Conn.SetReadDeadline(time.Now())
	_, err := c.Conn.Read(make([]byte, 1))
	return errors.Is(err, io.ErrClosedPipe)
}

// TestConnections: of too many connections the one that has waited for its client longest
// gives way; those whose clients wait, or have some time left, do not. Without one there
// are spares.
func TestConnections(t *testing.T) {
	l := newConnections(nowhere{}, 4, newMetrics())
	fresh, known, slow, whole := add(l, 0), add(l, 3*time.Second), add(l, 2*time.Second), add(l, time.Hour)
	known.known, whole.whole = true, 1
	a := add(l, 0)
	if a == nil || a.spare || !ended(slow) || ended(fresh) || ended(known) || ended(whole) || len(l.open) != 4 {
		t.Errorf("connection %+v, %d open; want it in the place of the slow one", a, len(l.open))
	}
	var all []*connection
	for range spares {
		all = append(all, add(l, 0))
		if a := all[len(all)-1]; a == nil || !a.spare {
			t.Fatalf("connection %+v beside %d that are not over, want a spare", a, l.most)
		}
	}
	if a := add(l, 0); a != nil {
		t.Errorf("connection %+v beside spares that are not over, want none", a)
	}
	all[0].waiting = time.Now().Add(-patience)
	if a := add(l, 0); a == nil || !a.spare || !ended(all[0]) || len(l.open) != l.most+spares {
		t.Errorf("connection %+v, want one in the place of the first spare", a)
	}
	for c := range l.open {
		c.Close()
		c.Close()
	}
	if len(l.open) != 0 {
		t.Errorf("%d connections, want none", len(l.open))
	}
}

// TestProbes: probes are answered whatever the other connections do; who comes beside
// them is told to try again.
func TestProbes(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Connections = 2 })
	addr, end := listening(t, s)
	body := bodyV2(pictures(1)...)
	working := []net.Conn{dial(t, addr), dial(t, addr)}
	for _, c := range working {
		if _, err := io.WriteString(c, header(len(body))+body); err != nil {
			t.Fatal(err)
		}
	}
	<-g.begun
	queued(t, s, 1)
	for range 3 { // each by a connection of its own
		r, text := once(t, addr, "GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if r.StatusCode != http.StatusOK {
			t.Errorf("a probe's status %d %s, want 200", r.StatusCode, text)
		}
		r, text = once(t, addr, header(len(body))+body)
		if r.StatusCode != http.StatusTooManyRequests || !r.Close || !strings.Contains(text, "2 connections are open: try again later") {
			t.Errorf("status %d %s, the connection closes: %t, want 429 that says so, and true", r.StatusCode, text, r.Close)
		}
	}
	g.open <- nil
	<-g.begun
	g.open <- nil
	for _, c := range working {
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Errorf("a request that had come whole: %v, %v, want status 200", r, err)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// once sends a request by a connection of its own and returns the answer.
func once(t *testing.T, addr, request string) (r *http.Response, text string) {
	t.Helper()
	c := dial(t, addr)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(b)
}

// TestIdleGivesWay: connections that nobody uses keep nobody away, nor do those whose
// requests do not come.
func TestIdleGivesWay(t *testing.T) {
	s := start(t, func(c *Config) { c.Connections = 4 })
	addr, end := listening(t, s)
	for _, begin := range []string{"", "GET /v2 HTTP/1.1\r\nHo", header(1000) + "{", "GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		if _, err := io.WriteString(dial(t, addr), begin); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(patienceAgain + 100*time.Millisecond)
	for range 4 {
		if r, text := once(t, addr, "GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n"); r.StatusCode != http.StatusOK {
			t.Errorf("status %d %s, want 200", r.StatusCode, text)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestMemoryGivesWay: bodies that do not come take no memory from those that do.
func TestMemoryGivesWay(t *testing.T) {
	body := bodyV2(pictures(8)...)
	each := int64(16 << 10) // what is held for one of them, see slurp
	for each < int64(len(body)) {
		each *= 2
	}
	s := start(t, func(c *Config) { c.Memory = 4*each + each/2 })
	addr, end := listening(t, s)
	slow := make([]net.Conn, 4)
	for i := range slow {
		slow[i] = dial(t, addr)
		if _, err := io.WriteString(slow[i], header(len(body))+body[:len(body)-1]); err != nil {
			t.Fatal(err)
		}
		for s.Held() != int64(i+1)*each {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(patience + 100*time.Millisecond)
	if r, text := once(t, addr, header(len(body))+body); r.StatusCode != http.StatusOK {
		t.Errorf("status %d %s beside %d bodies that do not come, want 200", r.StatusCode, text, len(slow))
	}
	if text := ask(t, s, "GET", "/metrics", nil).Body.String(); !strings.Contains(text, `kind="slow_body"`) {
		t.Error("no body has given way")
	}
	for _, c := range slow {
		c.Close()
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestShutdownKept: no request is lost by a connection that is used all the time: one of
// its answers says that it ends.
func TestShutdownKept(t *testing.T) {
	s := start(t, func(*Config) {})
	addr, end := listening(t, s)
	body := bodyV2(pictures(1)...)
	var clients sync.WaitGroup
	running := make(chan struct{}, 8)
	for range cap(running) {
		clients.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for n := 0; ; n++ {
				if n == 3 {
					running <- struct{}{}
				}
				answer, err := exchange(c, r, header(len(body))+body)
				if err != nil {
					t.Errorf("request %d: %v", n, err)
					return
				}
				if answer.StatusCode != http.StatusOK {
					t.Errorf("request %d: status %d", n, answer.StatusCode)
				}
				if answer.Close {
					return
				}
				time.Sleep(time.Duration(n%7) * time.Millisecond)
			}
		})
	}
	for range cap(running) {
		<-running
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	clients.Wait()
}

// exchange sends a request by a connection and reads the answer.
func exchange(c net.Conn, r *bufio.Reader, request string) (*http.Response, error) {
	if _, err := io.WriteString(c, request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer, err
}

// TestQuiet: after quiet those are accepted who had connected before, and nobody else.
func TestQuiet(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newConnections(tcp, 10, newMetrics())
	dial(t, tcp.Addr().String())
	dial(t, tcp.Addr().String())
	l.quiet()
	for range 2 {
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { _, err := l.Accept(); ended <- err }()
	select {
	case err := <-ended:
		t.Errorf("Accept ends with %v before Close", err)
	case <-time.After(100 * time.Millisecond):
	}
	if c, err := net.Dial("tcp", tcp.Addr().String()); err == nil {
		c.Close()
		t.Error("a connection after quiet")
	}
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept ends with %v, want net.ErrClosed", err)
	}
}

// TestRefusedBody: a client that sends a large body and reads then gets to see that the
// server has too much to do.
func TestRefusedBody(t *testing.T) {
	s, g := gated(t, func(c *Config) { c.Queue = 1; c.Batch = 1 })
	addr, _ := listening(t, s)
	first := send(t, s, 1)
	<-g.begun
	second := send(t, s, 1)
	queued(t, s, 1)
	large := strings.Repeat(" ", 8<<20)
	if r, text := once(t, addr, header(len(large))+large); r.StatusCode != http.StatusTooManyRequests {
		t.Errorf("status %d %s, want 429", r.StatusCode, text)
	}
	g.open <- nil
	<-g.begun
	g.open <- nil
	<-first
	<-second
}
