//go:build mpi && linux && (amd64 || arm64)

package train

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapenet/train"
)

// This file starts the command as several processes under a real launcher, and watches
// them: what they print, which process is which rank, and that none is left.

// launcher is a launcher that the tests start, with the flags that train/mpi/README.md
// has for users. Here more ranks run than there are processors.
type launcher struct {
	name, command, debian string
	flags                 []string
	rank                  string // the variable that tells a process its rank
	library               string // the file
}

var launchers = []launcher{
	{"Open MPI", "mpirun.openmpi", "openmpi-bin", strings.Fields("--bind-to none --oversubscribe --mca pml ob1 --mca btl self,vader,tcp"), "OMPI_COMM_WORLD_RANK", "libmpi.so.40"},
	{"MPICH", "mpirun.mpich", "mpich", nil, "PMI_RANK", "libmpich.so.12"},
}

// Variables that choose what is tested.
const (
	needMPI  = "TAPENET_NEED_MPI"  // a missing launcher is a failure, and no reason to skip
	longMPI  = "TAPENET_LONG_MPI"  // the long form: all networks, all failures, 50 kills
	tableMPI = "TAPENET_TABLE_MPI" // a file that the tables of train/mpi/README.md are added to
)

func long() bool { return os.Getenv(longMPI) != "" }

// needLong skips what the short form leaves out.
func needLong(t *testing.T) {
	t.Helper()
	if !long() {
		t.Skip("part of the long form: make mpi")
	}
}

// missing skips a test for want of a program, or fails it.
func missing(t *testing.T, program, from string) {
	t.Helper()
	if os.Getenv(needMPI) != "" {
		t.Fatalf("%s is missing, and %s is set: apt-get install %s", program, needMPI, from)
	}
	t.Skipf("needs %s: apt-get install %s, or make mpi", program, from)
}

// needLaunchers skips a test, or fails it, where a launcher is missing.
func needLaunchers(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes under mpirun")
	}
	for _, l := range launchers {
		if _, err := exec.LookPath(l.command); err != nil {
			missing(t, l.command, l.debian)
		}
	}
}

// forEach runs a test under each launcher, and tells it the other one.
func forEach(t *testing.T, test func(t *testing.T, l, other launcher)) {
	needLaunchers(t)
	for i, l := range launchers {
		t.Run(strings.ReplaceAll(l.name, " ", ""), func(t *testing.T) { test(t, l, launchers[1-i]) })
	}
}

// addRow adds a line to the file of tables, if there is to be one.
func addRow(t *testing.T, format string, args ...any) {
	t.Helper()
	name := os.Getenv(tableMPI)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, format+"\n", args...); err != nil {
		t.Fatal(err)
	}
}

// job is a launcher with its ranks.
type job struct {
	*exec.Cmd
	t         *testing.T
	launcher  launcher
	mark      string // in the environment of all its processes
	began     time.Time
	ended     chan struct{}
	out, errs printed
}

// printed is what has been printed so far.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// read takes what comes, line by line, without what a terminal would not show.
func (p *printed) read(from io.Reader, done *sync.WaitGroup) {
	defer done.Done()
	for lines := bufio.NewReader(from); ; {
		line, err := lines.ReadString('\n')
		p.mu.Lock()
		p.text.WriteString(strings.ReplaceAll(line, "\r\n", "\n"))
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// launch starts n ranks of the command.
func (l launcher) launch(t *testing.T, n int, args ...string) *job {
	t.Helper()
	return l.launchWith(t, n, nil, nil, args...)
}

// launchWith is launch with variables, and with a program that runs each rank's
// command, which is behind its arguments.
func (l launcher) launchWith(t *testing.T, n int, env, through []string, args ...string) *job {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all := append(append([]string{}, l.flags...), "-n", strconv.Itoa(n))
	all = append(append(append(all, through...), self), args...)
	return startJob(t, l, exec.Command(l.command, all...), env)
}

// startJob starts a command that is, or becomes, a launcher. It has a session of its own.
func startJob(t *testing.T, l launcher, c *exec.Cmd, env []string) *job {
	t.Helper()
	j := &job{Cmd: c, t: t, launcher: l, ended: make(chan struct{}), began: time.Now()}
	j.mark = fmt.Sprintf("TAPENET_TEST_JOB=%d.%d", os.Getpid(), j.began.UnixNano())
	j.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "TAPENET_TEST_COMMAND=1", j.mark)
	j.Env = append(j.Env, env...)
	j.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := j.StdoutPipe()
	errs, failed := j.StderrPipe()
	if err := errors.Join(err, failed, j.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for pid := range j.processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	var both sync.WaitGroup
	both.Add(2)
	go j.out.read(out, &both)
	go j.errs.read(errs, &both)
	go func() {
		both.Wait()
		close(j.ended)
	}()
	return j
}

// processes are those of the job that live, each with its environment.
func (j *job) processes() map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte(j.mark)) {
			continue
		}
		state, err := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		if err != nil || strings.Contains(string(state), ") Z ") {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		found[pid] = "\x00" + string(env)
	}
	return found
}

