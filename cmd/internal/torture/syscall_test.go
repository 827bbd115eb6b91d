//go:build linux

package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapenet/graph/weights"
	"tapenet/train"
)

// traced are the flags of the run whose system calls fail. It writes every kind of file
// that runs write.
const traced = "-model lenet5 -data DIGITS/idx -limit 64 -epochs 3 -batch 32 -optimizer adam -average 0.9 -val 0.25 -patience 3 -keep 2 -checkpoint 0"

// fileCalls are the system calls on files that a run makes.
const fileCalls = "openat,read,write,fsync,close,renameat,linkat,unlinkat,mkdirat,newfstatat,getdents64,flock"

// TestTortureSyscall kills a run at each of its system calls on the files of its dataset
// and its folder, and goes on.
func TestTortureSyscall(t *testing.T) {
	Part{
		Name: "syscall", Short: 3, Full: 1000,
		Failure:   "SIGKILL at the n-th system call on a file of the dataset or the folder, by turns in a new run and in one that goes on; each one in turn",
		Guarantee: "what is in the folder is whole; the run that goes on is bit for bit an uninterrupted one; no temporary file is left",
	}.Run(t, func(t *testing.T, number int) string {
		straight := untouched(t)
		dir, calls := begun(t, number%2 == 1)
		c := calls[number/2%len(calls)]
		_, e := traceRun(t, dir, fmt.Sprintf("inject=%s:signal=KILL:when=%d", fileCalls, c.at))
		if e.code >= 0 {
			t.Logf("the run ended before call %d, %s, with exit code %d", c.at, c.line, e.code)
		}
		whole(t, dir)
		goOn(t, dir, straight)
		return "exact after a kill at " + c.name
	})
}

// errnos are the errors that system calls are made to end with.
var errnos = map[string][]syscall.Errno{
	"openat":     {syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT, syscall.EACCES},
	"read":       {syscall.EIO},
	"write":      {syscall.ENOSPC, syscall.EIO, syscall.EDQUOT},
	"fsync":      {syscall.EIO, syscall.ENOSPC, syscall.EDQUOT},
	"close":      {syscall.EIO, syscall.ENOSPC, syscall.EDQUOT},
	"renameat":   {syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT, syscall.EXDEV},
	"linkat":     {syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EMLINK, syscall.EPERM},
	"unlinkat":   {syscall.EIO, syscall.EROFS},
	"mkdirat":    {syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT, syscall.EACCES},
	"newfstatat": {syscall.EIO, syscall.EACCES},
	"getdents64": {syscall.EIO},
	"flock":      {syscall.ENOLCK, syscall.EIO},
}

// symbols are how strace calls them.
var symbols = map[syscall.Errno]string{
	syscall.EMFILE: "EMFILE", syscall.ENFILE: "ENFILE", syscall.ENOSPC: "ENOSPC", syscall.EIO: "EIO", syscall.EROFS: "EROFS",
	syscall.EDQUOT: "EDQUOT", syscall.EACCES: "EACCES", syscall.EXDEV: "EXDEV", syscall.EMLINK: "EMLINK", syscall.EPERM: "EPERM", syscall.ENOLCK: "ENOLCK",
}

// TestTortureErrno lets system calls of a run fail.
func TestTortureErrno(t *testing.T) {
	Part{
		Name: "errno", Short: 3, Full: 300,
		Failure:   "a system call on a file of the dataset or the folder ends with ENOSPC, EIO, EDQUOT, EROFS, EMFILE or another error, at a random place of a new run or of one that goes on",
		Guarantee: "the command gives the system's reason in one line and does not succeed, or does not need that call; files from before are whole; the run that goes on is bit for bit an uninterrupted one",
	}.Run(t, func(t *testing.T, number int) string {
		random := rand.New(rand.NewPCG(uint64(number), 2))
		straight := untouched(t)
		dir, calls := begun(t, number%2 == 1)
		kinds := strings.Split(fileCalls, ",")
		var some []call
		for len(some) == 0 { // a run that goes on does not make every call
			kind := kinds[random.IntN(len(kinds))]
			some = slices.DeleteFunc(slices.Clone(calls), func(c call) bool { return c.name != kind })
		}
		c := some[random.IntN(len(some))]
		errno := errnos[c.name][random.IntN(len(errnos[c.name]))]
		_, e := traceRun(t, dir, fmt.Sprintf("inject=%s:error=%s:when=%d", c.name, symbols[errno], c.ofName))
		outcome := "not needed: "
		if e.code != 0 {
			outcome = "refused: "
			if line := e.reason(t); !strings.Contains(line, errno.Error()) {
				t.Errorf("the error of %s is %q, want the reason %q", c.line, line, errno)
			}
		}
		whole(t, dir)
		goOn(t, dir, straight)
		return outcome + c.name
	})
}

