package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tapenet/cmd/internal/cli"
)

// trainer runs the command train. Its error is train's, in one line.
type trainer func(ctx context.Context, stdout io.Writer, args ...string) error

// diverged begins the error of a run whose loss or weights are not finite.
const diverged = "train: diverged: "

// stopping is how long train may take to save a run that is stopped: a batch, and a file.
const stopping = 2 * time.Minute

// findTrain returns the command train: the program beside this one or, with go run in a
// checkout, one that is built now. remove is to be called when it is no longer needed.
func findTrain(ctx context.Context) (t trainer, remove func(), err error) {
	name := "train"
	if runtime.GOOS == "windows" {
		name = "train.exe"
	}
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), name)
		if s, err := os.Stat(path); err == nil && s.Mode().IsRegular() {
			return program(path), func() {}, nil
		}
	}
	dir, err := os.MkdirTemp("", "search")
	if err != nil {
		return nil, nil, fmt.Errorf("search: %w", err)
	}
	remove = func() { os.RemoveAll(dir) }
	path := filepath.Join(dir, name)
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "tapenet/cmd/train").CombinedOutput()
	if err != nil {
		remove()
		return nil, nil, fmt.Errorf("search: there is no program train beside this one, and go build tapenet/cmd/train says %w: %.200s: want make build, or a checkout as the working folder",
			cmp.Or(ctx.Err(), err), lastLine(out))
	}
	return program(path), remove, nil
}

// program is train as a process of its own, in a group of its own: an interrupt at the
// terminal comes to this process alone, which hands it on once. A second one would end
// train without a checkpoint.
func program(path string) trainer {
	return func(ctx context.Context, stdout io.Writer, args ...string) error {
		runtime.LockOSThread() // see apart
		defer runtime.UnlockOSThread()
		var stderr bytes.Buffer
		c := exec.CommandContext(ctx, path, args...)
		c.Stdout, c.Stderr, c.WaitDelay = stdout, &stderr, stopping
		c.Cancel = func() error {
			if c.Process.Signal(os.Interrupt) != nil {
				return c.Process.Kill() // a system without interrupts
			}
			return nil
		}
		apart(c)
		err := c.Run()
		var exit *exec.ExitError
		switch line := lastLine(stderr.Bytes()); {
		case err == nil || ctx.Err() != nil:
			return ctx.Err()
		case !errors.As(err, &exit):
			return err
		case exit.ExitCode() == 2 && line != "":
			return cli.Usagef("%s", line)
		case strings.HasPrefix(line, "error: "):
			return errors.New(strings.TrimPrefix(line, "error: "))
		default:
			return fmt.Errorf("train ended with %v, and said last %.200q", exit, line)
		}
	}
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
