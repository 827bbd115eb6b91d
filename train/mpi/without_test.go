//go:build !mpi || !linux || !(amd64 || arm64)

package mpi

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestJoinWithout: a program without MPI refuses to be one of several, and to be the
// only one that a launcher started: it would compute with other lanes.
func TestJoinWithout(t *testing.T) {
	for _, size := range []string{"1", "4"} {
		unlaunch(t)
		t.Setenv("OMPI_COMM_WORLD_SIZE", size)
		g, err := Join(Options{})
		if g != nil || err == nil {
			t.Fatalf("Join under a launcher of %s is %v, %v, want an error", size, g, err)
		}
		wants := []string{"mpirun of Open MPI", size + " processes"}
		if runtime.GOOS == "linux" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") {
			wants = append(wants, "-tags mpi")
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Join under a launcher of %s: %v, want %q in it", size, err, want)
			}
		}
	}
}

// TestStatic: without the tag the package brings nothing into a program but what the
// standard library has without cgo.
func TestStatic(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	cmd := exec.Command("go", "list", "-deps", ".")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 10 {
		t.Fatalf("%v lists %d packages, want those of the standard library too", cmd, len(deps))
	}
	for _, dep := range deps {
		if host, _, _ := strings.Cut(dep, "/"); strings.Contains(host, ".") || dep == "runtime/cgo" {
			t.Errorf("the package links %s, want nothing but the standard library and no cgo", dep)
		}
	}
}
