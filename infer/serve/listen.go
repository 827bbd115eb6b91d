package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Also is another address of a server: requests that come to Listener are Handler's,
// within the server's bounds. Handler answers gRPC, for example, or operators.
type Also struct {
	Listener net.Listener
	Handler  http.Handler
	HTTP2    bool // HTTP/2 alone, without TLS too, as clients of gRPC speak it; else HTTP/1, and 2 if there is TLS
}

// Serve answers the requests of a listener until ctx ends, over TLS if the server has a
// certificate. It then accepts no more, finishes those that it has accepted, and returns
// nil; requests that take longer than Grace are cut off, which is an error. It closes
// the server.
func (s *Server) Serve(ctx context.Context, l net.Listener, also ...Also) error {
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx) })
	doors := append([]Also{{Listener: l, Handler: s}}, also...)
	servers := make([]*http.Server, len(doors))
	ended := make(chan error, len(doors))
	for i, d := range doors {
		servers[i] = s.httpServer(d)
		go func() { ended <- s.accept(servers[i], d) }()
	}
	var err error
	select {
	case err = <-ended: // a listener is broken
		for _, h := range servers {
			h.Close()
		}
	case <-ctx.Done():
		err = s.drain(servers)
	}
	stop()
	watching.Wait()
	s.Close()
	return err
}

// httpServer is the server of an address.
func (s *Server) httpServer(d Also) *http.Server {
	c := s.config
	h := &http.Server{
		Handler:           d.Handler,
		ReadHeaderTimeout: c.Read / 3,
		ReadTimeout:       c.Read,
		WriteTimeout:      c.Read + c.Timeout + c.Read, // from the header on: reading, waiting, and then as long for the answer
		IdleTimeout:       c.Idle,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          c.Streams,
			MaxReadFrameSize:              64 << 10,
			MaxDecoderHeaderTableSize:     4 << 10,
			MaxEncoderHeaderTableSize:     4 << 10,
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     256 << 10,
			SendPingTimeout:               c.Idle / 2, // a client that is gone is noticed
			PingTimeout:                   c.Read,
			WriteByteTimeout:              c.Read,
		},
	}
	h.Protocols.SetHTTP1(!d.HTTP2)
	if s.certificate != nil {
		h.TLSConfig = s.certificate.tls()
		h.Protocols.SetHTTP2(true)
	} else {
		h.Protocols.SetUnencryptedHTTP2(d.HTTP2)
	}
	return h
}

// accept answers the requests of an address.
func (s *Server) accept(h *http.Server, d Also) error {
	l := newLimited(d.Listener, s.config.Connections)
	if s.certificate != nil {
		return h.ServeTLS(l, "", "")
	}
	return h.Serve(l)
}

// drain ends HTTP servers when they have answered what they have accepted.
func (s *Server) drain(servers []*http.Server) error {
	s.draining.Store(true)
	s.config.Log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Grace)
	defer cancel()
	errs := make([]error, len(servers))
	var ending sync.WaitGroup
	for i, h := range servers {
		ending.Go(func() {
			if err := h.Shutdown(ctx); err != nil {
				errs[i] = errors.Join(errors.New("serve: requests were cut off"), err, h.Close())
			}
		})
	}
	ending.Wait()
	return errors.Join(errs...)
}

// watch reloads models now and then.
func (s *Server) watch(ctx context.Context) {
	if s.config.Reload < 0 {
		return
	}
	t := time.NewTicker(s.config.Reload)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.Reload() // it logs what is wrong
		case <-ctx.Done():
			return
		}
	}
}

// limited is a listener that accepts a connection only when fewer than so many
// are open.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	close  sync.Once
}

func newLimited(l net.Listener, n int) *limited {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &connection{Conn: c, slots: l.slots}, nil
}

func (l *limited) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// connection gives its slot back when it is closed.
type connection struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

func (c *connection) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.slots })
	return err
}
