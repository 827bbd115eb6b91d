package train

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/train/data"
)

// Need is the memory that a run takes at most, in bytes, part by part; the sum is
// what its process has resident at the end. It is an estimate, see [Config.Need].
type Need struct {
	Resident  int // what the process has already: the program, its dataset, the weights, the graphs before their first run
	Graphs    int // values and workspaces of the graphs: each mode and batch size has one
	Optimizer int // its state, accumulated gradients, the moving average, the best weights
	Batches   int // images that are read ahead
}

// Total is the sum.
func (n Need) Total() int { return n.Resident + n.ToCome() }

// ToCome is what the process does not have yet.
func (n Need) ToCome() int { return n.Graphs + n.Optimizer + n.Batches }

// String is the need in one line.
func (n Need) String() string {
	return fmt.Sprintf("about %s of memory: graphs %s, optimizer %s, images read ahead %s, all else %s",
		memory.Text(n.Total()), memory.Text(n.Graphs), memory.Text(n.Optimizer), memory.Text(n.Batches), memory.Text(n.Resident))
}

// Need estimates the memory of a run with these settings, given its network and
// its dataset, of which the shape and the numbers of samples count. It builds the
// graphs that Fit will use, but does not run them, see [NeedOf].
func (c Config) Need(net *graph.Network, set data.Dataset) (Need, error) {
	c = c.defaults()
	graphs, atOnce, err := c.graphs(net, set)
	if err != nil {
		return Need{}, err
	}
	m := graphs[0].Memory()
	if d, ok := c.Defence.(interface {
		needs(net *graph.Network, lane int) ([]*graph.Model, error)
	}); ok {
		more, err := d.needs(net, c.laneSize(set))
		if err != nil {
			return Need{}, fmt.Errorf("train: defence: %w", err)
		}
		graphs = append(graphs, more...)
	}
	n := NeedOf(graphs...)
	n.Batches = c.readAhead(set)
	if c.laneByLane() && !c.oneByOne {
		n.Graphs += m.Parameters + 2*m.State // of the first run
	}
	n.Optimizer = c.kept(m) + c.lanesHere().buffers(ranks{c.Group}.size(), atOnce)*(m.Parameters+m.State)
	return n, nil
}

// NeedOf estimates what graphs of one network take that have not run yet, without
// training around them, see [graph.Model.Need].
func NeedOf(graphs ...*graph.Model) Need {
	n := Need{Resident: memory.Resident()}
	for _, m := range graphs {
		n.Graphs += m.Need()
	}
	return n
}

// graphs are those of a run, the one that a whole batch of training begins with first.
// atOnce says whether all nodes of lanes run at once.
func (c Config) graphs(net *graph.Network, d data.Dataset) (all []*graph.Model, atOnce bool, err error) {
	atOnce = true
	for _, batch := range []int{min(c.Batch, d.Train.Len()), d.Train.Len() % c.Batch} { // the second ends an epoch
		graphs, once, err := c.trainGraphs(net, batch)
		if err != nil {
			return nil, false, err
		}
		all, atOnce = append(all, graphs...), atOnce && once
	}
	evaluation := c.EvaluationBatch(d.Shape[:])
	for _, samples := range []int{min(evaluation, d.Test.Len()), d.Test.Len() % evaluation} {
		if samples == 0 {
			continue
		}
		m, err := net.Model(graph.Eval, samples)
		if err != nil {
			return nil, false, err
		}
		all = append(all, m)
	}
	seen := map[*graph.Model]bool{}
	return slices.DeleteFunc(all, func(m *graph.Model) bool {
		twice := seen[m]
		seen[m] = true
		return twice
	}), atOnce, nil
}