// rank is the process of a rank.
func (j *job) rank(r int) (pid int) {
	j.t.Helper()
	for pid, env := range j.processes() {
		if strings.Contains(env, fmt.Sprintf("\x00%s=%d\x00", j.launcher.rank, r)) {
			return pid
		}
	}
	j.t.Fatalf("no process has rank %d:\n%s", r, j.all())
	return 0
}

// all is what has been printed, for messages of failures.
func (j *job) all() string {
	return fmt.Sprintf("%s\nstdout: %s\nstderr: %s", strings.Join(j.Args, " "), j.out.String(), j.errs.String())
}

// noHang is the longest that any job of the tests may take.
const noHang = 3 * time.Minute

// waitFor waits until a text is printed; false: the job has ended before.
func (j *job) waitFor(text string) bool {
	j.t.Helper()
	for !strings.Contains(j.out.String(), text) {
		select {
		case <-j.ended:
			return strings.Contains(j.out.String(), text)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(j.began) > noHang {
			j.t.Fatalf("no %q after %v:\n%s", text, noHang, j.all())
		}
	}
	return true
}

// until is waitFor of what must come.
func (j *job) until(text string) *job {
	j.t.Helper()
	if !j.waitFor(text) {
		j.t.Fatalf("the job has ended without %q:\n%s", text, j.all())
	}
	return j
}

// signal sends a signal to a process of the job, or with a negative number to a group.
func (j *job) signal(pid int, s syscall.Signal) {
	j.t.Helper()
	if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
		j.t.Fatal(err)
	}
}

// end waits until no process of the job is left, and returns the exit code of the
// launcher, as a shell has it, and the seconds since the call. It fails after a time.
func (j *job) end(within time.Duration) (code int, seconds float64) {
	j.t.Helper()
	began := time.Now()
	select {
	case <-j.ended:
	case <-time.After(within):
		j.t.Fatalf("not ended within %v:\n%s", within, j.all())
	}
	_ = j.Wait() // the code says more
	for len(j.processes()) > 0 {
		if time.Since(began) > within {
			j.t.Fatalf("after %v there are still processes of %v", within, j.processes())
		}
		time.Sleep(20 * time.Millisecond)
	}
	seconds = time.Since(began).Seconds()
	if s := j.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		return 128 + int(s.Signal()), seconds
	}
	return j.ProcessState.ExitCode(), seconds
}

// sum waits for the end of a run, which must be a good one, and returns the hash.
func (j *job) sum() string {
	j.t.Helper()
	if code, _ := j.end(noHang); code != 0 {
		j.t.Fatalf("exit code %d, want 0:\n%s", code, j.all())
	}
	return sumOf(j.t, j.out.String())
}

// alone is the hash of a run without a launcher, in the launchers' lanes.
func alone(t *testing.T, args ...string) string {
	t.Helper()
	c := command(t, append(args, "-lanes", "8", "-out", filepath.Join(t.TempDir(), "alone"))...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return sumOf(t, string(out))
}

// whole fails unless the folder's checkpoint is whole, and reports whether there is one.
func whole(t *testing.T, dir string) bool {
	t.Helper()
	_, err := train.ReadRecord(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}
