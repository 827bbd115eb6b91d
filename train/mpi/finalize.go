//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// finalizeWithin is the time that MPI_Finalize has.
const finalizeWithin = 5 * time.Second

// finalize leaves MPI, on the thread. All processes have come to the end, and none needs
// another any more: a library that hangs then does not make an error of what they have
// done.
func (p *process) finalize() error {
	p.thread.timeout = min(p.thread.timeout, finalizeWithin)
	job := func() error { return p.call("MPI_Finalize", p.library.finalize) }
	if p.pmi > 0 {
		job = p.leavePMI
	}
	err := p.run("MPI_Finalize", job, arguments{})
	if p.thread.stop.Load() { // it hangs
		return nil
	}
	return err
}

// pmiOf is the connection to mpirun of MPICH, if MPI_Finalize of the library is not to be
// trusted, otherwise 0.
//
// MPICH before 4.2 hangs in there every other time, over UCX and TCP with three ranks:
// some ranks wait in a barrier of the launcher's and answer no message, while another
// one waits for the answer to its last (https://github.com/pmodels/mpich/pull/6596).
func pmiOf(l Launcher, library string) int {
	if fd, err := strconv.Atoi(os.Getenv("PMI_FD")); err == nil && l.kind == hydra && hangsInFinalize(library) {
		return fd
	}
	return 0
}

// hangsInFinalize tells by the name of a library, as "MPICH 4.0.2".
func hangsInFinalize(library string) bool {
	version, mpich := strings.CutPrefix(library, "MPICH ")
	var major, minor int
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return mpich && n == 2 && (major < 4 || major == 4 && minor < 2)
}

// leavePMI does what the launcher wants of MPI_Finalize, by two lines of its protocol,
// PMI 1: all processes wait for each other, so that none ends while its last message is
// under way, and each says that it is through. Without that the launcher would end the
// others when one ends.
func (p *process) leavePMI() error {
	for _, say := range [...]struct{ line, answer string }{{"barrier_in", "barrier_out"}, {"finalize", "finalize_ack"}} {
		if _, err := syscall.Write(p.pmi, []byte("cmd="+say.line+"\n")); err != nil {
			return fmt.Errorf("mpi: MPI_Finalize: the launcher is lost: %w", err)
		}
		if got := readLine(p.pmi); !strings.HasPrefix(got, "cmd="+say.answer) {
			return fmt.Errorf("mpi: MPI_Finalize: the launcher answered %q to %s, want %s", got, say.line, say.answer)
		}
	}
	return nil
}

// readLine reads a line, of at most 1024 bytes, byte by byte: what follows is for others.
func readLine(fd int) string {
	var line []byte
	for b := make([]byte, 1); len(line) < 1024; {
		n, err := syscall.Read(fd, b)
		if err == syscall.EINTR {
			continue
		}
		if n < 1 || b[0] == '\n' {
			break
		}
		line = append(line, b[0])
	}
	return string(line)
}
