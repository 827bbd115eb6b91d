package grpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tapenet/infer/serve"
)

// request is a request on its way. It is its own body, whose bytes it counts.
//
// gRPC runs a method on a goroutine of its own, which goes on when the client has gone
// and ServeHTTP has ended: the last of the two ends the call.
type request struct {
	*serve.Call
	body io.ReadCloser
	lost error       // why reading the body has ended, if not with its end
	read atomic.Bool // the message is there, whole and sound

	mu      sync.Mutex
	running bool  // a method has begun
	left    bool  // ServeHTTP has ended
	err     error // what came of the method, or of what was before it
}

type requestKey struct{}

// of finds the request of a method's context.
func of(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// methodHandler is the type of a method's handler.
type methodHandler = func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error)

// attended is a method that begins and ends its request. A panic is an error.
func attended(method methodHandler) methodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (out any, err error) {
		c := of(ctx)
		if !c.enter() {
			return nil, status.Error(codes.Canceled, "the client went away")
		}
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
			if err = c.finish(ctx, err); err != nil {
				out = nil
			}
		}()
		return method(srv, ctx, func(message any) error {
			err := decode(message)
			c.read.Store(err == nil)
			return err
		}, nil)
	}
}

// enter begins a method, unless nobody waits for it any more.
func (c *request) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = !c.left
	return c.running
}

// finish ends a method. It returns its error as gRPC sends it.
func (c *request) finish(ctx context.Context, err error) error {
	if s, ok := status.FromError(err); ok && err != nil { // of gRPC itself, about the message
		if err = refusal(s); c.lost != nil {
			err = c.lost
		}
		if ctx.Err() == context.Canceled {
			err = serve.Refused(499, "the client went away")
		}
	}
	c.mu.Lock()
	c.running, c.err = false, err
	left := c.left
	c.mu.Unlock()
	if left {
		c.End(ctx, err)
	}
	if err == nil {
		return nil
	}
	return statusError(err)
}

// leave ends ServeHTTP, which has answered with the header h.
func (c *request) leave(ctx context.Context, h http.Header) {
	c.mu.Lock()
	c.left = true
	running := c.running
	c.mu.Unlock()
	if running {
		return
	}
	if code, err := strconv.Atoi(h.Get("Grpc-Status")); c.err == nil && err == nil && code != 0 {
		c.err = refusal(status.New(codes.Code(code), h.Get("Grpc-Message"))) // no method was called
	}
	c.End(ctx, c.err)
}

// refusal is an error of gRPC itself, about what the client has sent.
func refusal(s *status.Status) error {
	switch s.Code() {
	case codes.ResourceExhausted:
		return serve.Refused(http.StatusRequestEntityTooLarge, s.Message())
	case codes.Unimplemented:
		return serve.Refused(http.StatusNotFound, s.Message())
	case codes.DeadlineExceeded:
		return serve.Refused(http.StatusGatewayTimeout, s.Message())
	case codes.Canceled:
		return serve.Refused(499, s.Message())
	}
	return serve.Refused(http.StatusBadRequest, s.Message())
}

// Read fills p, unless the body ends before: gRPC keeps p whatever it holds, and many
// of a byte each would take much more memory than is counted.
func (c *request) Read(p []byte) (int, error) {
	if c.lost != nil {
		return 0, c.lost
	}
	if err := c.Take(int64(len(p))); err != nil {
		c.lost = err
		return 0, err
	}
	n, err := io.ReadFull(c.body, p)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.lost = serve.Refused(http.StatusRequestTimeout, "the message did not come in time")
	}
	return n, err
}

func (c *request) Close() error { return c.body.Close() }
