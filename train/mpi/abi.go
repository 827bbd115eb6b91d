//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"regexp"
	"strings"
)

// abi is what a library's mpi.h makes of MPI's names. The handles of communicators
// and types are numbers here or addresses; all are passed as words. A request has
// four bytes in MPICH and eight elsewhere: a word holds either.
type abi struct {
	world        uintptr // MPI_COMM_WORLD
	bytes        uintptr // MPI_BYTE
	errorsReturn uintptr // MPI_ERRORS_RETURN
	inPlace      uintptr // MPI_IN_PLACE
	funneled     int32   // MPI_THREAD_FUNNELED
}

// The handles of Open MPI are the addresses of these variables of the library.
const (
	openMPIWorld        = "ompi_mpi_comm_world"
	openMPIByte         = "ompi_mpi_byte"
	openMPIErrorsReturn = "ompi_mpi_errors_return"
)

// mpich is the ABI of MPICH since 3.1, which Intel MPI, MVAPICH and Cray MPICH have
// agreed to keep.
var mpich = abi{world: 0x44000000, bytes: 0x4c00010d, errorsReturn: 0x54000001, inPlace: ^uintptr(0), funneled: 1}

// standard is the ABI of MPI-5, by the forum's mpi.h (mpi-abi-stubs), which counts
// the levels of threads unlike everyone before.
var standard = abi{world: 0x101, bytes: 0x247, errorsReturn: 0x142, inPlace: 1, funneled: 1024}

// sizeOfStatus has room for an MPI_Status of any library: 20 bytes in MPICH, 24 in
// Open MPI, 32 in the standard ABI.
const sizeOfStatus = 64

// Lengths of texts: the largest MPI_MAX_ERROR_STRING and
// MPI_MAX_LIBRARY_VERSION_STRING among the libraries.
const (
	maxErrorString = 1024
	maxVersion     = 8192
)

// identify finds out which ABI an open library has, before MPI_Init, and its name
// for people. MPI_Abi_get_version comes first: the library of MPICH with the
// standard ABI calls itself MPICH too.
func (lib *library) identify() error {
	version, err := lib.version()
	if err != nil {
		return err
	}
	lib.name = shortVersion(version)
	major, minor, err := lib.abiVersion()
	switch {
	case err != nil:
		return err
	case major > 0:
		lib.abi = standard
		lib.name += fmt.Sprintf(" (MPI ABI %d.%d)", major, minor)
		return nil
	case strings.HasPrefix(version, "Open MPI"):
		return lib.identifyOpenMPI()
	case strings.Contains(version, "MPICH") || strings.HasPrefix(version, "Intel(R) MPI") || strings.HasPrefix(version, "MVAPICH"):
		lib.abi = mpich
		return nil
	}
	return fmt.Errorf("mpi: %s calls itself %q, want Open MPI, a relative of MPICH, or a library with the standard ABI of MPI-5", lib.file, lib.name)
}

// identifyOpenMPI looks up the addresses that are Open MPI's handles.
func (lib *library) identifyOpenMPI() (err error) {
	lib.abi = abi{inPlace: 1, funneled: 1}
	for symbol, handle := range map[string]*uintptr{
		openMPIWorld:        &lib.world,
		openMPIByte:         &lib.bytes,
		openMPIErrorsReturn: &lib.errorsReturn,
	} {
		if *handle, err = lib.symbol(symbol); err != nil {
			return err
		}
	}
	return nil
}

var versionPattern = regexp.MustCompile(`^(.*?)\s*(?:Version\s*:\s*|version\s+|\bv)(\d[\w.]*)`)

// shortVersion is the name and the number of a library by what it says of itself:
// "Open MPI v4.1.4, package: Debian OpenMPI, …" is "Open MPI 4.1.4".
func shortVersion(version string) string {
	line, _, _ := strings.Cut(version, "\n")
	if m := versionPattern.FindStringSubmatch(line); m != nil && m[1] != "" {
		return m[1] + " " + m[2]
	}
	return strings.TrimSpace(line)
}
