//go:build mpi && linux && (amd64 || arm64)

package train

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kills is how many kills the test has: three, in the long form 50, or as many as the
// variable says.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("TAPENET_KILLS_MPI")
	switch {
	case text == "" && long():
		return 50
	case text == "":
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMPIKills kills a rank or the launcher, or lets a rank hang, at random moments, and
// goes on with another number of ranks, mostly on the other library. However often that
// happens before a run is complete, its hash is that of one without a break. None of its
// processes is left, none hangs.
func TestMPIKills(t *testing.T) {
	needLaunchers(t)
	const flags = "-model dropout -limit 800 -batch 32 -augment shift=0.1 -mixup 0.2 -epochs 12"
	args := mpiArgs(t, flags)
	want := alone(t, args...)
	args = append(args, "-timeout", "4s")
	random := rand.New(rand.NewPCG(13, 7))
	dir, events, completed := filepath.Join(t.TempDir(), "0"), map[string]int{}, 0
	slowest := 0.0
	for killed, ranks := 0, 0; killed < kills(t); {
		ranks = 1 + (ranks+random.IntN(4))%5 // another number than before
		l := launchers[random.IntN(2)]
		j := l.launch(t, ranks, append(args, append(resumed(whole(t, dir)), "-out", dir)...)...)
		if j.waitFor(" in 8 lanes on ") || ranks == 1 {
			select {
			case <-j.ended:
			case <-time.After(time.Duration(random.Int64N(int64(1500 * time.Millisecond)))):
			}
		}
		what, pid, signal := anEvent(random, j, ranks)
		began := time.Now()
		if pid > 0 {
			j.signal(pid, signal)
		}
		if signal == syscall.SIGSTOP {
			j.endIfDone(pid)
		}
		code, _ := j.end(gone)
		if code == 0 {
			completed++
			if got := sumOf(t, j.out.String()); got != want {
				t.Fatalf("after %v: hash %s, want %s:\n%s", events, got, want, j.all())
			}
			dir = filepath.Join(t.TempDir(), fmt.Sprint(completed))
			continue
		}
		killed++
		events[what]++
		slowest = max(slowest, time.Since(began).Seconds())
	}
	last := launchers[0].launch(t, 2, append(args, append(resumed(whole(t, dir)), "-timeout", "60s", "-out", dir)...)...)
	if got := last.sum(); got != want {
		t.Fatalf("after %v: hash %s, want %s:\n%s", events, got, want, last.all())
	}
	completed++
	t.Logf("%v, %d runs completed with one hash, all processes gone after %.1f s at most", events, completed, slowest)
	addRow(t, "\n%d random kills (%s) of `%s`, each resumed with another number of ranks: %d runs completed, all with `%s`, as alone without a kill; all processes gone %.1f s after a kill at most.",
		kills(t), strings.Trim(fmt.Sprint(events), "map[]"), flags, completed, want, slowest)
}

// endIfDone kills a process that hangs after the end of its run: all is written by then,
// and no other rank waits for it. Launchers wait for good for such a process.
func (j *job) endIfDone(pid int) {
	select {
	case <-j.ended:
	case <-time.After(12 * time.Second): // -timeout, and what Open MPI takes to end
		if strings.Contains(j.out.String(), "\nthe model is in ") {
			j.signal(pid, syscall.SIGKILL)
		}
	}
}

// anEvent chooses what happens to a job; pid is 0 if there is nobody left for it.
func anEvent(random *rand.Rand, j *job, ranks int) (what string, pid int, signal syscall.Signal) {
	kind, rank := random.IntN(3), random.IntN(ranks)
	if kind == 1 {
		return "launcher killed", j.Process.Pid, syscall.SIGKILL
	}
	variable := fmt.Sprintf("\x00%s=%d\x00", j.launcher.rank, rank)
	for p, env := range j.processes() {
		if strings.Contains(env, variable) {
			pid = p
		}
	}
	if kind == 0 || ranks == 1 { // nobody waits for the only rank
		return "rank killed", pid, syscall.SIGKILL
	}
	return "rank hung", pid, syscall.SIGSTOP
}
