package train

import (
	"context"
	"errors"
	"time"

	"tapenet/graph"
	"tapenet/graph/update"
	"tapenet/train/data"
)

// laned computes steps in lanes, and adds them up with the other ranks: see lanes.
//
// A vector holds the gradients of the weighted losses' sum, parameter after parameter,
// behind them the state that the runs leave, such as BatchNorm's running statistics, and
// the sum itself. Every lane begins with the state as it was before the step. The sum of
// all vectors is divided by the sum of the weights, the state by the number of lanes.
//
// A node of the tree whose lanes are all this rank's runs at once, see
// [graph.Network.Lanes], where the network can do that and no lane is empty; else lane by
// lane, to the same bits. If there is nobody to exchange with, a run at once leaves the
// sum where it is, in the graph's own tensors, and no vector is needed.
type laned struct {
	lanes
	ranks
	*kept         // each run of a step begins with the state as it was before
	oneByOne bool // run lane by lane: the network cannot do more, or a test compares the ways

	length int // elements of a vector

	graphs map[laneBatch]*graph.Model // of nodes that run at once, nil for those that do not

	grads, state [][]float32 // of the step's sum over all lanes
	loss         float64     // likewise

	total     []float32   // the sum over all lanes, if that needs a vector
	idle      [][]float32 // vectors to use again
	send      []byte
	recv      []byte
	records   []record // of this rank's lanes in the step
	exchanged float64  // seconds of the last exchange
}

// newLaned is for a network, of which m is a graph for training.
func newLaned(l lanes, g ranks, k *kept, m *graph.Model) *laned {
	params := m.Params()
	s := &laned{lanes: l, ranks: g, kept: k, records: make([]record, l.last-l.first), grads: make([][]float32, len(params)), length: 1, graphs: map[laneBatch]*graph.Model{}}
	for _, p := range params {
		s.length += p.Value.Size()
	}
	for _, t := range s.tensors {
		s.length += len(t)
	}
	s.state = make([][]float32, len(s.tensors))
	return s
}

