package label

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"

	"tapenet/graph/raster"
	"tapenet/infer/serve/guard"
)

// server is the page and what it asks for.
type server struct {
	title    string // the folder's name
	guard    *guard.Guard
	folder   *folder
	gate     *gate
	guesses  *guesser
	training *training
	uploads  chan struct{} // bodies that are in memory at one time
}

// newServer opens the folder and the model. The guard knows localhost and the name of
// -addr, also where others than this machine are let in: there is no token.
func newServer(o options) (*server, error) {
	f, err := openFolder(o.data)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.data)
	if err != nil {
		dir = o.data
	}
	name, _, _ := net.SplitHostPort(o.addr)
	g, err := guard.New([]string{"localhost", name}, nil)
	if err != nil {
		return nil, err
	}
	s := &server{title: filepath.Base(dir), guard: g, folder: f, gate: newGate(o.maxPixels), uploads: make(chan struct{}, 2)}
	s.guesses = newGuesser(f, s.gate)
	s.training = newTraining(o, s.guesses.load)
	if o.model != "" {
		if err := s.guesses.load(o.model); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// close stops a training and closes the folder.
func (s *server) close() {
	s.training.stop()
	s.folder.close()
}

// failure is an error with a status.
type failure struct {
	status int
	text   string
}

// Error is the text.
func (f failure) Error() string { return f.text }

func failedWith(status int, format string, args ...any) error {
	return failure{status, fmt.Sprintf(format, args...)}
}

func wrong(format string, args ...any) error {
	return failedWith(http.StatusBadRequest, format, args...)
}
func notFound(format string, args ...any) error {
	return failedWith(http.StatusNotFound, format, args...)
}
func conflict(format string, args ...any) error {
	return failedWith(http.StatusConflict, format, args...)
}

// handler answers what a browser on this machine asks from the page, and refuses what
// another page has it ask.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	for path, file := range pageFiles {
		mux.HandleFunc("GET "+path, servePage(file))
	}
	for pattern, answer := range map[string]func(*http.Request) (any, error){
		"GET /state":   s.state,
		"POST /move":   s.move,
		"POST /remove": s.remove,
		"POST /undo":   s.undo,
		"POST /class":  s.class,
		"POST /add":    s.add,
		"POST /guess":  s.guess,
		"POST /train":  s.train,
		"POST /stop":   s.stop,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := answer(r)
			if err != nil {
				fail(w, err)
				return
			}
			w.Header().Set("Cache-Control", "no-store")
			writeJSON(w, http.StatusOK, v)
		})
	}
	mux.HandleFunc("GET /picture/{id}/{size}", s.picture)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setPolicy(w.Header())
		if err := s.guard.Check(r); err != nil {
			fail(w, failedWith(guard.Status(err), "%v", err))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	var f failure
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
	case errors.As(err, &tooLarge):
		f = failure{http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d bytes, want fewer", tooLarge.Limit)}
	case errors.Is(err, context.Canceled):
		f = failure{http.StatusServiceUnavailable, "the request was given up"}
	default:
		f = failure{http.StatusInternalServerError, sentence(err)}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, f.status, map[string]string{"error": f.text})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// mostJSON bounds a request in JSON, in bytes.
const mostJSON = 1 << 14

// readJSON reads a request.
func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, mostJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return wrong("the request is no JSON that is known: %v", err)
	}
	return nil
}

// upload reads a body, a picture's file, and calls use with it. Few are in memory at one
// time.
func (s *server) upload(r *http.Request, use func(file []byte) error) error {
	if err := take(r.Context(), s.uploads); err != nil {
		return err
	}
	defer func() { <-s.uploads }()
	file, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, raster.MaxFile))
	if err != nil {
		return err
	}
	return use(file)
}
