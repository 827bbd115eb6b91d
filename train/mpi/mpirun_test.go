//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExchange exchanges parts of random lengths between 1, 2, 3 and 5 ranks.
func TestExchange(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		for _, n := range []int{1, 2, 3, 5} {
			var done []string
			for r := range n {
				done = append(done, fmt.Sprintf("rank %d is done", r))
			}
			j := launch(t, launcher, n, "exchange", 30*time.Second)
			j.want(60*time.Second, 0, append(done, launchers[launcher].library, fmt.Sprintf("rank %d of %d", n-1, n))...)
		}
	})
}

// TestExchangeAllocatesNothing, as it is part of a training step.
func TestExchangeAllocatesNothing(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		launch(t, launcher, 2, "allocate", 30*time.Second).want(40*time.Second, 0, " allocations", "rank 1 is done")
	})
}

// TestThreads: ranks share the processors of the machine, unless the environment
// says otherwise.
func TestThreads(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		launch(t, launcher, 2, "join", 30*time.Second, "GOMAXPROCS=7").want(40*time.Second, 0, "GOMAXPROCS 7")
		const many = 5 // on a machine with fewer than ten processors one each
		launch(t, launcher, many, "join", 30*time.Second, "GOMAXPROCS=").want(40*time.Second, 0, "rank 4 of 5", fmt.Sprintf("GOMAXPROCS %d\n", max(1, runtime.GOMAXPROCS(0)/many)))
	})
}

// TestOtherLengths: a rank that sends less than another expects is found out.
func TestOtherLengths(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		launch(t, launcher, 2, "lengths", 30*time.Second).want(30*time.Second, 1, "rank 0 sent rank 1 10 bytes, want 20")
	})
}

// TestLauncherOfAnotherLibrary is refused: each process would be a group of its own.
func TestLauncherOfAnotherLibrary(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		other := launchers[1-launcher]
		j := launch(t, launcher, 2, "join", 30*time.Second, override+"="+other.file)
		if code := j.end(30 * time.Second); code == 0 {
			t.Errorf("exit code 0, want an error:\n%s", j.output())
		}
		if strings.Contains(j.output(), "cannot open shared object file") {
			missing(t, other.file, other.debian)
		}
		for _, text := range []string{launchers[launcher].library + " started 2 processes, but " + other.library, "sees 1"} {
			if !strings.Contains(j.output(), text) {
				t.Errorf("no %q in the output:\n%s", text, j.output())
			}
		}
	})
}

// TestNoLibrary: the error names the variable that helps.
func TestNoLibrary(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		launch(t, launcher, 1, "join", 30*time.Second, override+"=/nowhere/libmpi.so").want(30*time.Second, anyError, "/nowhere/libmpi.so", override)
		launch(t, launcher, 1, "join", 30*time.Second, override+"=libm.so.6").want(30*time.Second, anyError, "libm.so.6 has no MPI_", override)
	})
}

// TestKilledRank: the launcher ends the others.
func TestKilledRank(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		launch(t, launcher, 3, "kill", 60*time.Second).want(15*time.Second, anyError)
	})
}

// TestHungRank: the others learn of it by the timeout, say so, and end all.
func TestHungRank(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		launch(t, launcher, 3, "stop", 2*time.Second).want(15*time.Second, 1, "has waited 2s in Allgather for")
	})
}

// TestAbort ends all ranks with the code, while each of them waits in a call.
func TestAbort(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		launch(t, launcher, 3, "abort", 60*time.Second).want(15*time.Second, 7)
	})
}

// TestSignals: what the launcher is sent reaches each rank as a Go signal, though
// MPICH replaces a handler, and the ranks can still exchange. Open MPI's launcher
// makes SIGTERM of SIGINT, and kills a second later: only SIGUSR1 leaves its ranks
// the time to end by themselves.
func TestSignals(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		kills := launchers[launcher].library == "Open MPI"
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
			j := launch(t, launcher, 2, "signal", 20*time.Second)
			j.waitFor("ready", 2)
			if err := j.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			arrives := s
			if s == syscall.SIGINT && kills {
				arrives = syscall.SIGTERM
			}
			texts := []string{fmt.Sprintf("rank 0: %v has come to all", arrives), fmt.Sprintf("rank 1: %v has come to all", arrives)}
			if s == syscall.SIGUSR1 {
				j.want(30*time.Second, 0, append(texts, "rank 0 is done", "rank 1 is done")...)
			} else {
				j.want(30*time.Second, anyCode, texts...)
			}
		}
	})
}

// TestSpeed prints what an exchange takes. It judges nothing but that it runs: the
// machine may be busy.
func TestSpeed(t *testing.T) {
	forEach(t, func(t *testing.T, launcher int) {
		j := launch(t, launcher, 2, "speed", 60*time.Second)
		j.want(120*time.Second, 0, "speed: "+launchers[launcher].library)
		for _, line := range strings.Split(j.output(), "\n") {
			if strings.HasPrefix(line, "speed: ") {
				t.Log(line)
			}
		}
	})
}