// buffers is the number of vectors that a rank's steps keep: those of the tree, and of
// what is sent and received. atOnce says whether its nodes run at once.
func (l lanes) buffers(size int, atOnce bool) (n int) {
	if l.count == 1 || size == 1 && atOnce {
		return 0
	}
	nodes := l.nodes()
	n = len(nodes)
	for i, node := range nodes {
		if !atOnce {
			n = max(n, i+node.depth())
		}
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

// vector returns memory for a node's vector; its content is arbitrary.
func (s *laned) vector() []float32 {
	if n := len(s.idle); n > 0 {
		v := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return v
	}
	return make([]float32, s.length)
}

func (s *laned) release(v []float32) { s.idle = append(s.idle, v) }

// sum is the vector of all lanes. It is made when it is first needed.
func (s *laned) sum() []float32 {
	if s.total == nil {
		s.total = make([]float32, s.length)
	}
	return s.total
}

// job is a step at work: a batch of n samples, of which b has the rank's own.
type job struct {
	ctx  context.Context
	r    *run
	b    data.Batch
	n    int
	step uint64
}

// part is what the lanes of a node have of the batch.
func (s *laned) part(j *job, d node) data.Batch {
	first, _ := s.own(j.n)
	lo, _ := s.samples(d.lo, j.n)
	_, hi := s.samples(d.hi-1, j.n)
	return part(j.b, lo-first, hi-first)
}

// part is the samples [lo,hi) of a batch.
func part(b data.Batch, lo, hi int) data.Batch {
	size := len(b.X) / len(b.Classes)
	return data.Batch{X: b.X[lo*size : hi*size], Classes: b.Classes[lo:hi], Samples: b.Samples[lo:hi]}
}

// compute runs this rank's lanes of a batch of n samples, of which b has the rank's
// own. It returns the sums of the rank's nodes, also beside an error, which is failed if
// that is not nil; without other ranks it leaves the sum in s, and returns none.
func (s *laned) compute(ctx context.Context, r *run, b data.Batch, n int, failed error) (sums [][]float32, err error) {
	began := time.Now()
	clear(s.records)
	err = failed
	j := &job{ctx, r, b, n, r.net.Weights.Step}
	if !s.several() {
		if err == nil {
			err = s.alone(j)
		}
	} else {
		for _, d := range s.nodes() {
			v := s.vector()
			if err == nil {
				err = s.node(j, d, v)
			}
			sums = append(sums, v)
		}
	}
	r.net.Weights.Step = j.step + 1
	s.records[0].computed, s.records[0].exchanged = time.Since(began).Seconds(), s.exchanged
	return sums, err
}

// alone computes all lanes, and leaves the sum where it arises.
func (s *laned) alone(j *job) error {
	all := node{0, s.count}
	m, err := s.atOnce(j, all)
	if err != nil {
		return err
	}
	if m == nil {
		if err := s.node(j, all, s.sum()); err != nil {
			return err
		}
		s.take(j.r)
		return nil
	}
	for i, p := range m.Params() {
		s.grads[i] = p.Grad().Float32s()
	}
	copy(s.state, s.tensors)
	s.loss = m.Loss()
	return nil
}

// take makes the vector of all lanes the sum.
func (s *laned) take(r *run) {
	at := 0
	next := func(n int) []float32 {
		at += n
		return s.total[at-n : at]
	}
	for i, p := range r.updater.params {
		s.grads[i] = next(p.Value.Size())
	}
	for i, t := range s.tensors {
		s.state[i] = next(len(t))
	}
	s.loss = float64(s.total[at])
}

// node sets v to what the lanes of a node add up to. A lane on the right is added where
// its run has left it.
func (s *laned) node(j *job, d node, v []float32) error {
	if m, err := s.atOnce(j, d); err != nil {
		return err
	} else if m != nil {
		s.each(v, m, func(to, from []float32) { copy(to, from) })
		return nil
	}
	if d.leaf() {
		return s.lane(j, d.lo, v, func(to, from []float32) { copy(to, from) })
	}
	left, right := d.split()
	if err := s.node(j, left, v); err != nil {
		return err
	}
	if right.leaf() {
		return s.lane(j, right.lo, v, update.Add)
	}
	other := s.vector()
	defer s.release(other)
	if err := s.node(j, right, other); err != nil {
		return err
	}
	update.Add(v, other)
	return nil
}

// each calls do for the parts of a vector, each with what a run has left for it, and
// brings the state back.
func (s *laned) each(v []float32, m *graph.Model, do func(to, from []float32)) {
	put := func(from []float32) {
		do(v[:len(from)], from)
		v = v[len(from):]
	}
	for _, p := range m.Params() {
		put(p.Grad().Float32s())
	}
	for _, t := range s.tensors {
		put(t)
	}
	put([]float32{float32(m.Loss())})
	for i, t := range s.tensors {
		copy(t, s.before[i])
	}
}

// atOnce runs a node of several lanes in one run, and returns its graph; nil if they have
// to run one by one.
func (s *laned) atOnce(j *job, d node) (*graph.Model, error) {
	m, err := s.graph(j.r.net, d, j.n)
	if m == nil || err != nil {
		return nil, err
	}
	b := s.part(j, d)
	give(m, b)
	first, _ := s.samples(d.lo, j.n)
	size := len(b.X) / len(b.Classes)
	for lane := d.lo; lane < d.hi && j.r.mixed(); lane++ {
		lo, hi := s.samples(lane, j.n)
		s.draw(j, lane)
		j.r.mix(m.Input.Float32s()[(lo-first)*size:], b.X[(lo-first)*size:(hi-first)*size])
	}
	s.draw(j, d.lo)
	j.r.weigh(m, b.Samples)
	if err := j.r.runModel(j.ctx, m, b.Samples); err != nil {
		return nil, err
	}
	s.note(j, d, m)
	return m, nil
}

// laneBatch is a node of a batch of n samples.
type laneBatch struct {
	node
	n int
}

// graph is the graph of a node's lanes in a batch of n samples; nil if they have to run
// one by one. The network is asked once for each.
func (s *laned) graph(net *graph.Network, d node, n int) (m *graph.Model, err error) {
	if s.oneByOne {
		return nil, nil
	}
	key := laneBatch{d, n}
	m, known := s.graphs[key]
	if !known {
		if m, err = s.lanes.graph(net, d, n); err == nil {
			s.graphs[key] = m
		}
	}
	return m, err
}

// graph returns nil if the network cannot run the node's lanes at once, if one of them is
// empty, and if there is only one.
func (l lanes) graph(net *graph.Network, d node, n int) (*graph.Model, error) {
	if n < l.count || d.leaf() {
		return nil, nil
	}
	var sizes []int
	for lane := d.lo; lane < d.hi; lane++ {
		lo, hi := l.samples(lane, n)
		sizes = append(sizes, hi-lo)
	}
	m, err := net.Lanes(sizes)
	if errors.Is(err, graph.ErrLanes) {
		return nil, nil
	}
	return m, err
}

// draw makes the step that of a lane: what is random draws from it.
func (s *laned) draw(j *job, lane int) {
	j.r.net.Weights.Step = j.step*uint64(s.count) + uint64(lane)
}

// lane runs one lane, and calls do for the parts of v, each with what the run has left. A
// lane without samples has zeros for all.
func (s *laned) lane(j *job, lane int, v []float32, do func(to, from []float32)) error {
	if lo, hi := s.samples(lane, j.n); lo == hi {
		zeros := s.vector()
		clear(zeros)
		do(v, zeros)
		s.release(zeros)
		return nil
	}
	s.draw(j, lane)
	m, err := j.r.forward(j.ctx, s.part(j, node{lane, lane + 1}))
	if err != nil {
		return err
	}
	s.each(v, m, do)
	s.note(j, node{lane, lane + 1}, m)
	return nil
}

// note writes the records of a node's lanes, which have run. Weights are added up lane by
// lane; images are counted with the first lane.
func (s *laned) note(j *job, d node, m *graph.Model) {
	var t tally
	t.add(m)
	rec := s.records[d.lo-s.first : d.hi-s.first]
	rec[0].images, rec[0].correct = t.Images, t.Correct
	first, _ := s.samples(d.lo, j.n)
	for i := range rec {
		lo, hi := s.samples(d.lo+i, j.n)
		for _, w := range m.SampleWeights.Float32s()[lo-first : hi-first] {
			rec[i].weight += float64(w)
		}
	}
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
		copy(s.tensors[i], sum) // which may be the same
	}
}
