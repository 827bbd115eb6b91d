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

// Serve answers the requests of a listener until ctx ends. It then accepts no
// more, finishes those that it has accepted, and returns nil; requests that take
// longer than Grace are cut off, which is an error. It closes the server.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	c := s.config
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: c.Read / 3,
		ReadTimeout:       c.Read,
		WriteTimeout:      c.Read + c.Timeout + c.Read, // from the header on: reading, waiting, and then as long for the answer
		IdleTimeout:       c.Idle,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
	}
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx) })
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(newLimited(l, c.Connections)) }()
	var err error
	select {
	case err = <-ended: // the listener is broken
	case <-ctx.Done():
		err = s.drain(h)
	}
	stop()
	watching.Wait()
	s.Close()
	return err
}

// drain ends an HTTP server when it has answered what it has accepted.
func (s *Server) drain(h *http.Server) error {
	s.draining.Store(true)
	s.config.Log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Grace)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		return errors.Join(errors.New("serve: requests were cut off"), err, h.Close())
	}
	return nil
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
