package torture

import (
	"bytes"
	"context"
	"errors"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shared is a folder for what the parts share, such as built commands.
var shared string

// TestMain removes it.
func TestMain(m *testing.M) {
	var err error
	if shared, err = os.MkdirTemp("", "torture"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(shared)
	os.Exit(code)
}

// made is what the parts share, by name.
var made = map[string]any{}

// share returns what make makes, which it calls once for a name. Parts and trials come one
// after the other.
func share[T any](t *testing.T, name string, make func() T) T {
	t.Helper()
	if _, ok := made[name]; !ok {
		made[name] = make()
	}
	return made[name].(T)
}

// program builds a command of the project with some flags of go build, and returns its path.
func program(t *testing.T, command string, flags ...string) string {
	t.Helper()
	name := command + strings.Join(flags, "")
	return share(t, "program "+name, func() string {
		dir, err := os.MkdirTemp(shared, command)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, command)
		args := append(append([]string{"build"}, flags...), "-o", path, "tapenet/cmd/"+command)
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			t.Fatalf("go %q: %v\n%s", args, err, out)
		}
		return path
	})
}

// hang is how long any command may take, however slow the machine.
const hang = 3 * time.Minute

// ended is how a command has ended.
type ended struct {
	code           int // -1 for a signal
	stdout, stderr string
	took           time.Duration
}

// execute runs a command to its end.
func execute(t *testing.T, path string, args ...string) ended {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, path, args...)
	c.Stdout, c.Stderr = &stdout, &stderr
	began := time.Now()
	err := c.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); ctx.Err() != nil || err != nil && !exited {
		t.Fatalf("%s %q: %v, %v", path, args, err, ctx.Err())
	}
	return ended{c.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(began)}
}

// succeed is execute of what must succeed.
func succeed(t *testing.T, path string, args ...string) ended {
	t.Helper()
	e := execute(t, path, args...)
	if e.code != 0 {
		t.Fatalf("%s %q: exit code %d\n%s%s", path, args, e.code, e.stdout, e.stderr)
	}
	return e
}

// reason fails unless a command has refused something as it should: with exit code 1 and
// one line, in which there is a reason behind the command's name.
func (e ended) reason(t *testing.T) string {
	t.Helper()
	_, line, ok := strings.Cut(e.stderr, ": ")
	if e.code != 1 || !ok || strings.Count(e.stderr, "\n") != 1 || len(line) < 20 {
		t.Errorf("exit code %d and stderr %.2000q, want 1 and an error of one line", e.code, e.stderr)
	}
	return line
}

// need skips a short run's trial for want of a program of Debian's. A full run must have it.
func need(t *testing.T, program, from string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv(Folder) != "" {
		t.Fatalf("%s is missing: apt-get install %s", program, from)
	}
	t.Skipf("%s is missing: apt-get install %s", program, from)
}
