package serve

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// How an address behaves when it has all the connections that it may have.
const (
	// spares are connections beyond the bound, for probes of the server's health. They
	// get an answer whatever the others do.
	spares = 64

	// patience is how long a client may keep the server waiting, for a request or for
	// the rest of one, before its connection may end in favour of another one. One that
	// has had an answer may take longer to ask again.
	patience      = time.Second
	patienceAgain = 5 * time.Second
)

// connections is a listener that bounds how many connections are open. When another one
// comes, the one whose client has kept the server waiting longest beyond patience gives
// way. If there is none, the new one is a spare; if there are enough of them it waits.
type connections struct {
	net.Listener
	most    int
	metrics *metrics

	mu   sync.Mutex // guards what follows, and the connections' fields
	open map[*connection]struct{}

	end    func() error  // closes the listener, once
	silent chan struct{} // closed when Accept accepts no more
	hush   sync.Once
	closed chan struct{} // when Close is called
	close  sync.Once
}

// connection is one of them. Its requests come one after the other, or by HTTP/2 several
// at a time.
type connection struct {
	net.Conn
	all      *connections
	spare    bool
	waiting  time.Time // since when the server waits for the client
	known    bool      // it has had an answer
	requests int       // that have no answer yet
	whole    int       // those of them that have come whole: the client waits for the server
}

func newConnections(l net.Listener, most int, m *metrics) *connections {
	return &connections{Listener: l, most: most, metrics: m, open: map[*connection]struct{}{}, end: sync.OnceValue(l.Close), silent: make(chan struct{}), closed: make(chan struct{})}
}

// Accept waits for a connection. After quiet it waits for Close.
func (l *connections) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		l.hush.Do(func() { close(l.silent) })
		if isTimeout(err) { // by quiet
			l.end() // a socket that was handed over goes on in other hands
			<-l.closed
			err = net.ErrClosed
		}
		return nil, err
	}
	a := &connection{Conn: c, all: l}
	for !l.add(a) {
		const moment = 5 * time.Millisecond
		select {
		case <-time.After(moment):
		case <-l.closed:
			c.Close()
			return nil, net.ErrClosed
		}
	}
	return a, nil
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// add takes a connection in, if there is a place.
func (l *connections) add(a *connection) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		if gone := l.longest(); gone != nil {
			l.forget(gone)
			l.metrics.closed.Inc()
			gone.Conn.Close() // its request, if there is one, ends with an error of its body
		}
	}
	if len(l.open) >= l.most+spares {
		return false
	}
	a.spare, a.waiting = len(l.open) >= l.most, time.Now()
	l.open[a] = struct{}{}
	l.metrics.connections.Inc()
	return true
}

// longest is the connection whose client's time was over first, nil if there is none. One
// whose client has sent something does not wait for it: on a busy machine nobody may have
// read that yet.
func (l *connections) longest() *connection {
	for {
		var c *connection
		first := time.Now()
		for other := range l.open {
			if over := other.over(); other.whole == 0 && over.Before(first) {
				c, first = other, over
			}
		}
		if c == nil || !pending(c.Conn) {
			return c
		}
		c.waiting = time.Now()
	}
}

// over is when the client's time is over.
func (c *connection) over() time.Time {
	if c.known && c.requests == 0 {
		return c.waiting.Add(patienceAgain)
	}
	return c.waiting.Add(patience)
}

// forget takes a connection off the list, if it is there.
func (l *connections) forget(c *connection) {
	if _, ok := l.open[c]; ok {
		delete(l.open, c)
		l.metrics.connections.Dec()
	}
}

// quiet ends Accept when those that have connected are accepted, which takes a moment.
func (l *connections) quiet() {
	const moment = 20 * time.Millisecond
	if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); !ok || d.SetDeadline(time.Now().Add(moment)) != nil {
		l.end()
	}
}

// used reports whether there is a connection without request that had one, or came, after
// some time.
func (l *connections) used(since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		if c.requests == 0 && c.waiting.After(since) {
			return true
		}
	}
	return false
}

func (l *connections) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.end()
}

func (c *connection) Close() error {
	c.all.mu.Lock()
	c.all.forget(c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// connectionKey is the key of a connection in the contexts of its requests.
type connectionKey struct{}

// withConnection is the context of a connection's requests.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, c)
}
