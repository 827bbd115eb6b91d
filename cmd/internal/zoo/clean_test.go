package zoo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tapenet/cmd/internal/cli"
)

// TestMain is the command itself in a process that asks for it, or a work whose
// memory is measured.
func TestMain(m *testing.M) {
	if os.Getenv("TAPENET_TEST_COMMAND") != "" {
		cli.Main(Command)
	}
	if work := os.Getenv(workEnv); work != "" {
		if err := perform(work); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestLeavesNothingBehind: the command works in a temporary directory that it
// may not use, and leaves nothing in one that it may.
func TestLeavesNothingBehind(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp, picture := t.TempDir(), filepath.Join(t.TempDir(), "x.svg")
	for _, dir := range []string{temp, filepath.Join(picture, "no folder")} {
		c := exec.Command(self, "-model", "cnn", "-graph", picture)
		c.Env = append(os.Environ(), "TAPENET_TEST_COMMAND=1", "TMPDIR="+dir, "TMP="+dir, "TEMP="+dir)
		if output, err := c.CombinedOutput(); err != nil {
			t.Fatalf("temporary directory %s: %v: %s", dir, err, output)
		}
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("%v left behind, error %v", left, err)
	}
}
