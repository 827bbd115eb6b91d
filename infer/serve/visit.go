package serve

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// visit is a request on its connection, and the request's body. It knows whether the
// server waits for the client or the client for the server.
type visit struct {
	body   io.ReadCloser
	on     *connection
	server *Server
	left   int64  // bytes of the body that are to come; less than 0 if that is unknown
	stop   func() // ends the reading of the body
	begin  time.Time
	ended  chan struct{}
	came   bool // the body has come whole, and is not answered; guarded by the connection's mutex
}

// visit begins a request on one of the connections of Serve.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) *visit {
	c := r.Context().Value(connectionKey{}).(*connection)
	v := &visit{body: r.Body, on: c, server: s, left: r.ContentLength, begin: time.Now(), ended: make(chan struct{})}
	v.stop = func() { http.NewResponseController(w).SetReadDeadline(v.begin) } // which is over
	c.all.mu.Lock()
	c.requests++
	c.waiting = v.begin
	c.all.mu.Unlock()
	if v.left == 0 {
		v.whole()
	} else {
		s.arrivals.add(v)
	}
	return v
}

// Read reads the request's body.
func (v *visit) Read(p []byte) (int, error) {
	n, err := v.body.Read(p)
	if v.left > 0 {
		v.left -= int64(n)
	}
	if err == io.EOF || v.left == 0 {
		v.whole()
	}
	return n, err
}

func (v *visit) Close() error { return v.body.Close() }

// whole notes that the request has come whole: its client waits now.
func (v *visit) whole() {
	v.on.all.mu.Lock()
	if !v.came {
		v.came = true
		v.on.whole++
	}
	v.on.all.mu.Unlock()
	v.server.arrivals.remove(v)
}

// answers notes that the answer is there: the server waits until the client takes it.
func (v *visit) answers() {
	v.on.all.mu.Lock()
	defer v.on.all.mu.Unlock()
	v.answered()
}

func (v *visit) answered() {
	if v.came {
		v.came = false
		v.on.whole--
	}
	v.on.waiting = time.Now()
}

// end ends the request.
func (v *visit) end() {
	v.server.arrivals.remove(v)
	v.on.all.mu.Lock()
	v.answered()
	v.on.requests--
	v.on.known = true
	v.on.all.mu.Unlock()
	close(v.ended)
}

// arrivals are the requests whose bodies are still coming. One that has been coming for
// longer than patience gives way when another needs its memory.
type arrivals struct {
	mu  sync.Mutex
	all map[*visit]struct{}
}

func (a *arrivals) add(v *visit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[*visit]struct{}{}
	}
	a.all[v] = struct{}{}
}

func (a *arrivals) remove(v *visit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.all, v)
}

// giveWay ends the request that has been coming longest, and waits until it has given
// back what it holds. It reports whether there was one, other than the one that asks.
func (a *arrivals) giveWay(asks io.Reader) bool {
	a.mu.Lock()
	var longest *visit
	since := time.Now().Add(-patience)
	for v := range a.all {
		if v.begin.Before(since) {
			longest, since = v, v.begin
		}
	}
	if longest == nil || longest == asks {
		a.mu.Unlock()
		return false
	}
	delete(a.all, longest)
	a.mu.Unlock()
	longest.stop()
	select {
	case <-longest.ended:
	case <-time.After(patience): // it does something else than reading
	}
	return true
}
