//go:build mpi && linux && (amd64 || arm64)

package mpi

import "unsafe"

// allgather gathers a buffer in windows of at most maxPiece bytes, one call of
// MPI_Iallgatherv each: its int counts and places end at 2 GiB.
//
//	parts   │ rank 0 │      rank 1      │  rank 2  │
//	windows ├─────────────┤├─────────────┤├───────┤
//
// A rank gives to a window what of its part lies in it. As all ranks have the same
// at, they have the same windows.
func (p *process) allgather(all []byte, at []int) error {
	return p.run("Allgather", p.toGather, arguments{recv: all, recvAt: at})
}

// gather is allgather on the thread. Nothing to gather is a window too: the call
// waits for all ranks.
func (p *process) gather() error {
	p.pin(p.recv)
	for begin, end := p.recvAt[0], p.recvAt[p.size]; ; begin += maxPiece {
		if err := p.gatherWindow(begin, min(begin+maxPiece, end)); err != nil {
			return err
		}
		if end-begin <= maxPiece {
			break
		}
	}
	p.pinned.Unpin()
	return nil
}

func (p *process) gatherWindow(begin, end int) error {
	for r := range p.size {
		from, to := min(max(p.recvAt[r], begin), end), min(max(p.recvAt[r+1], begin), end)
		p.begins[r], p.counts[r] = int32(from-begin), int32(to-from)
	}
	p.requests = p.requests[:0]
	if cap(p.requests) == 0 {
		p.requests = make([]request, 0, 1)
		forever.Pin(unsafe.SliceData(p.requests))
	}
	r := p.request(anyRank, sent)
	window := p.recv[begin:end:end]
	err := p.call("MPI_Iallgatherv", p.iallgatherv, p.inPlace, 0, p.bytes,
		address(window), addressOf(p.counts), addressOf(p.begins), p.bytes, p.world, addressOfID(r))
	if err != nil {
		return err
	}
	return p.wait(&r.id)
}

func addressOf(numbers []int32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(numbers))) }
