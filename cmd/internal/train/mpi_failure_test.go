//go:build mpi && linux && (amd64 || arm64)

package train

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapenet/train"
)

// gone is the longest time from a failure to the end of the last process, on a machine
// with other work; the table has what it took.
const gone = 30 * time.Second

// lasting are the flags of a run that does not end before it is stopped.
const lasting = "-model dropout -limit 600 -batch 32"

// killedCodes are the exit codes of a launcher that has lost a rank: 137 of Open MPI's, of
// MPICH's 9, the signal, or 6 where UCX aborts the rank that has read from the lost one's
// memory, or both ored with 128.
var killedCodes = []int{137, 9, 6, 15, 134, 143}

// TestMPILost: whichever process is lost or hangs, all end, and the last checkpoint
// goes on to the hash of a run without a break.
func TestMPILost(t *testing.T) {
	needLong(t)
	const epochs = 400
	headFailures(t)
	forEach(t, func(t *testing.T, l, other launcher) {
		for _, tt := range []struct {
			what   string
			signal syscall.Signal
			rank   int // -1: the launcher
			text   string
			codes  []int
		}{
			{"kill -9 of rank 1", syscall.SIGKILL, 1, "", killedCodes},
			{"kill -9 of rank 0", syscall.SIGKILL, 0, "", killedCodes},
			{"kill -9 of the launcher", syscall.SIGKILL, -1, "", []int{137}},
			{"SIGSTOP of rank 1, -timeout 5s", syscall.SIGSTOP, 1, "train: the ranks cannot reach each other: mpi: rank ", []int{1}},
			{"SIGSTOP of rank 0, -timeout 5s", syscall.SIGSTOP, 0, "train: the ranks cannot reach each other: mpi: rank ", []int{1}},
		} {
			dir := filepath.Join(t.TempDir(), "x")
			j := l.launch(t, 3, mpiArgs(t, lasting, "-epochs", fmt.Sprint(epochs), "-timeout", "5s", "-out", dir)...)
			j.until("epoch 2/")
			pid := j.Process.Pid
			if tt.rank >= 0 {
				pid = j.rank(tt.rank)
			}
			j.signal(pid, tt.signal)
			code, seconds := j.end(gone)
			if !slices.Contains(tt.codes, code) || !strings.Contains(j.errs.String(), tt.text) || strings.Contains(j.errs.String(), "goroutine ") {
				t.Errorf("%s: exit code %d, want one of %v and %q:\n%s", tt.what, code, tt.codes, tt.text, j.all())
			}
			if !whole(t, dir) {
				t.Errorf("%s: no checkpoint", tt.what)
			}
			addRow(t, "| %s | %s | %.1f | %d | %s |", tt.what, l.name, seconds, code, errorLine(j))
		}
	})
}

// headFailures begins a table of failures.
func headFailures(t *testing.T) {
	t.Helper()
	addRow(t, "\n| what happens | | seconds until all are gone | exit code | what is left, or said |\n|---|---|---|---|---|")
}

// ours is the lines that the command has printed of an error.
var ours = regexp.MustCompile(`(?m)^.*train: .*$`)

// errorLine is the message of a job, of which there may be one at most, but for ranks
// that have lost each other.
func errorLine(j *job) string {
	lines := ours.FindAllString(j.errs.String(), -1)
	if len(lines) == 0 {
		return ""
	}
	return "`" + lines[0] + "`"
}