// TestTortureLie lets the system claim that it has written what it has not.
func TestTortureLie(t *testing.T) {
	Part{
		Name: "lie", Short: 3, Full: 50,
		Failure:   "a write that reports success and writes nothing, or an fsync that does nothing and then a power cut that cuts the file off; in half of the runs with a kill soon after",
		Guarantee: "no reader accepts the file; the run goes on from the checkpoint before, or names the damage, and comes to the bits of an uninterrupted run",
	}.Run(t, func(t *testing.T, number int) string {
		random := rand.New(rand.NewPCG(uint64(number), 3))
		straight := untouched(t)
		dir, calls := begun(t, number%2 == 1)
		kind := "write"
		if number%3 == 2 {
			kind = "fsync"
		}
		c := lie(t, calls, kind, random)
		options := []string{fmt.Sprintf("inject=%s:retval=%d:when=%d", kind, c.result, c.ofName)}
		if kill := later(calls, c); kind == "fsync" || random.IntN(2) == 0 {
			options = append(options, fmt.Sprintf("inject=renameat:signal=KILL:when=%d", kill))
		}
		log, e := traceRun(t, dir, options...)
		file, asked := lied(t, log)
		if kind == "write" && asked != c.result { // a write that is as short as it says, which is no lie
			if e.code == 0 {
				t.Errorf("a write of %d bytes returned %d, and the command succeeded", asked, c.result)
			}
			return "a short write is refused"
		}
		if kind == "fsync" {
			cut(t, filepath.Join(dir, file), random)
		}
		return "noticed or replaced: " + finish(t, dir, file, straight)
	})
}

// lie chooses a call to lie about, among those that fill files in the folder.
func lie(t *testing.T, calls []call, kind string, random *rand.Rand) call {
	t.Helper()
	some := slices.DeleteFunc(slices.Clone(calls), func(c call) bool {
		return c.name != kind || !strings.Contains(c.line, weights.TempPrefix) || c.result < 0
	})
	if len(some) == 0 {
		t.Fatalf("no %s in the folder among %d calls", kind, len(calls))
	}
	return some[random.IntN(len(some))]
}

// later is the number, among those of its kind, of the second renaming after a call: the
// first puts the file in its place.
func later(calls []call, after call) int {
	renames := 0
	for _, c := range calls {
		if c.name == "renameat" && c.at > after.at {
			if renames++; renames == 2 {
				return c.ofName
			}
		}
	}
	return 1 << 14 // none
}

// lied reads a log for the name that the file has in the end, and for how many bytes were
// to be written.
func lied(t *testing.T, log string) (file string, asked int) {
	t.Helper()
	temp := ""
	for line := range strings.Lines(log) {
		if strings.Contains(line, "(INJECTED)") && temp == "" {
			temp = regexp.MustCompile(`/(`+regexp.QuoteMeta(weights.TempPrefix)+`\w+)`).FindString(line) + `"`
			if m := regexp.MustCompile(`, (\d+)\) += `).FindStringSubmatch(line); m != nil {
				asked, _ = strconv.Atoi(m[1])
			}
		}
		if temp != "" && strings.Contains(line, "renameat(") && strings.Contains(line, temp) {
			m := regexp.MustCompile(`"[^"]*/([^"/]+)"\)`).FindStringSubmatch(line)
			return m[1], asked
		}
	}
	return strings.Trim(temp, `/"`), asked
}

