package train

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
	"unsafe"

	"tapenet/graph"
	"tapenet/graph/update"
	"tapenet/train/data"
)

// laned computes steps lane by lane and adds them up with the other ranks: see lanes.
//
// A lane's vector holds the gradients of its weighted losses' sum, parameter after
// parameter, and behind them the state that its run leaves, such as BatchNorm's running
// statistics. Every lane's run begins with the state as it was before the step. The sum
// of all vectors is divided by the sum of the weights, the state by the number of lanes.
type laned struct {
	lanes
	ranks
	grads, state [][]float32 // of the sum: views of total
	tensors      [][]float32 // the network's own state
	before       [][]float32 // the state before a step
	total        []float32   // the sum over all lanes
	idle         [][]float32 // vectors to use again
	send, recv   []byte
	records      []record // of this rank's lanes in the step
	exchanged    float64  // seconds of the last exchange
}

// record is what a lane tells of a step, besides its vector.
type record struct {
	loss, weight    float64 // sums over its samples
	images, correct int
	stop, failed    bool    // its rank is to stop, or has failed
	computed        float64 // seconds that its rank has computed, in the rank's first lane
	exchanged       float64 // seconds that its rank's last exchange took, likewise
}

const recordSize = 7 * 8

func newLaned(l lanes, g ranks, net *graph.Network, params []graph.Param) *laned {
	s := &laned{lanes: l, ranks: g, records: make([]record, l.last-l.first)}
	state := net.Weights.Map()
	size := 0
	for _, p := range params {
		delete(state, p.Name)
		size += p.Value.Size()
	}
	gradients := size
	for _, name := range slices.Sorted(maps.Keys(state)) {
		s.tensors = append(s.tensors, state[name].Float32s())
		s.before = append(s.before, slices.Clone(state[name].Float32s()))
		size += state[name].Size()
	}
	s.total = make([]float32, size)
	at := 0
	for _, p := range params {
		s.grads = append(s.grads, s.total[at:at+p.Value.Size()])
		at += p.Value.Size()
	}
	for at, i := gradients, 0; i < len(s.tensors); i++ {
		s.state = append(s.state, s.total[at:at+len(s.tensors[i])])
		at += len(s.tensors[i])
	}
	return s
}

// buffers is the number of vectors that a rank's steps keep: those of the tree, and of
// what is sent and received.
func (l lanes) buffers(size int) (n int) {
	if l.count == 1 {
		return 0
	}
	nodes := l.nodes()
	for i, node := range nodes {
		n = max(n, i+node.depth())
	}
	if size == 1 {
		return n // of which the last one is the sum
	}
	received := 0
	for r := range size {
		received += len(lanesOf(l.count, r, size).nodes())
	}
	return n + 1 + len(nodes) + (received+size-1)/size
}

// vector returns memory for a lane's vector; its content is arbitrary.
func (s *laned) vector() []float32 {
	if n := len(s.idle); n > 0 {
		v := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return v
	}
	return make([]float32, len(s.total))
}

func (s *laned) release(v []float32) { s.idle = append(s.idle, v) }

// compute runs this rank's lanes of a batch of n samples, of which b has the rank's
// own. It returns the sums of the rank's nodes, also beside an error, which is failed if
// that is not nil.
func (s *laned) compute(r *run, b data.Batch, n int, failed error) (sums [][]float32, err error) {
	began := time.Now()
	clear(s.records)
	for i, t := range s.tensors {
		copy(s.before[i], t)
	}
	err = failed
	step := r.net.Weights.Step
	lane := func(d node) ([]float32, error) {
		if d.hi-d.lo > 1 {
			return nil, nil
		}
		r.net.Weights.Step = step*uint64(s.count) + uint64(d.lo)
		v := s.total // of one process: the first lane's vector becomes the sum
		if s.several() || d.lo > 0 {
			v = s.vector()
		}
		return v, s.run(r, v, d.lo, b, n)
	}
	for _, d := range s.nodes() {
		var v []float32
		if err == nil {
			v, err = d.sum(lane, update.Add, s.release)
		}
		if v == nil {
			v = s.vector()
		}
		sums = append(sums, v)
	}
	r.net.Weights.Step = step + 1
	s.records[0].computed, s.records[0].exchanged = time.Since(began).Seconds(), s.exchanged
	return sums, err
}

// run runs one lane, and fills its vector and its record.
func (s *laned) run(r *run, v []float32, lane int, b data.Batch, n int) error {
	lo, hi := s.samples(lane, n)
	if lo == hi {
		clear(v)
		return nil
	}
	first, _ := s.own(n)
	m, err := r.forward(part(b, lo-first, hi-first))
	if err != nil {
		return err
	}
	at := 0
	for _, p := range m.Params() {
		at += copy(v[at:], p.Grad().Float32s())
	}
	for i, t := range s.tensors {
		at += copy(v[at:], t)
		copy(t, s.before[i])
	}
	var t tally
	t.add(m)
	rec := &s.records[lane-s.first]
	rec.loss, rec.images, rec.correct = m.Loss(), t.Images, t.Correct
	for _, w := range m.SampleWeights.Float32s() {
		rec.weight += float64(w)
	}
	return nil
}

// part is the samples [lo,hi) of a batch.
func part(b data.Batch, lo, hi int) data.Batch {
	size := len(b.X) / len(b.Classes)
	return data.Batch{X: b.X[lo*size : hi*size], Classes: b.Classes[lo:hi], Samples: b.Samples[lo:hi]}
}

// add adds up the ranks' sums into total, by the tree, and returns the records of all
// lanes. The vectors are released.
func (s *laned) add(sums [][]float32) ([]record, error) {
	if !s.several() {
		return s.records, nil // total is the sum already
	}
	began := time.Now()
	all, err := s.exchange(sums)
	s.exchanged = time.Since(began).Seconds()
	for _, v := range sums {
		s.release(v)
	}
	return all, s.failed(err)
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
	have := func(d node) ([]float32, error) { return received[d], nil }
	piece, err := node{0, s.count}.sum(have, update.Add, func([]float32) {})
	if err != nil {
		return nil, err
	}
	for q := range at {
		at[q] *= 4
	}
	return all, s.Allgather(bytesOf(piece), bytesOf(s.total), at)
}

// pieces are where the ranks' pieces of the vector begin, and its end.
func (s *laned) pieces() []int {
	at := make([]int, s.size()+1)
	for q := range at {
		at[q] = len(s.total) * q / s.size()
	}
	return at
}

// divide makes the mean of the sum: gradients by the weights of a batch of n samples, 0
// if all are 0, and state by the lanes that have samples.
func (s *laned) divide(weight float64, n int) {
	if weight > 0 {
		for _, g := range s.grads {
			update.Scale(g, float32(1/weight))
		}
	}
	for i, sum := range s.state {
		update.Scale(sum, 1/float32(s.used(n)))
		copy(s.tensors[i], sum)
	}
}

func (rec record) append(to []byte) []byte {
	flags := uint64(0)
	if rec.stop {
		flags |= 1
	}
	if rec.failed {
		flags |= 2
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
		stop: at(4)&1 > 0, failed: at(4)&2 > 0, computed: float(5), exchanged: float(6),
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