// TestMPIStopped: SIGINT and SIGTERM to the launcher, as batch systems and people send
// them, end in a whole checkpoint; after SIGUSR1 and under MPICH it is that of the
// moment. With -resume, other ranks on the other library come to the hash of a run
// without a break.
func TestMPIStopped(t *testing.T) {
	needLong(t)
	const epochs = 30
	want := alone(t, mpiArgs(t, lasting, "-epochs", fmt.Sprint(epochs))...)
	headFailures(t)
	forEach(t, func(t *testing.T, l, other launcher) {
		for _, tt := range []struct {
			what   string
			signal syscall.Signal
			group  bool // the launcher's group, as a terminal does it
			saves  bool // whatever Open MPI does a second later
		}{
			{"SIGINT to the launcher", syscall.SIGINT, false, false},
			{"Ctrl-C: SIGINT to the launcher's group", syscall.SIGINT, true, false},
			{"SIGTERM to the launcher", syscall.SIGTERM, false, false},
			{"SIGUSR1 to the launcher", syscall.SIGUSR1, false, true},
		} {
			args := mpiArgs(t, lasting, "-epochs", fmt.Sprint(epochs), "-out", filepath.Join(t.TempDir(), "x"))
			j := l.launch(t, 3, args...)
			j.until("epoch 1/")
			pid := j.Process.Pid
			if tt.group {
				pid = -pid
			}
			j.signal(pid, tt.signal)
			code, seconds := j.end(gone)
			saved := strings.Count(j.out.String(), "with -resume goes on from here")
			if !stoppedCode(l, code) || saved > 1 || saved == 0 && (tt.saves || l.name == "MPICH") {
				t.Errorf("%s: exit code %d, saved %d times, want an error and once:\n%s", tt.what, code, saved, j.all())
			}
			addRow(t, "| %s | %s | %.1f | %d | %s |", tt.what, l.name, seconds, code, []string{"the last epoch's checkpoint", "saved"}[saved])
			if got := other.launch(t, 2, append(args, "-resume")...).sum(); got != want {
				t.Errorf("%s: going on with 2 ranks on %s: hash %s, want %s", tt.what, other.name, got, want)
			}
		}
	})
}

// stoppedCode reports whether an exit code is that of a run that was stopped through its
// launcher: 130, or what Open MPI makes of ranks that it ends, or 0 where mpirun of
// MPICH 4.0.2 forgets the code, mostly that of one rank.
func stoppedCode(l launcher, code int) bool {
	return code == 130 || l.name == "Open MPI" && code == 1 || l.name == "MPICH" && code == 0
}

// onRank1 is a program that gives the flags behind it, up to --, to rank 1 alone.
func onRank1(l launcher, flags ...string) []string {
	const script = `extra=; while [ "$1" != -- ]; do extra="$extra $1"; shift; done; shift
[ "$RANK1" = 1 ] || extra=
exec "$@" $extra`
	script1 := strings.Replace(script, "RANK1", l.rank, 1)
	return append(append([]string{"sh", "-c", script1, "sh"}, flags...), "--")
}