// cut is what a power cut leaves of a file that is not on the disk yet: nothing, or some
// pages, or zeros.
func cut(t *testing.T, path string, random *rand.Rand) {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	n := random.IntN(len(b)/4096+1) * 4096
	if random.IntN(2) == 0 {
		clear(b[n:])
	} else {
		b = b[:n]
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// finish fails unless a run goes on to its own end, whatever was done to a file. One whose
// first checkpoint is damaged, before which there is none, has to say so, and can begin anew.
func finish(t *testing.T, dir, file string, straight map[string]string) string {
	t.Helper()
	e := execute(t, program(t, "train", overlay(t)...), runArguments(t, dir)...)
	if e.code != 0 {
		if line := e.reason(t); file != train.CheckpointFile || !strings.Contains(line, file) || slices.Contains(names(t, dir), train.PreviousFile) {
			t.Errorf("after a damage of %s the run does not go on: %s", file, line)
		}
		succeed(t, program(t, "train", overlay(t)...), append(runArguments(t, dir), "-resume=false")...)
		file = "the first checkpoint"
	}
	swept(t, dir)
	if f, err := weights.Load(filepath.Join(dir, train.BestFile)); err != nil || f.Checksum == "" {
		t.Errorf("%s is damaged in a run with -patience that has gone on: %v", train.BestFile, err)
	}
	same(t, contents(t, dir), straight)
	return kindOf(file)
}

// kindOf is what a file of a run is, whatever its number.
func kindOf(name string) string {
	switch {
	case strings.HasPrefix(name, "epoch-"):
		return "epoch-N"
	case strings.HasPrefix(name, "events."):
		return "events"
	case strings.HasPrefix(name, weights.TempPrefix):
		return "a temporary file"
	}
	return strings.TrimSuffix(name, ".safetensors")
}

// goOn goes on with a run, or begins it if it had not come to its first checkpoint, and
// fails unless it comes to the bits of the uninterrupted one.
func goOn(t *testing.T, dir string, straight map[string]string) {
	t.Helper()
	succeed(t, program(t, "train", overlay(t)...), runArguments(t, dir)...)
	swept(t, dir)
	same(t, contents(t, dir), straight)
}

// runArguments are those of the run in a folder, with -resume if it has a checkpoint.
func runArguments(t *testing.T, dir string) []string {
	t.Helper()
	args := append(arguments(t, traced), "-out", dir)
	if train.HasRun(dir) {
		args = append(args, "-resume")
	}
	return args
}

// overlay are flags of go build that have the main goroutine keep its thread: strace counts
// calls by thread, and all of a run's calls on files are then of one.
func overlay(t *testing.T) []string {
	t.Helper()
	return share(t, "overlay", func() []string {
		main, err := exec.Command("go", "list", "-f", "{{.Dir}}", "tapenet/cmd/train").Output()
		if err != nil {
			t.Fatal(err)
		}
		file, list := filepath.Join(shared, "one_thread.go"), filepath.Join(shared, "overlay.json")
		text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(strings.TrimSpace(string(main)), "one_thread.go"): file}})
		if err := errors.Join(err,
			os.WriteFile(file, []byte("package main\n\nimport \"runtime\"\n\nfunc init() { runtime.LockOSThread() }\n"), 0o644),
			os.WriteFile(list, text, 0o644)); err != nil {
			t.Fatal(err)
		}
		return []string{"-overlay", list}
	})
}

// untouched is what a run comes to whose calls all succeed.
func untouched(t *testing.T) map[string]string {
	t.Helper()
	need(t, "strace", "strace")
	return share(t, "untouched", func() map[string]string {
		dir := filepath.Join(shared, "untouched")
		succeed(t, program(t, "train", overlay(t)...), runArguments(t, dir)...)
		return contents(t, dir)
	})
}

// begun is a folder for a run that begins, or for one that goes on in its second epoch, and
// the calls that it will make on its files and those of the dataset.
func begun(t *testing.T, goesOn bool) (dir string, calls []call) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run")
	if goesOn {
		half := share(t, "half", func() string {
			half := filepath.Join(shared, "half")
			succeed(t, program(t, "train", overlay(t)...), append(runArguments(t, half), "-until", "1")...)
			return half
		})
		if err := os.CopyFS(dir, os.DirFS(half)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, share(t, fmt.Sprint("calls", goesOn), func() []call {
		copied := filepath.Join(t.TempDir(), "run") // the log has this folder's name
		if goesOn {
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
		}
		log, e := traceRun(t, copied)
		if e.code != 0 {
			t.Fatalf("exit code %d\n%s%s", e.code, e.stdout, e.stderr)
		}
		calls := parse(log, copied, filepath.Join(digits(t), "idx"))
		if len(calls) < 100 {
			t.Fatalf("found %d calls in\n%s", len(calls), log)
		}
		return calls
	})
}

// call is a system call on a file.
type call struct {
	name   string
	at     int // its number among the calls, from 1
	ofName int // and among those of its name
	result int // what it returned
	line   string
}

// parse reads a log for the calls of the first thread that name one of some folders.
func parse(log string, dirs ...string) (calls []call) {
	at, named, first := 0, map[string]int{}, ""
	shape := regexp.MustCompile(`^(\d+) +(\w+)\(.* = (-?\d+)`)
	for line := range strings.Lines(log) {
		m := shape.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if first == "" {
			first = m[1]
		}
		if m[1] != first {
			continue
		}
		at++
		named[m[2]]++
		result, _ := strconv.Atoi(m[3])
		if slices.ContainsFunc(dirs, func(dir string) bool { return strings.Contains(line, dir) }) {
			calls = append(calls, call{m[2], at, named[m[2]], result, strings.TrimSpace(line)})
		}
	}
	return calls
}

// traceRun goes on with the run in a folder, or begins it, under strace with some
// injections, and returns the log of its calls.
func traceRun(t *testing.T, dir string, injections ...string) (log string, e ended) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "strace")
	args := []string{"-f", "-qq", "-y", "-s", "0", "-e", "signal=none", "-e", "trace=" + fileCalls, "-o", file}
	for _, i := range injections {
		args = append(args, "-e", i)
	}
	args = append(append(args, program(t, "train", overlay(t)...)), runArguments(t, dir)...)
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, "strace", args...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	c.Stdout, c.Stderr, c.WaitDelay = &stdout, &stderr, time.Second
	began := time.Now()
	if err := c.Run(); ctx.Err() != nil || c.ProcessState == nil {
		t.Fatalf("strace %q: %v, %v", args, err, ctx.Err())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return string(b), ended{c.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(began)}
}
