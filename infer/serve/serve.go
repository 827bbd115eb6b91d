// Package serve answers HTTP requests with trained networks.
//
//	s, err := serve.New(serve.Config{Model: "runs/cnn"})
//	l, err := net.Listen("tcp", "127.0.0.1:8080")
//	err = s.Serve(ctx, l) // until ctx ends and what was accepted is answered
//
// It speaks the Open Inference Protocol V2 over REST, as KServe and Triton do, with
// tensors in JSON or as bytes, TensorFlow Serving's predict, and takes pictures;
// /metrics is for Prometheus, and log lines carry the trace of W3C's traceparent.
// Package infer/serve/grpc has the protocol over gRPC, Server.Infer in Go.
// Images of concurrent requests run through the network together. Models are
// replaced while requests go on.
//
// A Server is an http.Handler too, for use in another server. That one then
// sees to the timeouts and the number of connections.
package serve

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tapenet/graph/memory"
	"tapenet/graph/raster"
	"tapenet/infer"
	"tapenet/infer/serve/guard"
)

// Config says what to serve and within which bounds. One of Model and Models is
// needed; every other field has a default.
type Config struct {
	// Model is the folder of a run, as in runs/cnn, or a model file. Models is a
	// folder of such folders. Their names are the models'. Sub-folders of a
	// model's that have numbers for names are its versions; without them it has
	// one, number 1.
	Model, Models string

	// Name is Model's name; "" is that of its folder or file.
	Name string

	// Load reads a model. Nil is infer.Load.
	Load func(path string) (*infer.Predictor, error)

	Batch   int           // most images in a batch; 0 is 32
	Wait    time.Duration // longest that an image waits for others to fill its batch; 0 is not at all
	Queue   int           // most images that wait, for each version of a model; 0 is 512. It bounds those of a request too.
	Timeout time.Duration // longest from a request's last byte to its answer; 0 is 5 s
	Body    int64         // most bytes of a request's body, packed and unpacked; 0 is 64 MB, as raster.MaxFile

	// Memory is the most bytes for all that is in requests at one time, pictures unpacked:
	// one of 50 megapixels takes 75 MB to 900 MB. 0 is 1 GB, or a quarter of what the
	// machine has available when New is called if that is less, and at least 128 MB.
	Memory int64

	// ModelMemory is the most bytes that all models may take, each with its graphs for
	// batches of all sizes and for explanations; while a model is replaced the old one
	// counts too. 0 is half of what the machine has available when New is called: until
	// Go collects it, garbage may be as much as what is in use. A model that needs more is
	// not loaded.
	ModelMemory int64

	MaxPixels int          // of a picture, unpacked; 0 is raster.MaxPixels
	Token     string       // the bearer token to want from clients of all but /v2/health; "" is none
	Log       *slog.Logger // nil is slog.Default()

	// MetricsApart leaves /metrics out: Server.Metrics answers it at another address.
	MetricsApart bool

	// For Serve alone. Origins are the sites whose pages may call the server, as in
	// https://example.com, and whose names it has at a loopback address.
	Origins []string

	// For Serve alone. Cert and Key are the PEM files of a certificate, with what it was
	// signed by, and of its key: with them Serve speaks TLS 1.2 and 1.3 alone, and HTTP/2
	// to those who can. They are read again when they change.
	Cert, Key string

	Read        time.Duration // longest from a request's first byte to its last; 0 is 30 s. Its header has a third of that.
	Idle        time.Duration // longest between requests of a connection; 0 is 2 minutes
	Connections int           // most of them at a time, at each address, and 64 for probes; 0 is 1024. One that waits for its client gives way to another.
	Streams     int           // most requests of an HTTP/2 connection at a time; others wait; 0 is 128
	Reload      time.Duration // time between looks for changed models; 0 is 2 s, less than 0 is never
	Grace       time.Duration // longest that Serve goes on after its context has ended; 0 is 30 s

	wrap func(predictFunc) predictFunc // for tests
}

