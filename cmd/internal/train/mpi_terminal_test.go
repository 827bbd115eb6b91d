//go:build mpi && linux && (amd64 || arm64)

package train

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMPITerminal: people at a terminal see the progress bar through mpirun of Open MPI,
// which gives the first rank a terminal. MPICH's gives it a pipe, and there is none.
func TestMPITerminal(t *testing.T) {
	needLaunchers(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range launchers {
		screen, tty := terminal(t, 100)
		args := append(append([]string{}, l.flags...), "-n", "2", self)
		c := exec.Command(l.command, append(args, mpiArgs(t, "-model dropout -limit 600 -epochs 3 -out "+filepath.Join(t.TempDir(), "x"))...)...)
		c.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "TAPENET_TEST_COMMAND=1")
		c.Stdin, c.Stdout, c.Stderr = tty, tty, tty
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		tty.Close()
		shown, _ := io.ReadAll(screen) // ends with EIO when all have closed the terminal
		if code := wait(t, c, noHang); code != 0 {
			t.Fatalf("%s: exit code %d:\n%s", l.name, code, shown)
		}
		sumOf(t, strings.ReplaceAll(string(shown), "\r\n", "\n"))
		if bar := regexp.MustCompile(`left +\d+% \|`).Match(shown); bar != (l.name == "Open MPI") {
			t.Errorf("%s: a progress bar: %t:\n%q", l.name, bar, shown)
		}
	}
}