// trainGraphs are those that this process trains on a batch of n samples with: one for
// each node of its lanes, or for each size of a lane where nodes do not run at once.
func (c Config) trainGraphs(net *graph.Network, n int) (all []*graph.Model, atOnce bool, err error) {
	l := c.lanesHere()
	atOnce = true
	for _, d := range l.nodes() {
		var m *graph.Model
		if !c.laneByLane() {
			if m, err = l.graph(net, d, n); err != nil {
				return nil, false, err
			}
		}
		if m != nil {
			all = append(all, m)
			continue
		}
		atOnce = atOnce && (d.leaf() || n == 0)
		for _, size := range (lanes{l.count, d.lo, d.hi}).sizes(n) {
			if m, err = net.Model(graph.Train, size); err != nil {
				return nil, false, err
			}
			all = append(all, m)
		}
	}
	return all, atOnce, nil
}

// laneByLane reports whether no lanes run at once: for a Defence that adds up two runs of
// a lane, whose sum must not depend on how many lanes a rank has.
func (c Config) laneByLane() bool {
	d, ok := c.Defence.(interface{ laneByLane() bool })
	return c.oneByOne || ok && d.laneByLane()
}

// trained is the first of the graphs of a whole batch. All have the same parameters.
func (r *run) trained() (*graph.Model, error) {
	all, _, err := r.trainGraphs(r.net, min(r.Batch, r.data.Train.Len()))
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		return all[0], nil
	}
	return r.net.Model(graph.Train, 1) // all of this rank's lanes are empty
}

// lanesHere are the lanes of this process.
func (c Config) lanesHere() lanes {
	g := ranks{c.Group}
	return lanesOf(cmp.Or(c.Lanes, c.defaultLanes()), g.rank(), g.size())
}

// laneSize is the most samples that a lane of a whole batch has.
func (c Config) laneSize(d data.Dataset) int {
	return batchCount(min(c.Batch, d.Train.Len()), c.lanesHere().count)
}

// kept is what is kept beside the weights, given the memory that these take.
func (c Config) kept(m graph.Memory) int {
	copies := len(c.Optimizer.Slots())
	if c.Accumulate > 1 {
		copies++
	}
	if c.Average > 0 {
		copies++
	}
	n := copies * m.Parameters
	if c.keepsBest() {
		n += 2 * (m.Parameters + m.State) // of the best epoch, beside those of the best one before
	}
	return n
}

// readAhead is the memory of the images that are read ahead: in training, and in
// evaluation, whose batches may come before those of training are gone.
func (c Config) readAhead(d data.Dataset) int {
	image := 4 * d.Shape[0] * d.Shape[1] * d.Shape[2]
	of := func(samples, batch int) int {
		batches := min(2*runtime.GOMAXPROCS(0), batchCount(samples, batch))
		return batches * min(batch, samples) * image
	}
	return of(d.Train.Len(), c.Batch) + of(d.Test.Len(), c.EvaluationBatch(d.Shape[:]))
}

// afford returns an error if the machine does not have the memory for the run.
func (r *run) afford() error {
	available, known := memory.Available()
	if !known {
		return nil
	}
	if least := 4 * r.Batch * r.data.Shape[0] * r.data.Shape[1] * r.data.Shape[2]; least > available {
		return r.tooLarge(Need{Graphs: least}, available) // for the input alone: not even to be built
	}
	need, err := r.Need(r.net, r.data)
	if err != nil {
		return err
	}
	return r.tooLarge(need, available)
}

// tooLarge returns an error with the way out if a need is larger than what is
// available, nil otherwise.
func (r *run) tooLarge(n Need, available int) error {
	if n.ToCome() <= available {
		return nil
	}
	what := fmt.Sprintf("train: the run needs %v; available are %s", n, memory.Text(available))
	spare := float64(available - n.Optimizer)
	batch := r.Batch
	for batch > 1 && float64(n.Graphs+n.Batches)*float64(batch)/float64(r.Batch) > spare {
		batch /= 2
	}
	if batch == r.Batch || float64(n.Graphs+n.Batches)*float64(batch)/float64(r.Batch) > spare {
		return fmt.Errorf("%s: want a machine with more, a smaller network or smaller images", what)
	}
	return fmt.Errorf("%s: want a smaller batch, such as %d, which with %d batches accumulated makes the same step",
		what, batch, max(r.Accumulate, 1)*r.Batch/batch)
}
