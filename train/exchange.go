package train

import (
	"encoding/binary"
	"math"
	"time"
	"unsafe"

	"tapenet/graph/update"
)

// record is what a lane tells of a step, besides its vector.
type record struct {
	loss, weight    float64 // sums over its samples; of a step's lane the loss is in the vector
	images, correct int
	stop, failed    bool    // its rank is to stop, or has failed
	abandoned       bool    // its rank has stopped within the step
	computed        float64 // seconds that its rank has computed, in the rank's first lane
	exchanged       float64 // seconds that its rank's last exchange took, likewise
}

const recordSize = 7 * 8

// add adds up the ranks' sums, by the tree, and returns the records of all lanes. The
// vectors are released.
func (s *laned) add(r *run, sums [][]float32) ([]record, error) {
	if !s.several() {
		return s.records, nil // the sum is there already
	}
	began := time.Now()
	all, err := s.exchange(sums)
	s.exchanged = time.Since(began).Seconds()
	for _, v := range sums {
		s.release(v)
	}
	if err != nil {
		return nil, s.failed(err)
	}
	s.take(r)
	return all, nil
}

// exchange is add for several ranks. Rank r adds up the piece [P·r/N, P·(r+1)/N) of the
// vector for all: it receives that piece of every node from every rank, and then all
// ranks gather the sums of the pieces. A rank sends and receives (k+1)·P·(N-1)/N
// elements, with k nodes a rank: 1 for powers of two, and at most 2 for 8 lanes.
func (s *laned) exchange(sums [][]float32) ([]record, error) {
	size, at := s.size(), s.pieces()
	sendAt, recvAt := make([]int, size+1), make([]int, size+1)
	mine := 4 * (at[s.rank()+1] - at[s.rank()])
	for q := range size {
		other := lanesOf(s.count, q, size)
		sendAt[q+1] = sendAt[q] + len(sums)*4*(at[q+1]-at[q]) + len(s.records)*recordSize
		recvAt[q+1] = recvAt[q] + len(other.nodes())*mine + (other.last-other.first)*recordSize
	}
	s.send, s.recv = sized(s.send, sendAt[size]), sized(s.recv, recvAt[size])
	for q := range size {
		to := s.send[sendAt[q]:sendAt[q]]
		for _, v := range sums {
			to = append(to, bytesOf(v[at[q]:at[q+1]])...)
		}
		for _, rec := range s.records {
			to = rec.append(to)
		}
	}
	if err := s.Alltoall(s.send, sendAt, s.recv, recvAt); err != nil {
		return nil, err
	}
	received, all := map[node][]float32{}, []record(nil)
	for q := range size {
		from, other := s.recv[recvAt[q]:recvAt[q+1]], lanesOf(s.count, q, size)
		for _, d := range other.nodes() {
			received[d], from = floatsOf(from[:mine]), from[mine:]
		}
		for range other.last - other.first {
			all, from = append(all, readRecord(from)), from[recordSize:]
		}
	}
	have := func(d node) ([]float32, bool) {
		v, ok := received[d]
		return v, ok
	}
	piece := node{0, s.count}.sum(have, update.Add)
	for q := range at {
		at[q] *= 4
	}
	return all, s.Allgather(bytesOf(piece), bytesOf(s.sum()), at)
}

// pieces are where the ranks' pieces of the vector begin, and its end.
func (s *laned) pieces() []int {
	at := make([]int, s.size()+1)
	for q := range at {
		at[q] = s.length * q / s.size()
	}
	return at
}

func (rec record) append(to []byte) []byte {
	flags := uint64(0)
	if rec.stop {
		flags |= 1
	}
	if rec.failed {
		flags |= 2
	}
	if rec.abandoned {
		flags |= 4
	}
	for _, v := range [...]uint64{
		math.Float64bits(rec.loss), math.Float64bits(rec.weight), uint64(rec.images), uint64(rec.correct), flags,
		math.Float64bits(rec.computed), math.Float64bits(rec.exchanged),
	} {
		to = binary.LittleEndian.AppendUint64(to, v)
	}
	return to
}

func readRecord(b []byte) record {
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	float := func(i int) float64 { return math.Float64frombits(at(i)) }
	return record{
		loss: float(0), weight: float(1), images: int(at(2)), correct: int(at(3)),
		stop: at(4)&1 > 0, failed: at(4)&2 > 0, abandoned: at(4)&4 > 0, computed: float(5), exchanged: float(6),
	}
}

// sized returns a buffer of n bytes, b if that is large enough.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return bytesOf(make([]float32, (n+3)/4))[:n]
	}
	return b[:n]
}

// bytesOf is the memory of numbers, which every rank must lay out alike: all systems
// that train together are little-endian.
func bytesOf(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// floatsOf is the numbers in bytes that begin at a multiple of 4.
func floatsOf(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
