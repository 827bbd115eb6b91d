//go:build unix

package train

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapenet/train"
)

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), "TAPENET_TEST_COMMAND=1")
	t.Cleanup(func() {
		if c.Process != nil {
			c.Process.Kill()
		}
	})
	return c
}

// wait returns the exit code as a shell has it: 128 and the signal's number for
// a process that a signal killed.
func wait(t *testing.T, c *exec.Cmd, limit time.Duration) int {
	t.Helper()
	began := time.Now()
	timer := time.AfterFunc(limit, func() { c.Process.Kill() })
	defer timer.Stop()
	c.Wait()
	if s := c.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		t.Logf("killed by %v after %v", s.Signal(), time.Since(began))
		return 128 + int(s.Signal())
	}
	return c.ProcessState.ExitCode()
}

// until starts a command and reads lines of its stdout until one has the text.
// rest waits for the end of the command and returns the others.
func until(t *testing.T, c *exec.Cmd, text string) (rest func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("stdout ended before %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			break
		}
	}
	tail, done := "", make(chan struct{})
	go func() {
		defer close(done)
		defer r.Close()
		b, _ := io.ReadAll(lines)
		tail = string(b)
	}()
	return func() string { <-done; return tail }
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"success", quick(t, "-out", filepath.Join(dir, "x")), 0, ""},
		{"wrong flag", []string{"-epochs", "0"}, 2, "train: -epochs 0, want 1 or more\n"},
		{"two mistakes", []string{"-epochs", "0", "cnn"}, 2, "train: unexpected argument \"cnn\"; train -help lists the flags\n"},
		{"unknown model", []string{"-model", "vgg"}, 2, "train: no model \"vgg\", want one of " +
			"cnn, fcnn, lenet5, mlp, convnet, stridednet, simplecnn, simplecnn-m3, simplecnn-m7, smallcnn, p4cnn, e2cnn, vgg11, resnet20, mobilenetv2, mlpmixer\n"},
		{"nothing to resume", quick(t, "-resume", "-out", filepath.Join(dir, "y")), 1,
			"train: nothing to resume, there is no " + filepath.Join(dir, "y", train.CheckpointFile) + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := command(t, tt.args...)
			var stderr bytes.Buffer
			c.Stderr = &stderr
			c.Run()
			if code := c.ProcessState.ExitCode(); code != tt.code || stderr.String() != tt.stderr {
				t.Errorf("exit code %d, stderr %q, want %d and %q", code, stderr.String(), tt.code, tt.stderr)
			}
		})
	}
}

// TestInterrupt stops a run after its first epoch, in whichever the signal finds
// it; -resume completes it, and the model is that of a run nobody stopped.
func TestInterrupt(t *testing.T) {
	dir, straight := filepath.Join(t.TempDir(), "x"), filepath.Join(t.TempDir(), "y")
	args := quick(t, "-limit", "1500", "-epochs", "20")
	c := command(t, append(args, "-out", dir)...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	rest := until(t, c, "epoch 1/20")
	c.Process.Signal(os.Interrupt)
	code := wait(t, c, 5*time.Second)
	stop := regexp.MustCompile(`^train: stopped in epoch (\d+) after \d+ of 1500 images\n$`).FindStringSubmatch(stderr.String())
	if code != 130 || stop == nil || stop[1] == "1" {
		t.Fatalf("exit code %d, stderr %q, want 130 and where it stopped", code, stderr.String())
	}
	want := "saved " + filepath.Join(dir, train.CheckpointFile) + "; the same command with -resume goes on from here\n"
	if got := rest(); !strings.HasSuffix(got, want) || strings.Count(got, "saved") != 1 {
		t.Errorf("stdout ended in %q, want %q", got, want)
	}
	out := trained(t, append(args, "-resume", "-out", dir)...)
	if where := regexp.MustCompile("in epoch " + stop[1] + "( after \\d+ of 1500 images)?\n"); !where.MatchString(out) {
		t.Errorf("resuming printed %s, want %s", out, where)
	}
	if !strings.Contains(out, "\nepoch "+stop[1]+"/20") || !strings.Contains(out, "\nepoch 20/20") || strings.Contains(out, "\nepoch 1/20") {
		t.Errorf("resuming printed %s, want epochs %s to 20", out, stop[1])
	}
	trained(t, append(args, "-out", straight)...)
	if !bytes.Equal(read(t, dir, train.ModelFile), read(t, straight, train.ModelFile)) {
		t.Error("the resumed model is not that of a run nobody stopped")
	}
}

// TestTwoInterrupts: the second one does not wait for the batch, an epoch of
// seconds here, and does not say where the run stopped.
func TestTwoInterrupts(t *testing.T) {
	c := command(t, "-model", "simplecnn-m7", "-augment", "none", "-batch", "300", "-limit", "300", "-out", filepath.Join(t.TempDir(), "x"))
	var stderr bytes.Buffer
	c.Stderr = &stderr
	until(t, c, "epoch 1/")
	time.Sleep(300 * time.Millisecond)
	c.Process.Signal(os.Interrupt)
	time.Sleep(100 * time.Millisecond)
	c.Process.Signal(os.Interrupt)
	if code := wait(t, c, 30*time.Second); code != 130 || stderr.String() != "" {
		t.Errorf("exit code %d, stderr %q, want 130 and nothing", code, stderr.String())
	}
}

// TestInterruptJSON: stdout has nothing but JSON even then.
func TestInterruptJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	c := command(t, quick(t, "-json", "-epochs", "1000", "-out", dir)...)
	rest := until(t, c, `"epoch":1,`)
	c.Process.Signal(syscall.SIGTERM)
	if code := wait(t, c, 5*time.Second); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	epochs(t, rest())
}

// TestTwoRuns: while a run goes on another one is refused, and moves nothing; a
// killed run is not in the way.
func TestTwoRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	args := quick(t, "-epochs", "1000", "-out", dir)
	c := command(t, args...)
	until(t, c, "epoch 1/1000")
	for _, resume := range []string{"-resume=false", "-resume"} {
		out, errs, err := trains(t, append(args, resume, "-epochs", "2")...)
		if want := "train: a run is going on in " + dir + ": stop it, or choose another folder"; err == nil || err.Error() != want || out != "" || errs != "" {
			t.Errorf("%s: error %v after %.80q and %q, want %q alone", resume, err, out, errs, want)
		}
	}
	if _, err := os.Stat(dir + ".1"); err == nil {
		t.Error("the folder was moved")
	}
	c.Process.Kill()
	if code := wait(t, c, 5*time.Second); code != 128+int(syscall.SIGKILL) {
		t.Errorf("exit code %d, want that of a killed run", code)
	}
	if out := trained(t, append(args, "-resume", "-epochs", "1")...); !strings.Contains(out, "in epoch") && !strings.Contains(out, "completed epoch") {
		t.Errorf("printed %s, want where the killed run was", out)
	}
}
