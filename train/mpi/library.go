//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"os"
	"strings"

	"github.com/ebitengine/purego"
)

// Override is the variable that names the library to open, as a path or as a name
// that the system's loader finds.
const override = "TAPENET_MPI"

// libraryNames lists, by launcher, the libraries to try, in this order. The numbers
// are those of the ABI: 40 is Open MPI's since 3.0, 12 that of MPICH and its
// relatives since 3.1; Debian calls MPICH's libmpich and everyone else libmpi. Only
// the launcher's own library can find the other processes.
var libraryNames = map[kind][]string{
	openMPI:   {"libmpi.so.40", "libmpi_abi.so.0"},
	hydra:     {"libmpich.so.12", "libmpi.so.12", "libmpi_abi.so.0", "libmpi.so.40"},
	slurmPMI:  {"libmpich.so.12", "libmpi.so.12", "libmpi_abi.so.0", "libmpi.so.40"},
	slurm:     {"libmpich.so.12", "libmpi.so.12", "libmpi_abi.so.0", "libmpi.so.40"},
	slurmPMIx: {"libmpi.so.40", "libmpi_abi.so.0", "libmpich.so.12", "libmpi.so.12"},
	pmix:      {"libmpi.so.40", "libmpi_abi.so.0", "libmpich.so.12", "libmpi.so.12"},
}

// library is an open MPI library: its names, its handles and its functions.
type library struct {
	name string // as "Open MPI 4.1.4"
	file string // as "libmpi.so.40"
	abi

	handle uintptr
	calls
	out *out
}

// openLibrary opens the library that belongs to a launcher, or the one that the
// environment names.
func openLibrary(l Launcher) (*library, error) {
	names := libraryNames[l.kind]
	if path := os.Getenv(override); path != "" {
		names = []string{path}
	}
	var reasons []string
	for _, name := range names {
		// Open MPI opens plug-ins that look for its symbols in the program: global.
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		lib := &library{file: name, handle: handle, out: newOut()}
		if err := lib.lookUp(); err != nil {
			return nil, err
		}
		return lib, lib.identify()
	}
	return nil, fmt.Errorf("mpi: %v started this process, but no library of it opens (%s): install it, or name its file in %s",
		l, strings.Join(reasons, "; "), override)
}

// symbol is the address of a function or a variable of the library.
func (lib *library) symbol(name string) (uintptr, error) {
	address, err := purego.Dlsym(lib.handle, name)
	if err != nil || address == 0 {
		return 0, fmt.Errorf("mpi: %s has no %s, want a library of MPI 3.1 or later: name another one in %s", lib.file, name, override)
	}
	return address, nil
}