func (c Config) withDefaults() Config {
	if c.Load == nil {
		c.Load = infer.Load
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.wrap == nil {
		c.wrap = func(p predictFunc) predictFunc { return p }
	}
	set(&c.Batch, 32)
	set(&c.Queue, 512)
	set(&c.Timeout, 5*time.Second)
	set(&c.Body, raster.MaxFile)
	set(&c.Memory, max(128<<20, min(1<<30, available()/4)))
	set(&c.ModelMemory, available()/2)
	set(&c.Read, 30*time.Second)
	set(&c.Idle, 2*time.Minute)
	set(&c.Connections, 1024)
	set(&c.Streams, 128)
	set(&c.Reload, 2*time.Second)
	set(&c.Grace, 30*time.Second)
	return c
}

// available is the machine's memory that is available, no bound where that is not known.
// A part of it is never 0, which would be no bound.
func available() int64 {
	if n, known := memory.Available(); known {
		return max(4, int64(n))
	}
	return math.MaxInt64
}

func set[T int | int64 | time.Duration](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}

func (c Config) check() error {
	switch {
	case (c.Model == "") == (c.Models == ""):
		return errors.New("serve: want one of Model and Models")
	case c.Name != "" && c.Model == "":
		return errors.New("serve: the name " + strconv.Quote(c.Name) + " without Model: want it for one model alone")
	case strings.ContainsAny(c.Name, "/:"):
		return errors.New("serve: the name " + strconv.Quote(c.Name) + " has / or :, want one that stands in an address")
	case c.Batch < 0 || c.Wait < 0 || c.Queue < 0 || c.Timeout < 0 || c.Body < 0 || c.Memory < 0 || c.ModelMemory < 0 || c.MaxPixels < 0 || c.Read < 0 || c.Idle < 0 || c.Connections < 0 || c.Streams < 0 || c.Grace < 0:
		return errors.New("serve: a bound below 0")
	}
	if _, err := guard.New(nil, c.Origins); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Server serves models. It is safe for concurrent use.
type Server struct {
	config   Config
	models   *models
	metrics  *metrics
	mux      *http.ServeMux
	memory   atomic.Int64 // bytes that requests may still take
	draining atomic.Bool
	arrivals arrivals

	unpackers *unpackers

	certificate *certificate // nil without TLS
}

// New loads the models. It fails if there is none that can be loaded; of those
// that cannot it only logs why.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	s := &Server{config: c, metrics: newMetrics(), unpackers: newUnpackers(runtime.GOMAXPROCS(0))}
	if c.Cert != "" || c.Key != "" {
		var err error
		if s.certificate, err = newCertificate(c.Cert, c.Key, c.Log); err != nil {
			return nil, err
		}
	}
	s.models = newModels(c, s.metrics)
	s.memory.Store(c.Memory)
	err := s.Reload()
	if len(s.models.names()) == 0 {
		if err == nil {
			err = errors.New("serve: no model in " + c.Models + ": want folders of runs, as go run ./cmd/train makes them")
		}
		return nil, err
	}
	s.routes()
	return s, nil
}

// Reload loads models that are new or have changed, and drops those whose
// folders are gone. A request gets its answer from the model that it has met.
// One that cannot be loaded is an error, which is logged too; its former
// version goes on.
func (s *Server) Reload() error {
	err := s.models.reload()
	if err != nil {
		s.config.Log.Error("reload", "error", err)
	}
	return err
}

// Close ends the server's goroutines. No request may be under way, or come
// later. Serve does it.
func (s *Server) Close() { s.models.close() }

// MaxBody is the most bytes that a request's body, or message, may have.
func (s *Server) MaxBody() int64 { return s.config.Body }

// Held is how many bytes requests hold just now, of Config.Memory.
func (s *Server) Held() int64 { return s.config.Memory - s.memory.Load() }
