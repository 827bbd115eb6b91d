//go:build mpi && linux && (amd64 || arm64)

package train

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMPIRestart: the supervisor of train/mpi/examples goes on after a rank is killed,
// with the hash of a run without a break, and hands a signal on, after which nothing is
// started again.
func TestMPIRestart(t *testing.T) {
	needLong(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want := alone(t, mpiArgs(t, lasting, "-epochs", "60")...)
	forEach(t, func(t *testing.T, l, other launcher) {
		dir := filepath.Join(t.TempDir(), "x")
		line := append([]string{"-restarts", "3", "-wait", "0", "--", l.command}, l.flags...)
		line = append(line, "-n", "3", self)
		restart := filepath.Join("..", "..", "train", "mpi", "examples", "restart")
		j := startJob(t, l, exec.Command(restart, append(line, mpiArgs(t, lasting, "-epochs", "60", "-out", dir)...)...), nil)
		j.until("epoch 2/60").signal(j.rank(1), syscall.SIGKILL)
		if got := j.sum(); got != want || strings.Count(j.errs.String(), "restart 1 of 3 in 0 s") != 1 || strings.Count(j.out.String(), "\ngoing on with ") != 1 {
			t.Errorf("hash %s, want %s after one restart:\n%s", got, want, j.all())
		}
		j = startJob(t, l, exec.Command(restart, append(line, mpiArgs(t, lasting, "-epochs", "800", "-out", dir)...)...), nil)
		j.until("epoch 2/800").signal(j.Process.Pid, syscall.SIGTERM)
		code, _ := j.end(30 * time.Second)
		if text := j.out.String(); code != 130 || strings.Count(text, "with -resume goes on from here") != 1 || strings.Contains(j.errs.String(), "restart 1") {
			t.Errorf("exit code %d, want 130, saved once and no restart:\n%s", code, j.all())
		}
	})
}
