package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
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

// process is train as a process of its own, in a group of its own: an interrupt at the
// terminal comes to this process alone, which hands it on once. A second one would end
// train without a checkpoint.
func process(ctx context.Context, stdout io.Writer, args ...string) error {
	command, err := cli.Self("train", args...)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // see apart
	defer runtime.UnlockOSThread()
	var stderr bytes.Buffer
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdout, c.Stderr, c.WaitDelay = stdout, &stderr, stopping
	c.Cancel = func() error {
		if c.Process.Signal(os.Interrupt) != nil {
			return c.Process.Kill() // a system without interrupts
		}
		return nil
	}
	apart(c)
	err = c.Run()
	var exit *exec.ExitError
	switch line := lastLine(stderr.Bytes()); {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &exit):
		return err
	case exit.ExitCode() == 2 && line != "":
		return cli.Usagef("%s", line)
	case strings.HasPrefix(line, "train: "):
		return errors.New(line)
	default:
		return fmt.Errorf("train ended with %v, and said last %.200q", exit, line)
	}
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
