package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"tapenet/cmd/internal/cli"
)

// A side of a measurement is a process of its own: this command with -child, or
// a script of another engine. It starts with an empty heap and its high-water
// mark of memory is nobody else's. It writes a line of JSON when its first
// answer is there, see started, and then waits for work: for each line with a
// number of seconds it repeats its step for so long, and writes another line, see
// turn. It ends when its input does.

// started is what a side tells of itself when its first answer is there. What it
// does not know is left out.
type started struct {
	Engine     string  `json:"engine,omitempty"` // name and version
	Input      []int   `json:"input,omitempty"`  // of an image
	Images     int     `json:"images,omitempty"` // of a step
	MulAdds    int     `json:"mul_adds,omitempty"`
	Parameters int     `json:"parameters,omitempty"`
	Classes    int     `json:"classes,omitempty"` // values of the output, the last dimension
	Load       float64 `json:"load_ms,omitempty"` // opening and reading the network
	Build      float64 `json:"build_ms,omitempty"`
	First      float64 `json:"first_run_ms,omitempty"`
	StartMB    float64 `json:"start_peak_mb,omitempty"` // resident memory until then, at most

	// Output is the first image's of the first run, whose pixels are those of fill
	// on every side: at most maxOutput values. There is none in training.
	Output     []float32 `json:"output,omitempty"`
	OutputName string    `json:"output_name,omitempty"` // in an ONNX file
}

// maxOutput is how many values of an output are compared.
const maxOutput = 1000

// total is the time from the beginning until the first answer, in milliseconds.
func (s started) total() float64 { return s.Load + s.Build + s.First }

// turn is what a side measures at a time.
type turn struct {
	Samples    []float64 `json:"samples_ms"` // of all steps, in their order
	CPUSeconds float64   `json:"cpu_seconds,omitempty"`
	Allocs     float64   `json:"allocs,omitempty"`
	PeakMB     float64   `json:"peak_mb,omitempty"` // resident memory, at most; reading the dataset does not count
}

// process is a side as its parent sees it.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	said    bytes.Buffer // on stderr
	started started
}

// start starts a side and waits for its first answer.
func start(command *exec.Cmd) (*process, error) {
	p := &process{command: command}
	command.Stderr = &p.said
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	return p, p.read(&p.started)
}

// turn lets the side measure.
func (p *process) turn(d time.Duration) (t turn, err error) {
	fmt.Fprintln(p.in, d.Seconds()) // the answer tells whether it could be read
	if err = p.read(&t); err == nil && len(t.Samples) == 0 {
		err = errors.New("no samples in the answer, want some")
	}
	return t, err
}

// read reads an answer. If there is none, the process has ended, and the error is
// the last line that it has written, without what begins every error.
func (p *process) read(answer any) error {
	err := p.out.Decode(answer)
	if err == nil {
		return nil
	}
	ended := p.end()
	lines := strings.Split(strings.TrimSpace(p.said.String()), "\n")
	said := strings.TrimPrefix(lines[len(lines)-1], "bench: ")
	switch {
	case said != "":
		return errors.New(said)
	case ended != nil:
		return ended
	}
	return fmt.Errorf("the answer is not JSON: %w", err)
}

// end ends the process.
func (p *process) end() error {
	p.in.Close()
	return p.command.Wait()
}

// ours starts this command on a combination.
func (o options) ours(ctx context.Context, engine string, c combination) (*process, error) {
	line, err := cli.Self("bench", "-child", engine, "-model", c.Model, "-mode", c.Mode,
		"-batch", strconv.Itoa(c.Batch), "-threads", strconv.Itoa(c.Threads),
		"-height", strconv.Itoa(o.height), "-width", strconv.Itoa(o.width))
	if err != nil {
		return nil, err
	}
	return start(exec.CommandContext(ctx, line[0], line[1:]...))
}

// about makes an error one of a combination, or of the end of ctx.
func about(ctx context.Context, c combination, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("bench: stopped at %v: %w", c, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("bench: %v: %w", c, err)
	}
	return nil
}
