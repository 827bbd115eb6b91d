package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"tapenet/infer/serve/guard"
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
// nil; requests that take longer than Grace are cut off, which is an error. A connection
// that is used goes on until one answer has told its client that it ends. Serve closes
// the server.
//
// At a loopback address, requests for another host than localhost, a number or one of
// Config.Origins are refused, and everywhere those that pages of other sites send: see
// package guard.
func (s *Server) Serve(ctx context.Context, l net.Listener, also ...Also) error {
	doors := make([]*door, 1+len(also))
	for i, d := range append([]Also{{Listener: l, Handler: s}}, also...) {
		var err error
		if doors[i], err = s.door(d); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx) })
	ended := make(chan error, len(doors))
	for _, d := range doors {
		go func() { ended <- d.accept() }()
	}
	var err error
	select {
	case err = <-ended: // a listener is broken
		for _, d := range doors {
			d.http.Close()
		}
	case <-ctx.Done():
		err = s.drain(doors)
	}
	stop()
	watching.Wait()
	s.Close()
	return err
}

// door is an address, and its server.
type door struct {
	*connections
	http *http.Server
}

func (s *Server) door(d Also) (*door, error) {
	g, err := guard.New(guard.Names(d.Listener.Addr()), s.config.Origins)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	l := newConnections(d.Listener, s.config.Connections, s.metrics)
	return &door{l, s.httpServer(d, s.guarded(g, d.Handler))}, nil
}

// guarded hands requests over to h, unless a page of another site has had them sent, or
// they come by a spare connection and are no probes.
func (s *Server) guarded(g *guard.Guard, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		defer v.end()
		r.Body = v
		if g.Share(w.Header(), r) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		err := g.Check(r)
		switch {
		case err != nil:
			err = failed(guard.Status(err), kindOrigin, "%v", err)
		case v.on.spare && h == s && !strings.HasPrefix(r.URL.Path, health):
			s.discard(v)
			w.Header().Set("Connection", "close")
			err = failed(http.StatusTooManyRequests, kindConnections, "%d connections are open: try again later", s.config.Connections)
		default:
			h.ServeHTTP(w, r)
			return
		}
		s.answer(w, r, "other", func(*call) ([]byte, error) { return nil, err })
	})
}

// httpServer is the server of an address.
func (s *Server) httpServer(d Also, handler http.Handler) *http.Server {
	c := s.config
	h := &http.Server{
		Handler:           handler,
		ConnContext:       withConnection,
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
func (d *door) accept() error {
	if d.http.TLSConfig != nil {
		return d.http.ServeTLS(d.connections, "", "")
	}
	return d.http.Serve(d.connections)
}

// drain ends the addresses' servers when they have answered what they have accepted.
func (s *Server) drain(doors []*door) error {
	s.draining.Store(true)
	s.config.Log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Grace)
	defer cancel()
	errs := make([]error, len(doors))
	var ending sync.WaitGroup
	for i, d := range doors {
		ending.Go(func() {
			d.linger(ctx)
			if err := d.http.Shutdown(ctx); err != nil {
				errs[i] = errors.Join(errors.New("serve: requests were cut off"), err, d.http.Close())
			}
		})
	}
	ending.Wait()
	return errors.Join(errs...)
}

// linger accepts no more and waits for connections that may be used any moment: a request
// that comes just when its connection is closed would be lost. One that is used ends with
// its answer; one that has not been used for a second, now that others end, as Shutdown
// closes it.
func (d *door) linger(ctx context.Context) {
	const second, often = time.Second, 5 * time.Millisecond
	d.quiet()
	select {
	case <-d.silent: // all that were accepted are known
	case <-ctx.Done():
		return
	}
	begin := time.Now()
	for d.used(time.Time{}) && time.Since(begin) < second || d.used(time.Now().Add(-second)) {
		select {
		case <-time.After(often):
		case <-ctx.Done():
			return
		}
	}
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
