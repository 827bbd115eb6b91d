package train

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Group is the processes that train together, as train/mpi makes it. All of them call
// the same methods in the same order, from one goroutine at a time. The methods move
// bytes, and compute nothing.
type Group interface {
	Rank() int // of this process, from 0
	Size() int // how many processes there are
	// Alltoall sends send[sendAt[r]:sendAt[r+1]] to each rank r, and receives
	// recv[recvAt[r]:recvAt[r+1]] from it.
	Alltoall(send []byte, sendAt []int, recv []byte, recvAt []int) error
	// Allgather puts what each rank r has as mine into all[at[r]:at[r+1]], on every
	// rank.
	Allgather(mine, all []byte, at []int) error
}

// GroupError is an error of a Group's own: a process is lost or does not answer, so
// that the others do not learn of it from this one.
type GroupError struct{ Err error }

// Error says that the ranks have lost each other, and how.
func (e *GroupError) Error() string {
	return fmt.Sprintf("train: the ranks cannot reach each other: %v", e.Err)
}

// Unwrap is the cause.
func (e *GroupError) Unwrap() error { return e.Err }

// Agree returns nil if err is nil on all ranks. Otherwise it returns an error on every
// rank: its own, or that of the first rank that has one. A nil group is one process.
func Agree(g Group, err error) error { return ranks{g}.agree(err) }

// ranks are the processes of a run: a Group, or nil for one process, which exchanges
// nothing.
type ranks struct{ Group }

func (g ranks) rank() int {
	if g.Group == nil {
		return 0
	}
	return g.Rank()
}

func (g ranks) size() int {
	if g.Group == nil {
		return 1
	}
	return g.Size()
}

// several reports whether there is anybody to exchange with.
func (g ranks) several() bool { return g.size() > 1 }

// gatherEqual returns what each rank has as mine, one behind the other; all have as
// many bytes.
func (g ranks) gatherEqual(mine []byte) ([]byte, error) {
	if !g.several() {
		return mine, nil
	}
	all := make([]byte, g.size()*len(mine))
	at := make([]int, g.size()+1)
	for r := range g.size() {
		at[r+1] = at[r] + len(mine)
	}
	return all, g.failed(g.Allgather(mine, all, at))
}

// gather returns what each rank has as mine, which may be of any length.
func (g ranks) gather(mine []byte) ([][]byte, error) {
	if !g.several() {
		return [][]byte{mine}, nil
	}
	lengths, err := g.gatherEqual(binary.LittleEndian.AppendUint64(nil, uint64(len(mine))))
	if err != nil {
		return nil, err
	}
	at := make([]int, g.size()+1)
	for r := range g.size() {
		at[r+1] = at[r] + int(binary.LittleEndian.Uint64(lengths[8*r:]))
	}
	bytes, all := make([]byte, at[g.size()]), make([][]byte, g.size())
	if at[g.size()] > 0 {
		err = g.failed(g.Allgather(mine, bytes, at))
	}
	for r := range all {
		all[r] = bytes[at[r]:at[r+1]]
	}
	return all, err
}

// broadcast copies rank 0's content of a buffer, as long on every rank, to the others.
func (g ranks) broadcast(buffer []byte) error {
	if !g.several() || len(buffer) == 0 {
		return nil
	}
	at := make([]int, g.size()+1)
	for r := range g.size() {
		at[r+1] = len(buffer)
	}
	var mine []byte
	if g.rank() == 0 {
		mine = append(mine, buffer...) // what is sent must not be what is received
	}
	return g.failed(g.Allgather(mine, buffer, at))
}

// broadcastText returns rank 0's text, of any length.
func (g ranks) broadcastText(text []byte) ([]byte, error) {
	if g.rank() != 0 {
		text = nil
	}
	all, err := g.gather(text)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// agree is Agree.
func (g ranks) agree(err error) error {
	var lost *GroupError
	if !g.several() || errors.As(err, &lost) {
		return err
	}
	var text []byte
	if err != nil {
		text = []byte(err.Error())
	}
	all, failed := g.gather(text)
	if failed != nil || err != nil {
		return errors.Join(err, failed)
	}
	for r, text := range all {
		if len(text) > 0 {
			return fmt.Errorf("train: rank %d: %s", r, text)
		}
	}
	return nil
}

// failed wraps an error of the group.
func (g ranks) failed(err error) error {
	if err == nil {
		return nil
	}
	return &GroupError{err}
}
