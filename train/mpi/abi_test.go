//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// mirrorLibrary compiles the library in testdata and returns its file.
func mirrorLibrary(t *testing.T, flags ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles a library")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		missing(t, "gcc", "gcc libc6-dev")
	}
	file := filepath.Join(t.TempDir(), "libmpi_abi.so.0")
	args := append([]string{"-shared", "-fPIC", "-Wall", "-Werror", "-o", file, filepath.Join("testdata", "abi.c")}, flags...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return file
}

// runMirror starts this test binary as what a launcher with PMI calls rank 0 of 2.
func runMirror(t *testing.T, file, do string, timeout time.Duration, env ...string) *job {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env = append([]string{override + "=" + file, "PMI_SIZE=2", "PMI_RANK=0", "OMPI_COMM_WORLD_SIZE=", "SLURM_STEP_NUM_TASKS="}, env...)
	return startJob(t, do, timeout, env, self)
}

// TestStandardABI runs on a library that judges the handles of MPI-5's ABI. That
// library was written from the standard's header: neither of the two was run against
// a real one.
func TestStandardABI(t *testing.T) {
	file := mirrorLibrary(t)
	runMirror(t, file, "mirror", 10*time.Second).
		want(20*time.Second, 0, "rank 0 of 2", "Mirror MPI 5.0.1 (MPI ABI 1.0)", "MPI_Finalize", "rank 0 is done")
}

// TestErrorOfLibrary: an error has the name of the call and the library's text, on
// one line.
func TestErrorOfLibrary(t *testing.T) {
	file := mirrorLibrary(t)
	for _, call := range []string{
		"MPI_Get_library_version", "MPI_Abi_get_version", "MPI_Init_thread", "MPI_Comm_set_errhandler", "MPI_Comm_size", "MPI_Comm_rank",
		"MPI_Isend", "MPI_Irecv", "MPI_Iallgatherv", "MPI_Test", "MPI_Get_count", "MPI_Finalize",
	} {
		t.Run(call, func(t *testing.T) {
			runMirror(t, file, "mirror", 10*time.Second, "FAKE_FAIL="+call).
				want(20*time.Second, 1, "mpi: "+call+" of ", ": error 16, which this library was told to return")
		})
	}
}

// TestLibraryHangs: a call that never returns costs the timeout, and an MPI_Abort
// that never returns its bound. An MPI_Finalize that never returns is no error.
func TestLibraryHangs(t *testing.T) {
	file := mirrorLibrary(t)
	for call, text := range map[string]string{
		"MPI_Init_thread": "MPI_Init_thread has not returned after 1s",
		"MPI_Isend":       "rank 0 of 2 has waited 1s in Alltoall",
		"MPI_Iallgatherv": "mpi: rank 0 of 2 has waited 1s in Allgather for the others",
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			runMirror(t, file, "mirror", time.Second, "FAKE_HANG="+call).want(abortWithin+10*time.Second, 1, text)
		})
	}
	t.Run("MPI_Finalize", func(t *testing.T) { // nobody needs anybody any more
		t.Parallel()
		runMirror(t, file, "mirror", time.Second, "FAKE_HANG=MPI_Finalize").want(10*time.Second, 0, "rank 0 is done")
	})
	t.Run("MPI_Abort", func(t *testing.T) {
		t.Parallel()
		runMirror(t, file, "mirror", time.Second, "FAKE_HANG=MPI_Abort", "FAKE_FAIL=MPI_Isend").want(abortWithin+10*time.Second, 1, "MPI_Isend of")
	})
}

// TestHandlersReplaced: the handlers that MPI_Init_thread sets are taken back.
func TestHandlersReplaced(t *testing.T) {
	j := runMirror(t, mirrorLibrary(t), "signal", 20*time.Second, "FAKE_SIGNAL=1")
	j.waitFor("ready", 1)
	if err := j.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	j.want(30*time.Second, 0, "user defined signal 1 has come to all")
}

// TestUnknownLibrary is refused by its name.
func TestUnknownLibrary(t *testing.T) {
	runMirror(t, mirrorLibrary(t, "-DNO_ABI"), "join", 10*time.Second).
		want(20*time.Second, 1, `calls itself "Mirror MPI 5.0.1", want Open MPI`)
}

// TestShortVersion shortens what libraries say of themselves.
func TestShortVersion(t *testing.T) {
	for version, want := range map[string]string{
		"Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4, May 26, 2022": "Open MPI 4.1.4",
		"MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022\n":             "MPICH 4.0.2",
		"MVAPICH2 Version      :\t2.3.7\nMVAPICH2 Release date :":                                "MVAPICH2 2.3.7",
		"Intel(R) MPI Library 2021.10 for Linux* OS\n":                                           "Intel(R) MPI Library 2021.10 for Linux* OS",
		"MPI VERSION    : CRAY MPICH version 8.1.25.17 (ANL base 3.4a2)\nMPI BUILD INFO : ":      "MPI VERSION    : CRAY MPICH 8.1.25.17",
		"something else": "something else",
	} {
		if got := shortVersion(version); got != want {
			t.Errorf("shortVersion(%q) is %q, want %q", version, got, want)
		}
	}
}
