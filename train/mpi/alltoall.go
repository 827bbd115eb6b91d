//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"unsafe"
)

// maxPiece is the most bytes of one message, as MPI counts in int: longer ones go in
// pieces. A variable for tests.
var maxPiece = 1 << 30

// tag is that of all messages. Those of one rank to another keep their order.
const tag = 1

// alltoall sends and receives the parts of other ranks by single messages, all of
// them under way at a time. MPI_Ialltoallv would do the same, but its int counts and
// places end at 2 GiB, and beyond them all ranks would have to agree on the number of
// calls. Of a message, both its ends know the length, and so its pieces; an empty one
// is not sent.
//
// Each rank begins with its neighbour above, so that not all send to one at a time.
// On an error the buffers stay pinned: the library may still write to them.
func (p *process) alltoall(send []byte, sendAt []int, recv []byte, recvAt []int) error {
	return p.run("Alltoall", p.toExchange, arguments{send, recv, sendAt, recvAt})
}

// exchange is alltoall on the thread.
func (p *process) exchange() error {
	p.pin(p.send)
	p.pin(p.recv)
	if err := p.post(); err != nil {
		return err
	}
	for i := range p.requests {
		if err := p.complete(&p.requests[i]); err != nil {
			return err
		}
	}
	p.waits.Store(anyRank)
	p.pinned.Unpin()
	return nil
}

// post gives the library all messages, first those to receive.
func (p *process) post() error {
	p.makeRoom()
	for d := 1; d < p.size; d++ {
		from := (p.rank - d + p.size) % p.size
		for b := p.recv[p.recvAt[from]:p.recvAt[from+1]]; len(b) > 0; b = b[min(maxPiece, len(b)):] {
			r := p.request(from, min(maxPiece, len(b)))
			if err := p.call("MPI_Irecv", p.irecv, address(b), uintptr(r.want), p.bytes, uintptr(from), tag, p.world, addressOfID(r)); err != nil {
				return err
			}
		}
	}
	for d := 1; d < p.size; d++ {
		to := (p.rank + d) % p.size
		for b := p.send[p.sendAt[to]:p.sendAt[to+1]]; len(b) > 0; b = b[min(maxPiece, len(b)):] {
			r := p.request(to, sent)
			if err := p.call("MPI_Isend", p.isend, address(b), uintptr(min(maxPiece, len(b))), p.bytes, uintptr(to), tag, p.world, addressOfID(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeRoom empties the requests, with room for all messages of the call: they must
// not move while the library knows their addresses.
func (p *process) makeRoom() {
	n := 0
	for r := range p.size {
		n += (p.recvAt[r+1]-p.recvAt[r]+maxPiece-1)/maxPiece + (p.sendAt[r+1]-p.sendAt[r]+maxPiece-1)/maxPiece
	}
	if cap(p.requests) < n {
		p.requests = make([]request, 0, n)
		forever.Pin(unsafe.SliceData(p.requests))
	}
	p.requests = p.requests[:0]
}

// request is the next one of the call.
func (p *process) request(peer, want int) *request {
	p.requests = append(p.requests, request{peer: peer, want: want})
	return &p.requests[len(p.requests)-1]
}

func addressOfID(r *request) uintptr { return uintptr(unsafe.Pointer(&r.id)) }

// complete waits for a message, and judges the length of one that was received: MPI
// itself finds those that are too long only.
func (p *process) complete(r *request) error {
	p.waits.Store(int32(r.peer))
	if err := p.wait(&r.id); err != nil || r.want == sent {
		return err
	}
	got, err := p.received()
	if err != nil {
		return err
	}
	if got != r.want {
		return fmt.Errorf("mpi: Alltoall: rank %d sent rank %d %d bytes, want %d: they call it with other lengths", r.peer, p.rank, got, r.want)
	}
	return nil
}
