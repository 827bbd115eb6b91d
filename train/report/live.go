package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

const (
	interval = time.Second     // between two pictures of the run
	stuck    = 5 * time.Second // a browser that takes nothing for so long is given up
)

// Live serves the page of a run that goes on: at / the page, at /events what
// changes of it. It is a train.Callback: the run calls Start, Batch and Epoch, and
// its owner End, none of which waits for a browser; pages are made while they are served.
type Live struct {
	dir      string
	data     data.Dataset
	progress atomic.Pointer[train.Progress]
	ended    chan struct{}

	mu       sync.Mutex
	model    *graph.Model // for its parameters, which only the run's goroutine reads
	settings []Setting
	start    *page // nil until Start: what is known without the folder, and the filters
	end      *page // nil until End
}

// NewLive makes the page of the run in a folder.
func NewLive(dir string, d data.Dataset) *Live {
	return &Live{dir: dir, data: d, ended: make(chan struct{})}
}

// Settings has the page list the settings of the run. It is called before Start.
func (l *Live) Settings(s []Setting) { l.settings = s }

// Start is the train.Callback's.
func (l *Live) Start(net *graph.Network, p train.Progress) error {
	start, err := newPage(l.dir, net, l.data)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	start.Live, start.Settings = true, l.settings
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = &start
	l.progress.Store(&p)
	l.model, err = net.Model(graph.Infer, 1)
	return err
}

// Batch is the train.Callback's.
func (l *Live) Batch(p train.Progress) { l.progress.Store(&p) }

// Epoch is the train.Callback's: it copies the first layer's filters.
func (l *Live) Epoch(*graph.Network, train.Epoch) error {
	f := newFilters(l.model)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start.Filters = f
	return nil
}

// End shows the run's report, or without one what there is, and lets go of all
// browsers. It is called once.
func (l *Live) End(r *Report) {
	p := l.page()
	if r != nil {
		p = r.page
		p.Live = true
	}
	p.Progress, p.Ended = nil, true
	l.mu.Lock()
	l.end = &p
	l.mu.Unlock()
	close(l.ended)
}

// page is the page at this moment. It shares nothing with the run.
func (l *Live) page() page {
	l.mu.Lock()
	if l.end != nil {
		defer l.mu.Unlock()
		return *l.end
	}
	p := page{Title: l.dir, Live: true}
	started := l.start != nil
	if started {
		p = *l.start
	}
	l.mu.Unlock()
	if !started {
		return p
	}
	if at := *l.progress.Load(); at.Epoch <= at.Epochs {
		p.Progress = newProgress(at)
	} else {
		p.Ended = true // it was complete already
	}
	if r, err := train.ReadRecord(l.dir); err == nil {
		p.add(r) // or what can be drawn of it: the report will tell
	}
	return p
}

// ServeHTTP serves the page and its events.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", "GET")
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
	case r.URL.Path == "/events":
		l.events(w, r)
	case r.URL.Path == "/":
		var b bytes.Buffer
		if err := l.page().write(&b, "page"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(b.Bytes())
	default:
		http.NotFound(w, r)
	}
}

// events sends the body of the page whenever the run has come further, and once
// more at its end.
func (l *Live) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	http.NewResponseController(w).Flush() // so that the browser knows it is connected
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var sent *train.Progress
	for {
		if now := l.progress.Load(); now != sent {
			if sent = now; l.send(w, "page") != nil {
				return
			}
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-l.ended:
			l.send(w, "end")
			return
		}
	}
}

// send sends one event: the body as a JSON string, which has no line breaks.
func (l *Live) send(w http.ResponseWriter, event string) error {
	var b bytes.Buffer
	if err := l.page().write(&b, "body"); err != nil {
		return err
	}
	text, err := json.Marshal(b.String())
	if err != nil {
		return err
	}
	c := http.NewResponseController(w)
	c.SetWriteDeadline(time.Now().Add(stuck)) // where the connection has one
	if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text); err != nil {
		return err
	}
	return c.Flush()
}
