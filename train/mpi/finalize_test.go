//go:build mpi && linux && (amd64 || arm64)

package mpi

import "testing"

func TestHangsInFinalize(t *testing.T) {
	for library, want := range map[string]bool{
		"MPICH 4.0.2": true, "MPICH 3.4.3": true, "MPICH 4.1": true, "MPICH 4.2.0": false, "MPICH 5.0.0": false,
		"MPICH": false, "MPICH new": false, "Open MPI 4.1.4": false, "Intel(R) MPI Library 2021.9": false,
	} {
		if got := hangsInFinalize(library); got != want {
			t.Errorf("%s: %t, want %t", library, got, want)
		}
	}
}
