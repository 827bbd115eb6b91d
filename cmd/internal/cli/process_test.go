//go:build unix

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asCommand names the environment variable that makes the test binary a
// command, so that its signals and its exit code are real.
const asCommand = "TAPENET_TEST_COMMAND"

func TestMain(m *testing.M) {
	switch os.Getenv(asCommand) {
	case "":
		os.Exit(m.Run())
	case "wait": // stops when it is told to
		Main(Command{Name: "wait", Run: func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
			fmt.Fprintln(stdout, "ready", strings.Join(args, " "))
			<-ctx.Done()
			return fmt.Errorf("stopped: %w", ctx.Err())
		}})
	case "deaf": // never stops by itself
		Main(Command{Name: "deaf", Run: func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
			fmt.Fprintln(stdout, "ready")
			<-ctx.Done()
			fmt.Fprintln(stdout, "stopping")
			time.Sleep(time.Minute)
			return nil
		}})
	case "two": // the second one says its arguments, the first one has itself started as that
		Main(Command{Name: "start", Run: func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
			line, err := Self("say", args...)
			if err != nil {
				return err
			}
			c := exec.CommandContext(ctx, line[0], line[1:]...)
			c.Stdout = stdout
			return c.Run()
		}}, Command{Name: "say", Run: func(_ context.Context, args []string, stdout, _ io.Writer) error {
			_, err := fmt.Fprintf(stdout, "%q", args)
			return err
		}})
	}
}

// TestMainChooses: the first argument may name a command, without it the first one runs.
func TestMainChooses(t *testing.T) {
	for _, args := range [][]string{{"say", "a", "b"}, {"a", "b"}} {
		if out, err := command(t, "two", args...).Output(); err != nil || string(out) != `["a" "b"]` {
			t.Errorf("%q: %s, %v, want that a and b are said", args, out, err)
		}
	}
}

func TestMainExits(t *testing.T) {
	c := command(t, "two", "say")
	if err := c.Run(); err != nil {
		t.Errorf("%v, want exit code 0", err)
	}
}

// TestInterrupt: the first signal cancels the context.
func TestInterrupt(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		c := command(t, "wait", "one", "two")
		stdout, stderr := start(t, c)
		expect(t, stdout, "ready one two\n")
		c.Process.Signal(signal)
		if code := wait(t, c, 5*time.Second); code != 130 || stderr.String() != "wait: stopped\n" {
			t.Errorf("%v: exit code %d, stderr %q, want 130 and the error", signal, code, stderr)
		}
	}
}

// TestSecondInterrupt: the second one kills a command that does not listen.
func TestSecondInterrupt(t *testing.T) {
	c := command(t, "deaf")
	stdout, _ := start(t, c)
	expect(t, stdout, "ready\n")
	c.Process.Signal(os.Interrupt)
	expect(t, stdout, "stopping\n")
	c.Process.Signal(os.Interrupt)
	if code := wait(t, c, 2*time.Second); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

func command(t *testing.T, what string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), asCommand+"="+what)
	c.Dir = t.TempDir()
	return c
}

func start(t *testing.T, c *exec.Cmd) (stdout io.Reader, stderr *bytes.Buffer) {
	t.Helper()
	stderr = new(bytes.Buffer)
	c.Stderr = stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	return stdout, stderr
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %q, error %v, want %q", got, err, want)
	}
}

// wait returns the exit code as a shell has it: 128 and the signal's number for
// a process that a signal killed.
func wait(t *testing.T, c *exec.Cmd, limit time.Duration) int {
	t.Helper()
	timer := time.AfterFunc(limit, func() { c.Process.Signal(syscall.SIGABRT) })
	defer timer.Stop()
	c.Wait()
	if s := c.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		return 128 + int(s.Signal())
	}
	return c.ProcessState.ExitCode()
}
