package train

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/train/data"
)

// Fit trains a network on a dataset's training samples and measures it on the
// test samples after every epoch. Samples are read in parallel, ahead of
// training, and may be others in each epoch: see [data.Ahead] and [data.Epoch].
// Equal settings give equal weights, bit for bit, whatever the number of
// processors, and of the processes of Config.Group, all of which call Fit.
//
// A cancelled ctx stops it between two ops: the batch at work is abandoned, as if it had
// not begun. The error wraps ctx.Err(), and a checkpoint in Config.Dir lets Config.Resume go
// on from there. A loss or a
// weight that is NaN or infinite stops it too, and leaves the last good
// checkpoint. Such a run has a Result beside the error: what it came to.
//
// In a group, one process that is to stop, or fails, ends all of them after the same
// step: with context.Canceled, or that one's error. A [GroupError] is that of a process
// that has lost the others.
//
// A run that needs more memory than the machine has available is refused before it
// begins, see [Config.Need].
func Fit(ctx context.Context, l graph.Layer, d data.Dataset, c Config) (*Result, error) {
	c = c.defaults()
	r := &run{Config: c, data: d, ranks: ranks{c.Group}}
	if c.Dir != "" && r.ranks.rank() == 0 {
		r.folder = &folder{dir: c.Dir}
	}
	defer r.folder.release()
	if err := r.start(ctx, l); err != nil {
		return nil, err
	}
	for r.at.Epoch < r.Epochs && !r.ended() && !r.paused() {
		if err := r.epoch(ctx); err != nil {
			return r.result(), err
		}
	}
	return r.finish()
}

// run is one call of Fit.
type run struct {
	Config
	data     data.Dataset
	net      *graph.Network
	ranks    ranks
	lanes    lanes
	defender Defender   // nil without Defence
	twice    *twice     // nil unless the defender is twofold
	laned    *laned     // nil with one lane
	front    *extracted // nil without Backbone
	kept     *kept
	folder   *folder // nil without Dir, and on all ranks but the first
	updater  *updater
	at       position
	history  []Epoch
	times    rankTimes
	grads    [][]float32 // of a batch in one piece, by parameter
	source   rand.PCG    // for mixing images, seeded anew in every step
	random   *rand.Rand  // from source

	best          map[string]*tensor.Dense // weights of the best epoch, if the run may end with them
	bestSum       string                   // state.Best
	bestFileStale bool                     // BestFile is of another epoch than best: write it again

	savedAt time.Time // when the checkpoint was written
	unsaved error     // why it could not be, which other ranks do not know yet

	arithmetic string // op.Arithmetic of the last step; "" before the first, or if it is not known
	rounding   string // Progress.Rounding of a run that has just gone on
	recovered  string // Progress.Recovered of it
	complete   bool   // there was nothing left to train
}

// position is where a run is. With it, the weights and the optimizer's slots,
// a run goes on.
type position struct {
	Epoch int   // epochs completed
	Batch int   // batches of the current epoch completed
	Sums  tally // of those batches

	Seconds float64 `json:",omitempty"` // that they took, in all calls of Fit
}

// result ends the run: with the moving averages, if there are any.
func (r *run) result() *Result {
	res := &Result{Network: r.network(), History: r.history, Lanes: r.lanes.count, Ranks: r.times.all, SHA256: fmt.Sprintf("%x", r.sum())}
	r.updater.swap(r.net.Weights)
	res.Collapsed, res.Paused = r.collapsed(), r.paused()
	if i := best(r.history); i >= 0 {
		res.Best = r.history[i]
	}
	return res
}

// start checks the settings, makes the network and the optimizer's state, takes up or
// makes the run's folder, and gives all ranks what the first one has. The checkpoint it
// writes shows early whether the folder can be written.
//
// What ranks do by themselves may fail on one of them, and they agree on that before
// they do the next thing together: all go on, or none does.
func (r *run) start(ctx context.Context, l graph.Layer) error {
	if err := r.ranks.agree(r.check(r.data)); err != nil {
		return err
	}
	if err := r.chooseLanes(); err != nil {
		return err
	}
	if err := r.ranks.agree(r.prepare(ctx, l)); err != nil {
		return err
	}
	if err := r.sameSettings(); err != nil {
		return err
	}
	if err := r.affordTogether(); err != nil {
		return err
	}
	if err := r.ranks.agree(r.open()); err != nil {
		return err
	}
	return r.share()
}

