//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// launchers is the launchers that the tests start, with the flags that README has
// for the machines of users; --oversubscribe as here more ranks run than there are
// processors.
var launchers = []struct {
	name, command string
	flags         []string
	library       string // what it calls itself
	file          string
	debian        string // the package
}{
	{"OpenMPI", "mpirun.openmpi", strings.Fields("--bind-to none --oversubscribe --mca pml ob1 --mca btl self,vader,tcp"), "Open MPI", "libmpi.so.40", "openmpi-bin"},
	{"MPICH", "mpirun.mpich", nil, "MPICH", "libmpich.so.12", "mpich"},
}

// needed is the variable that makes a missing launcher a failure: make mpi sets it.
const needed = "TAPENET_NEED_MPI"

// missing skips a test for want of a program, or fails it.
func missing(t *testing.T, program, from string) {
	t.Helper()
	if os.Getenv(needed) != "" {
		t.Fatalf("%s is missing, and %s is set: apt-get install %s", program, needed, from)
	}
	t.Skipf("needs %s: apt-get install %s, or make mpi", program, from)
}

// forEach runs a test under each launcher.
func forEach(t *testing.T, test func(t *testing.T, launcher int)) {
	if testing.Short() {
		t.Skip("starts processes under mpirun")
	}
	for i, l := range launchers {
		t.Run(l.name, func(t *testing.T) {
			if _, err := exec.LookPath(l.command); err != nil {
				missing(t, l.command, l.debian)
			}
			test(t, i)
		})
	}
}

// job is a launcher that runs this test binary.
type job struct {
	*exec.Cmd
	t     *testing.T
	began time.Time
	ended chan struct{}

	mu    sync.Mutex
	lines []string
}

// startJob starts a command, whose processes are to do what children has by that name.
func startJob(t *testing.T, do string, timeout time.Duration, env []string, command string, args ...string) *job {
	t.Helper()
	j := &job{Cmd: exec.Command(command, args...), t: t, began: time.Now(), ended: make(chan struct{})}
	j.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		child+"="+do, child+"_TIMEOUT="+timeout.String())
	j.Env = append(j.Env, env...)
	j.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := j.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	j.Stderr = j.Stdout
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(output); s.Scan(); {
			j.mu.Lock()
			j.lines = append(j.lines, s.Text())
			j.mu.Unlock()
		}
		close(j.ended)
	}()
	return j
}

// launch starts n processes under a launcher.
func launch(t *testing.T, launcher, n int, do string, timeout time.Duration, env ...string) *job {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := launchers[launcher]
	return startJob(t, do, timeout, env, l.command, append(append([]string{}, l.flags...), "-n", strconv.Itoa(n), self)...)
}

// output is what the processes have written so far.
func (j *job) output() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

// waitFor waits until a text has been written n times.
func (j *job) waitFor(text string, n int) {
	j.t.Helper()
	for strings.Count(j.output(), text) < n {
		if time.Since(j.began) > 30*time.Second {
			j.t.Fatalf("after 30 s %q has not come %d times:\n%s", text, n, j.output())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// end waits for the launcher, at most for a time, and returns its exit code. Then
// none of its processes may be left.
func (j *job) end(within time.Duration) int {
	j.t.Helper()
	select {
	case <-j.ended:
	case <-time.After(within - time.Since(j.began)):
		_ = syscall.Kill(-j.Process.Pid, syscall.SIGKILL)
		j.t.Fatalf("not ended within %v:\n%s", within, j.output())
	}
	err := j.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		j.t.Fatal(err)
	}
	j.noneLeft()
	return j.ProcessState.ExitCode()
}

var processLine = regexp.MustCompile(`process (\d+),`)

// noneLeft fails if a process that has named itself still runs a second later.
func (j *job) noneLeft() {
	j.t.Helper()
	for _, m := range processLine.FindAllStringSubmatch(j.output(), -1) {
		pid, _ := strconv.Atoi(m[1])
		gone := func() bool {
			state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(state), ") Z ")
		}
		for until := time.Now().Add(time.Second); !gone(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(until) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				j.t.Errorf("process %d is still there after the launcher's end:\n%s", pid, j.output())
				break
			}
		}
	}
}

// What want may want of an exit code instead of a number.
const (
	anyError = -1
	anyCode  = -2
)

// want fails unless the launcher ends in time with a code, and all texts have been
// written.
func (j *job) want(within time.Duration, code int, texts ...string) {
	j.t.Helper()
	got := j.end(within)
	if got != code && code != anyCode && (code != anyError || got == 0) {
		j.t.Errorf("exit code %d, want %d:\n%s", got, code, j.output())
	}
	for _, text := range texts {
		if !strings.Contains(j.output(), text) {
			j.t.Errorf("no %q in the output:\n%s", text, j.output())
		}
	}
}
