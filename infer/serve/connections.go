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
// way. If there is none, the new one is a spare.
type connections struct {
	net.Listener
	most    int
	metrics *metrics

	mu   sync.Mutex // guards what follows, and the connections' fields
	open map[*connection]struct{}

	end    func() error  // closes the listener, once
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
	return &connections{Listener: l, most: most, metrics: m, open: map[*connection]struct{}{}, end: sync.OnceValue(l.Close), closed: make(chan struct{})}
}

// Accept waits for a connection. After quiet it waits for Close.
func (l *connections) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if isTimeout(err) { // by quiet
				l.end() // a socket that was handed over goes on in other hands
				<-l.closed
				err = net.ErrClosed
			}
			return nil, err
		}
		if a := l.add(c); a != nil {
			return a, nil
		}
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// add takes a connection in, or closes it and returns nil: all others, the spares too,
// have requests that have come whole.
func (l *connections) add(c net.Conn) *connection {
	a := &connection{Conn: c, all: l, waiting: time.Now()}
	l.mu.Lock()
	var gone *connection
	full := len(l.open) >= l.most
	if full {
		gone = l.longest(time.Now())
	}
	if a.spare = full && gone == nil; a.spare && len(l.open) >= l.most+spares {
		if gone = l.longest(time.Now().Add(time.Hour)); gone == nil {
			gone = a
		}
	}
	if gone != a {
		l.forget(gone)
		l.open[a] = struct{}{}
		l.metrics.connections.Inc()
	}
	l.mu.Unlock()
	if gone != nil {
		l.metrics.closed.Inc()
		gone.Conn.Close() // its request, if there is one, ends with an error of its body
	}
	if gone == a {
		return nil
	}
	return a
}

// longest is the connection whose client's time was over first, of those whose is over at
// some time. One whose client has sent something does not wait for it: on a busy machine
// nobody may have read that yet.
func (l *connections) longest(at time.Time) *connection {
	for {
		var c *connection
		first := at
		for other := range l.open {
			over := other.waiting.Add(patience)
			if other.known && other.requests == 0 {
				over = other.waiting.Add(patienceAgain)
			}
			if other.whole == 0 && !over.After(first) {
				c, first = other, over
			}
		}
		if c == nil || !pending(c.Conn) {
			return c
		}
		c.waiting = time.Now()
	}
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

// used reports whether there is a connection without request that had one, or came, not
// so long ago.
func (l *connections) used(ago time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	since := time.Now().Add(-ago)
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
