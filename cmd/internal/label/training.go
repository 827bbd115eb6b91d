package label

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"tapenet/graph/raster"
	"tapenet/train"

	"tapenet/cmd/internal/cli"
)

// The states of a training.
const (
	idle      = "idle"
	preparing = "preparing" // the command train is built or reads the pictures
	going     = "training"
	ended     = "done"
	stopped   = "stopped"
	failed    = "failed"
)

// status is how far a training is, for the page.
type status struct {
	State  string       `json:"state"`
	Said   string       `json:"said"` // a sentence
	Epochs int          `json:"epochs"`
	Last   *train.Epoch `json:"last"` // the last one that is complete; nil before
	Run    string       `json:"run"`
}

// training starts the command train in a process of its own, one at a time, and follows
// it. Safe for concurrent use.
type training struct {
	data, from, out string
	maxPixels       int
	done            func(run string) error // takes the trained model

	mu      sync.Mutex
	status  status
	reading bool   // the pictures have to stay where they are
	resume  bool   // the run was saved in its middle
	last    string // line on stderr
	cancel  context.CancelFunc
	ended   chan struct{}
}

func newTraining(o options, done func(string) error) *training {
	return &training{data: o.data, from: o.from, out: o.out, maxPixels: o.maxPixels, done: done, status: status{State: idle, Run: o.out}}
}

// args are those of the command.
func (t *training) args() []string {
	dir := t.data
	if !filepath.IsAbs(dir) && !strings.HasPrefix(dir, ".") {
		dir = "." + string(filepath.Separator) + dir // a folder called mnist is no dataset's name
	}
	args := []string{"-data", dir, "-out", t.out}
	if t.maxPixels > 0 && t.maxPixels != raster.MaxPixels {
		args = append(args, "-max-pixels", strconv.Itoa(t.maxPixels))
	}
	if t.from != "" {
		args = append(args, "-from", t.from)
	}
	return args
}

// start begins a training.
func (t *training) start() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.runs() {
		return conflict("a training is going on already")
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel, t.ended = cancel, make(chan struct{})
	t.status = status{State: preparing, Said: "The training is prepared.", Run: t.out}
	t.reading, t.resume, t.last = true, false, ""
	go t.run(ctx, t.ended)
	return nil
}

// runs reports whether one is going on. t is locked.
func (t *training) runs() bool { return t.status.State == preparing || t.status.State == going }

// now is how far the training is.
func (t *training) now() status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

// checkMovable returns an error while pictures have to stay where they are.
func (t *training) checkMovable() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reading && t.runs() {
		return conflict("the training reads the pictures at this moment: wait until its first epoch begins, or stop it")
	}
	return nil
}

// stop ends a training and waits until it has been saved. It says how to go on with it,
// if one was going on.
func (t *training) stop() (said string) {
	t.mu.Lock()
	if !t.runs() {
		t.mu.Unlock()
		return ""
	}
	cancel, done := t.cancel, t.ended
	t.mu.Unlock()
	cancel()
	<-done
	return t.now().Said
}

// patience is how long a training may take to stop.
const patience = 30 * time.Second

// run is a training from its beginning to its end.
func (t *training) run(ctx context.Context, done chan struct{}) {
	runtime.LockOSThread() // Linux ends the process with the thread that started it
	defer close(done)
	err := t.child(ctx)
	if err == nil {
		err = t.done(t.out)
	}
	wanted := ctx.Err() != nil // that it stops
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cancel()
	switch {
	case err == nil:
		t.status.State = ended
		t.status.Said = fmt.Sprintf("The model is in %s; go run ./cmd/serve -model %s serves it.", t.out, shell(t.out))
	case wanted:
		t.status.State, t.status.Said = stopped, "The training was stopped before its first epoch."
		if t.resume {
			t.status.Said = "The training was stopped; go run ./cmd/train " + shell(t.args()...) + " -resume goes on with it."
		}
	default:
		t.status.State, t.status.Said = failed, "The training failed: "+sentence(err)
	}
}

// shell writes arguments for a shell: what has more than plain characters in quotes.
func shell(args ...string) string {
	var quoted []string
	for _, a := range args {
		if strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") != "" {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted = append(quoted, a)
	}
	return strings.Join(quoted, " ")
}

// child runs the command train. Its error is the one line that the command says.
func (t *training) child(ctx context.Context) error {
	line, err := cli.Self("train", append(t.args(), "-json")...)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, line[0], line[1:]...)
	c.Cancel = func() error { return interrupt(c.Process) }
	c.WaitDelay = patience
	c.Stdout, c.Stderr = &lines{take: t.epoch}, &lines{take: t.line}
	apart(c)
	err = c.Run()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil && t.last != "" {
		return errors.New(strings.TrimPrefix(t.last, "train: "))
	}
	return err
}

// epoch takes a line of the command's stdout: an epoch in JSON.
func (t *training) epoch(line []byte) {
	var e train.Epoch
	if json.Unmarshal(line, &e) != nil || e.Epoch == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.State, t.status.Last = going, &e
	t.status.Said = fmt.Sprintf("Epoch %d has %.1f %% of the held-out pictures right.", e.Epoch, 100*e.ValAccuracy)
}

// line takes a line of its stderr, which is for people.
func (t *training) line(line []byte) {
	text := strings.TrimSpace(string(line))
	if text == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = text
	var epoch int
	switch {
	case strings.HasPrefix(text, "read "): // from now on it has them in memory, or beside the run
		t.reading = false
		t.status.Said = "The pictures are read."
	case strings.HasPrefix(text, "saved "):
		t.resume = true
	case strings.HasPrefix(text, "epoch "):
		fmt.Sscanf(text, "epoch %d/%d", &epoch, &t.status.Epochs)
	case strings.Contains(text, " training and "):
		t.status.State, t.status.Said = going, "The first epoch has begun."
	}
}

// lines calls take with each line that is written to it. What is longer than a line may
// be is cut.
type lines struct {
	take func(line []byte)
	rest []byte
}

const longestLine = 1 << 16

// Write is the io.Writer's.
func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for {
		line, rest, found := bytes.Cut(b, []byte("\n"))
		l.rest = append(l.rest, line[:min(len(line), longestLine-len(l.rest))]...)
		if !found {
			return n, nil
		}
		l.take(l.rest)
		l.rest, b = l.rest[:0], rest
	}
}
