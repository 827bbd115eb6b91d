//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// calls is the addresses of the functions that the package calls.
type calls struct {
	initThread, finalize, abort, setErrhandler       uintptr
	commSize, commRank                               uintptr
	isend, irecv, iallgatherv, test, getCount        uintptr
	errorString, getLibraryVersion, abiGetVersionOpt uintptr // the last one is 0 before MPI-5
}

// lookUp finds the functions.
func (lib *library) lookUp() (err error) {
	for name, address := range map[string]*uintptr{
		"MPI_Get_library_version": &lib.getLibraryVersion,
		"MPI_Init_thread":         &lib.initThread,
		"MPI_Finalize":            &lib.finalize,
		"MPI_Abort":               &lib.abort,
		"MPI_Comm_set_errhandler": &lib.setErrhandler,
		"MPI_Comm_size":           &lib.commSize,
		"MPI_Comm_rank":           &lib.commRank,
		"MPI_Isend":               &lib.isend,
		"MPI_Irecv":               &lib.irecv,
		"MPI_Iallgatherv":         &lib.iallgatherv,
		"MPI_Test":                &lib.test,
		"MPI_Get_count":           &lib.getCount,
		"MPI_Error_string":        &lib.errorString,
	} {
		if *address, err = lib.symbol(name); err != nil {
			return err
		}
	}
	lib.abiGetVersionOpt, _ = purego.Dlsym(lib.handle, "MPI_Abi_get_version")
	return nil
}

// forever holds what the library knows the address of for as long as the process
// lives.
var forever runtime.Pinner

// out is where the library writes its results. It stays at its place for good, so
// that its address may be kept as a number.
type out struct {
	a, b   int32
	status [sizeOfStatus]byte
	text   [maxVersion]byte
	args   [9]uintptr // of the call that goes on
}

func newOut() *out {
	o := new(out)
	forever.Pin(o)
	return o
}

func (o *out) addressOfA() uintptr      { return uintptr(unsafe.Pointer(&o.a)) }
func (o *out) addressOfB() uintptr      { return uintptr(unsafe.Pointer(&o.b)) }
func (o *out) addressOfText() uintptr   { return uintptr(unsafe.Pointer(&o.text)) }
func (o *out) addressOfStatus() uintptr { return uintptr(unsafe.Pointer(&o.status)) }

// string is the text that the library wrote, b bytes long.
func (o *out) string() string {
	text := o.text[:min(max(0, int(o.b)), len(o.text))]
	text, _, _ = bytes.Cut(text, []byte{0})
	return string(text)
}

// call calls a function of the library. Memory that args point to must be pinned.
// They go by way of a buffer, as purego would move each call's own to the heap.
func (lib *library) call(name string, function uintptr, args ...uintptr) error {
	n := copy(lib.out.args[:], args)
	result, _, _ := purego.SyscallN(function, lib.out.args[:n]...)
	if code := int32(result); code != 0 {
		return fmt.Errorf("mpi: %s of %s: %s", name, lib.name, lib.explain(code))
	}
	return nil
}

// explain is the library's text for an error, on one line.
func (lib *library) explain(code int32) string {
	lib.out.b = 0
	result, _, _ := purego.SyscallN(lib.errorString, uintptr(code), lib.out.addressOfText(), lib.out.addressOfB())
	text := strings.Join(strings.Fields(lib.out.string()), " ")
	if int32(result) != 0 || text == "" {
		return fmt.Sprintf("error %d", code)
	}
	return text
}

// version is what the library says of itself.
func (lib *library) version() (string, error) {
	lib.name = lib.file
	err := lib.call("MPI_Get_library_version", lib.getLibraryVersion, lib.out.addressOfText(), lib.out.addressOfB())
	return lib.out.string(), err
}

// abiVersion is the version of the standard ABI that the library has; one without
// it says -1, and one that is older than MPI-5 cannot be asked.
func (lib *library) abiVersion() (major, minor int32, err error) {
	if lib.abiGetVersionOpt == 0 {
		return -1, -1, nil
	}
	err = lib.call("MPI_Abi_get_version", lib.abiGetVersionOpt, lib.out.addressOfA(), lib.out.addressOfB())
	return lib.out.a, lib.out.b, err
}

// init starts MPI for a program in which one thread alone calls it, and lets errors
// come back as results.
func (lib *library) init() error {
	err := lib.call("MPI_Init_thread", lib.initThread, 0, 0, uintptr(lib.funneled), lib.out.addressOfA())
	if err != nil {
		return err
	}
	if lib.out.a < lib.funneled {
		return fmt.Errorf("mpi: %s is built without support for threads, want MPI_THREAD_FUNNELED: name another library in %s", lib.name, override)
	}
	return lib.call("MPI_Comm_set_errhandler", lib.setErrhandler, lib.world, lib.errorsReturn)
}

// place is the number of processes and which one this is.
func (lib *library) place() (rank, size int, err error) {
	if err := lib.call("MPI_Comm_size", lib.commSize, lib.world, lib.out.addressOfA()); err != nil {
		return 0, 0, err
	}
	if err := lib.call("MPI_Comm_rank", lib.commRank, lib.world, lib.out.addressOfB()); err != nil {
		return 0, 0, err
	}
	return int(lib.out.b), int(lib.out.a), nil
}

// done reports whether a request has come to its end. If it has, the status is that
// of out.
func (lib *library) done(request *uint64) (bool, error) {
	lib.out.a = 0
	err := lib.call("MPI_Test", lib.test, uintptr(unsafe.Pointer(request)), lib.out.addressOfA(), lib.out.addressOfStatus())
	return lib.out.a != 0, err
}

// received is the number of bytes of the message whose status is that of out.
func (lib *library) received() (int, error) {
	err := lib.call("MPI_Get_count", lib.getCount, lib.out.addressOfStatus(), lib.bytes, lib.out.addressOfA())
	return int(lib.out.a), err
}
