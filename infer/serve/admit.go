package serve

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"tapenet/infer"
)

// Origin says where a request came from, for metrics and logs.
type Origin struct {
	Endpoint string // the name in metrics; the caller's own, never a client's
	Method   string
	Path     string
	Client   string    // its address
	Trace    [16]byte  // see TraceID; zero begins a new trace
	Body     io.Reader // where its body comes from, http.Request.Body; nil if it has none
}

// Call is one request to the server, by whatever protocol it came. It counts the
// memory that the request takes and keeps its model loaded, until End. It belongs to
// one goroutine at a time, but for Take.
type Call struct {
	server *Server
	origin Origin
	begin  time.Time
	model  *model        // nil until it is known
	taken  atomic.Int64  // bytes of the server's memory
	waited time.Duration // for pictures to be unpacked: the more, the less for the rest
}

// Call begins a request.
func (s *Server) Call(o Origin) *Call {
	return &Call{server: s, origin: o, begin: time.Now()}
}

// End counts and logs a request of which err came, nil for success, and gives back
// what it holds.
func (c *Call) End(ctx context.Context, err error) {
	var p place
	if c.model != nil {
		p = c.model.place
	}
	f, d := asFailure(err), time.Since(c.begin)
	c.server.metrics.request(p, c.origin.Endpoint, f, d)
	c.log(ctx, p, f, d)
	c.release()
}

// release gives back what the call holds.
func (c *Call) release() {
	if c.model != nil {
		c.model.users.Done()
		c.model = nil
	}
	c.give(c.taken.Load())
}

func (c *Call) log(ctx context.Context, p place, f *failure, d time.Duration) {
	level := slog.LevelDebug
	switch {
	case f != nil && f.status >= 500:
		level = slog.LevelError
	case f != nil:
		level = slog.LevelInfo
	}
	log := c.server.config.Log
	if !log.Enabled(ctx, level) {
		return
	}
	trace := c.origin.Trace
	if trace == [16]byte{} {
		trace = newTrace()
	}
	attrs := []slog.Attr{
		slog.String("method", c.origin.Method), slog.String("path", fmt.Sprintf("%.200s", c.origin.Path)), slog.String("client", c.origin.Client),
		slog.String("model", p.name), slog.String("version", p.version), slog.Duration("took", d),
		slog.String("trace_id", hex.EncodeToString(trace[:])),
	}
	if f != nil {
		attrs = append(attrs, slog.Int("status", f.status), slog.String("kind", f.kind), slog.String("error", f.message))
		if f.cause != nil {
			attrs = append(attrs, slog.String("cause", f.cause.Error()))
		}
	}
	log.LogAttrs(ctx, level, "request", attrs...)
}

// Authorize wants the bearer token in the value of an Authorization header, if the
// server has one. It takes the same time for every wrong one.
func (s *Server) Authorize(header string) error {
	if s.config.Token == "" {
		return nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.config.Token))
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return failed(http.StatusUnauthorized, kindToken, "want the header Authorization: Bearer and the server's token")
	}
	return nil
}

// use finds the call's model, once.
func (c *Call) use(name, version string) (err error) {
	if c.model == nil {
		c.model, err = c.server.models.acquire(name, version)
	}
	return err
}

// useFree is use for a request whose images are to join the model's queue. If that is full
// it looks once more after a moment, and then refuses the request without a look at its
// body: that would take longer than to say so, and clients that ask again at once would
// keep the server busy with refusals alone.
func (c *call) useFree(name, version string) error {
	const moment = 250 * time.Millisecond
	if err := c.use(name, version); err != nil || c.model.full() == nil {
		return err
	}
	select {
	case <-time.After(moment):
	case <-c.Context().Done():
	}
	err := c.model.full()
	if err != nil {
		c.server.discard(c.Body)
	}
	return err
}

// discard reads a body that nobody looks at: a client that is still sending when its
// connection is closed may not see the answer.
func (s *Server) discard(body io.Reader) { io.CopyN(io.Discard, body, s.config.Body) }

// Take counts memory that the call is about to allocate, until its end. There is no
// allocation that depends on a request and is not counted, or bounded by one that is.
// An error says that the server has no more.
func (c *Call) Take(n int64) error {
	taken := c.taken.Load()
	if most := c.server.config.Memory; n > most-taken {
		return tooLarge("the request needs %d bytes of memory, the server has %d for all requests", taken+n, most)
	}
	for !c.reserve(n) {
		if !c.server.arrivals.giveWay(c.origin.Body) {
			return memoryFull()
		}
	}
	return nil
}

// reserve is Take if there is memory just now.
func (c *Call) reserve(n int64) bool {
	if c.server.memory.Add(-n) < 0 {
		c.server.memory.Add(n)
		return false
	}
	c.taken.Add(n)
	return true
}

func memoryFull() *failure {
	return failed(http.StatusTooManyRequests, kindMemory, "too many bytes in requests: try again later")
}

// give counts memory as free that the call has taken and nobody refers to any more.
func (c *Call) give(n int64) {
	c.taken.Add(-n)
	c.server.memory.Add(n)
}

// slurp reads all that r has; size is how much that should be, less than 0 if unknown.
// The memory grows with what has come, not with what size announces.
func (c *Call) slurp(r io.Reader, size int64) ([]byte, error) {
	const first = 16 << 10
	if size < 0 || size >= first {
		size = first
	} else {
		size++ // one more shows that nothing follows
	}
	text := []byte{}
	for {
		if err := c.Take(size); err != nil {
			return nil, err
		}
		before := int64(cap(text))
		text = append(make([]byte, 0, size), text...)
		c.give(before)
		for len(text) < cap(text) {
			n, err := r.Read(text[len(text):cap(text)])
			text = text[:len(text)+n]
			if err == io.EOF {
				return text, nil
			}
			if err != nil {
				return nil, err
			}
		}
		size *= 2
	}
}

// inTime is ctx until the call has waited as long as it may.
func (c *Call) inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.server.config.Timeout-c.waited)
}

// predict runs images through the call's model.
func (c *Call) predict(ctx context.Context, images [][]float32) ([]infer.Prediction, error) {
	ctx, cancel := c.inTime(ctx)
	defer cancel()
	predictions, err := c.model.run(ctx, images)
	if err != nil {
		return nil, err
	}
	if !finite(predictions) {
		return nil, notFinite()
	}
	return predictions, nil
}

func notFinite() error {
	return wrongInput("the model's output is not finite: want pixels scaled to 0..1")
}

// asRefusal is an error of data: the client's fault, unless it says otherwise.
func asRefusal(err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return wrongInput("data: %v", err)
}