// prepare makes what a rank needs by itself.
func (r *run) prepare(ctx context.Context, l graph.Layer) (err error) {
	w := &graph.Weights{}
	if r.Backbone != nil {
		if err := r.extract(ctx, w); err != nil {
			return err
		}
	}
	loss, err := r.defend(ctx, l, w, r.lanes.count > 1)
	if err != nil {
		return err
	}
	if r.net, err = graph.NewNetwork(l, r.data.Shape[:], graph.Options{Seed: r.Seed, Loss: loss, Weights: w}); err != nil {
		return err
	}
	if r.front != nil {
		whole := graph.Sequential{graph.Frozen{Body: r.front.layer}, l}
		if r.front.whole, err = graph.NewNetwork(whole, r.front.images.Shape[:], graph.Options{Seed: r.Seed, Loss: loss, Weights: w}); err != nil {
			return err
		}
	}
	if r.From != nil {
		if err := r.net.Weights.Load(r.From); err != nil {
			return fmt.Errorf("train: Config.From: %w", err)
		}
	}
	if err := r.fits(); err != nil {
		return err
	}
	if err := r.afford(); err != nil {
		return err
	}
	r.random = rand.New(&r.source)
	m, err := r.trained()
	if err != nil {
		return err
	}
	if r.updater, err = newUpdater(r.Config, m.Params()); err != nil {
		return err
	}
	r.kept = newKept(r.net, m)
	if r.lanes.count > 1 {
		r.laned = newLaned(r.lanes, r.ranks, r.kept, m)
		r.laned.oneByOne = r.laneByLane()
	}
	r.grads = make([][]float32, len(m.Params()))
	return nil
}

// open is the first rank's part of the start: what lies in the folder, and who is told
// of the run.
func (r *run) open() error {
	if r.ranks.rank() > 0 {
		return r.sound()
	}
	if r.Resume {
		if err := r.load(); err != nil {
			return err
		}
	}
	if err := r.sound(); err != nil {
		return err
	}
	if r.Resume || r.folder == nil {
		return r.begin()
	}
	_, absent := os.Stat(r.Dir)
	if err := r.folder.claim(r.OnEarlier); err != nil {
		return err
	}
	err := r.begin()
	if err != nil && absent != nil {
		os.Remove(r.Dir) // if nothing is in it
	}
	return err
}

// begin says that the run begins or goes on, and writes the checkpoint.
func (r *run) begin() error {
	p := r.progress()
	if r.ended() {
		p.Epochs = r.at.Epoch // there will be no others
	}
	p.Recovered, r.complete = r.recovered, p.Epoch > p.Epochs
	if !r.complete {
		p.Rounding = r.rounding
	}
	if err := callbacks(r.Callbacks).start(r.network(), p); err != nil {
		return err
	}
	if r.bestFileStale {
		if err := r.saveModel(BestFile, r.best, best(r.history)+1); err != nil {
			return err
		}
	}
	if !r.keepsBest() {
		r.best = nil // it was for the file
	}
	if r.recovered != "" && r.folder != nil {
		if err := r.folder.setAside(); err != nil {
			return err
		}
	}
	return r.saveAs(CheckpointFile) // the state that was read, whose previous one is there
}

// fits returns an error unless the network has an output for each class.
func (r *run) fits() error {
	m, err := r.net.Model(graph.Infer, 1)
	if err != nil {
		return err
	}
	if want := (tensor.Shape{1, len(r.data.Classes)}); !m.OutputShape().Eq(want) {
		return fmt.Errorf("train: the network's output is %v, want %v: one for each class of dataset %q", m.OutputShape(), want, r.data.Name)
	}
	return nil
}