// TestMPIErrors: what one rank finds, or all do, is one message, and all end.
func TestMPIErrors(t *testing.T) {
	needLong(t)
	torn := tornPictures(t)
	headFailures(t)
	forEach(t, func(t *testing.T, l, other launcher) {
		dir := t.TempDir()
		for _, tt := range []struct {
			what   string
			flags  string
			rank1  []string
			env    []string
			code   int
			number int // of messages
			text   string
		}{
			{what: "a picture that rank 1 cannot read", flags: "-model lenet5 -epochs 9 -batch 32 -data " + torn[0], rank1: []string{"-data", torn[1]}, code: 1, number: 1,
				text: "train: rank 1: train: training sample "},
			{what: "no dataset on rank 1", flags: lasting, rank1: []string{"-data", "/nowhere"}, code: 1, number: 1, text: "train: rank 1: data: no dataset"},
			{what: "another seed on rank 1", flags: lasting, rank1: []string{"-seed", "9"}, code: 1, number: 1, text: "train: rank 1: train: the first rank's run is another one: its seed is 1, this run's 9"},
			{what: "other epochs on rank 1", flags: lasting, rank1: []string{"-epochs", "9"}, code: 1, number: 1, text: "train: rank 1: train: the first rank's run is another one: "},
			{what: "a wrong flag on rank 1", flags: lasting, rank1: []string{"-batch", "0"}, code: 1, number: 1, text: "train: rank 1: train: -batch 0, want 1 or more"},
			{what: "a wrong flag", flags: "-model vgg", code: 2, number: 1, text: "modelzoo: no model \"vgg\", want one of"},
			{what: "-resume without a run", flags: lasting + " -resume -out " + filepath.Join(dir, "none"), code: 1, number: 1, text: "train: nothing to resume, there is no"},
			{what: "more ranks than lanes", flags: lasting + " -lanes 2", code: 1, number: 1, text: "train: 2 lanes on 3 ranks, want at least one for each"},
			{what: "the launcher of another library", flags: lasting, env: []string{"TAPENET_MPI=" + other.library}, code: 1, number: 1,
				text: fmt.Sprintf("train: the launcher is not that of the library: mpirun of %s started 3 processes, but %s ", l.name, other.name)},
		} {
			args := mpiArgs(t, "", append([]string{"-out", filepath.Join(dir, "x"), "-epochs", "50"}, strings.Fields(tt.flags)...)...)
			var through []string
			if tt.rank1 != nil {
				through = onRank1(l, tt.rank1...)
			}
			j := l.launchWith(t, 3, tt.env, through, args...)
			code, seconds := j.end(gone)
			found := strings.Count(j.errs.String(), tt.text)
			if tt.what == "a wrong flag on rank 1" {
				// Rank 1 ends with 2, the others with 1: Open MPI gives the code of the
				// first that ends, and MPICH all codes in one.
				tt.code |= code & 2
			}
			if code != tt.code || found != tt.number || len(ours.FindAllString(j.errs.String(), -1)) > tt.number {
				t.Errorf("%s: exit code %d, want %d; %d times %q, want %d, and no other message:\n%s", tt.what, code, tt.code, found, tt.text, tt.number, j.all())
			}
			addRow(t, "| %s | %s | %.1f | %d | %s |", tt.what, l.name, seconds, code, errorLine(j))
		}
	})
}

// tornPictures are two folders of the same pictures; in the second one many cannot be
// read.
func tornPictures(t *testing.T) (dirs [2]string) {
	t.Helper()
	for i := range dirs {
		dirs[i] = filepath.Join(t.TempDir(), "digits")
		if err := os.CopyFS(dirs[i], os.DirFS(pictures(t, 200))); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dirs[1], "*", "*5.png"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d pictures, error %v", len(files), err)
	}
	for _, file := range files {
		if err := os.WriteFile(file, []byte("torn"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dirs
}

// TestMPIEarlier: an earlier run in the folder moves, once, and a run that goes on in it
// is not disturbed.
func TestMPIEarlier(t *testing.T) {
	needLong(t)
	forEach(t, func(t *testing.T, l, other launcher) {
		dir := filepath.Join(t.TempDir(), "x")
		args := mpiArgs(t, lasting, "-epochs", "1", "-out", dir)
		first := l.launch(t, 3, args...).sum()
		j := other.launch(t, 2, args...)
		if again := j.sum(); again != first || strings.Count(j.out.String(), "moved the earlier run to "+dir+".1\n") != 1 {
			t.Errorf("hash %s, want %s, and the earlier run moved once:\n%s", again, first, j.all())
		}
		for _, name := range []string{dir, dir + ".1"} {
			if r, err := train.ReadRecord(name); err != nil || len(r.History) != 1 {
				t.Errorf("%s: record %+v, error %v", name, r, err)
			}
		}
		going := l.launch(t, 3, mpiArgs(t, lasting, "-epochs", "400", "-out", dir)...).until("epoch 1/")
		refused := other.launch(t, 2, append(args, "-resume")...)
		if code, _ := refused.end(gone); code != 1 || strings.Count(refused.errs.String(), "train: a run is going on in "+dir) != 1 {
			t.Errorf("exit code %d, want 1 and that a run is going on:\n%s", code, refused.all())
		}
		going.signal(going.Process.Pid, syscall.SIGUSR1)
		if code, _ := going.end(gone); !stoppedCode(l, code) || !strings.Contains(going.out.String(), "with -resume goes on from here") {
			t.Errorf("exit code %d, want a stopped run:\n%s", code, going.all())
		}
	})
}
