package train

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/train/data"
)

// Fit trains a network on a dataset's training samples and measures it on the
// test samples after every epoch. Samples are read in parallel, ahead of
// training, and may be others in each epoch: see [data.Ahead] and [data.Epoch].
// Equal settings give equal weights, bit for bit, whatever the number of
// processors.
//
// A cancelled ctx stops it within one batch; the error wraps ctx.Err(), and a
// checkpoint in Config.Dir lets Config.Resume go on from that batch. A loss or a
// weight that is NaN or infinite stops it too, and leaves the last good
// checkpoint. Such a run has a Result beside the error: what it came to.
//
// A run that needs more memory than the machine has available is refused before it
// begins, see [Config.Need].
func Fit(ctx context.Context, l graph.Layer, d data.Dataset, c Config) (*Result, error) {
	c = c.defaults()
	if err := c.check(d); err != nil {
		return nil, err
	}
	net, err := graph.NewNetwork(l, d.Shape[:], graph.Options{Seed: c.Seed, Loss: graph.CrossEntropy{Smoothing: c.LabelSmoothing}})
	if err != nil {
		return nil, err
	}
	r := &run{Config: c, data: d, net: net}
	if c.Dir != "" {
		r.folder = &folder{dir: c.Dir}
	}
	defer r.folder.release()
	if err := r.start(); err != nil {
		return nil, err
	}
	for r.at.Epoch < c.Epochs && !r.stalled() {
		if err := r.epoch(ctx); err != nil {
			return r.result(), err
		}
	}
	return r.finish()
}

// run is one call of Fit.
type run struct {
	Config
	data          data.Dataset
	net           *graph.Network
	updater       *updater
	at            position
	history       []Epoch
	best          map[string]*tensor.Dense // weights of the best epoch, with Patience
	bestFileStale bool                     // BestFile is of another epoch than best: write it again
	source        rand.PCG                 // for Mixup, seeded anew in every step
	random        *rand.Rand               // from source
	folder        *folder                  // nil without Dir

	arithmetic string // op.Arithmetic of the last step; "" before the first, or if it is not known
	rounding   string // Progress.Rounding of a run that has just gone on
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
	r.updater.swap(r.net.Weights)
	res := &Result{Network: r.net, History: r.history}
	if i := best(r.history); i >= 0 {
		res.Best = r.history[i]
	}
	return res
}

// start makes the optimizer's state, and takes up or makes the run's folder.
// The checkpoint it writes shows early whether the folder can be written.
func (r *run) start() error {
	if err := r.fits(); err != nil {
		return err
	}
	if err := r.afford(); err != nil {
		return err
	}
	r.random = rand.New(&r.source)
	m, err := r.net.Model(graph.Train, min(r.Batch, r.data.Train.Len()))
	if err != nil {
		return err
	}
	if r.updater, err = newUpdater(r.Config, m.Params()); err != nil {
		return err
	}
	if r.Resume {
		if err := r.load(); err != nil {
			return err
		}
	}
	if err := r.sound(); err != nil {
		return err
	}
	if r.Resume || r.Dir == "" {
		return r.begin()
	}
	_, absent := os.Stat(r.Dir)
	if err := r.folder.claim(r.OnEarlier); err != nil {
		return err
	}
	err = r.begin()
	if err != nil && absent != nil {
		os.Remove(r.Dir) // if nothing is in it
	}
	return err
}

// begin says that the run begins or goes on, and writes the checkpoint.
func (r *run) begin() error {
	p := r.progress()
	if r.stalled() {
		p.Epochs = r.at.Epoch // there will be no others
	}
	if p.Epoch <= p.Epochs {
		p.Rounding = r.rounding
	}
	if err := callbacks(r.Callbacks).start(r.net, p); err != nil {
		return err
	}
	if r.bestFileStale {
		if err := r.saveModel(BestFile, r.best, best(r.history)+1); err != nil {
			return err
		}
	}
	if r.Patience == 0 {
		r.best = nil // it was for the file
	}
	return r.save()
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

// epoch goes through the rest of one epoch, evaluates, and keeps the results.
func (r *run) epoch(ctx context.Context) error {
	if err := r.batches(ctx); err != nil {
		return err
	}
	e := Epoch{
		Epoch: r.at.Epoch + 1, Loss: r.at.Sums.loss(), Accuracy: r.at.Sums.accuracy(),
		ImagesPerSecond: r.at.speed(), LearningRate: r.rate(r.moment()),
	}
	err := r.averaged(func() (err error) {
		e.ValLoss, e.ValAccuracy, err = Evaluate(ctx, r.net, r.data.Test)
		return err
	})
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return r.interrupted(ctx.Err())
		}
		return err
	}
	if err := checkLoss(e.ValLoss, e.Epoch, r.at.Batch); err != nil {
		return err
	}
	if err := r.sound(); err != nil {
		return err
	}
	r.history = append(r.history, e)
	r.copyBest()
	runtime.GC() // see Need: the epoch's images and older weights would stay until they are as much as the graphs
	r.at = position{Epoch: e.Epoch}
	if err := r.writeAll(); err != nil {
		return err
	}
	return r.averaged(func() error { return callbacks(r.Callbacks).epoch(r.net, e) })
}

// batches trains on the rest of the epoch's batches.
func (r *run) batches(ctx context.Context) error {
	m, err := r.net.Model(graph.Train, min(r.Batch, r.data.Train.Len()))
	if err != nil {
		return err
	}
	order := r.order(r.at.Epoch)
	rest := order[min(r.at.Batch*r.Batch, len(order)):]
	samples := data.Epoch(r.data.Train, r.at.Epoch)
	began, before := time.Now(), r.at.Seconds
	err = inputOf(m).ahead(ctx, "training", samples, rest, r.Batch, func(b data.Batch) error {
		if err := r.batch(b); err != nil {
			return err
		}
		r.at.Seconds = before + max(time.Since(began).Seconds(), 1e-9)
		callbacks(r.Callbacks).batch(r.progress())
		return nil
	})
	if err != nil && err == ctx.Err() {
		return r.interrupted(err)
	}
	return err
}

// averaged calls do while the network has the moving averages for its weights,
// if there are any.
func (r *run) averaged(do func() error) error {
	r.updater.swap(r.net.Weights)
	defer r.updater.swap(r.net.Weights)
	return do()
}

// sound returns an error if training has spoilt a tensor. The loss need not show
// it: it is older than the last update, and a ReLU hides what is below zero.
func (r *run) sound() error {
	name := strings.TrimPrefix(r.notFinite(), "weights/")
	switch {
	case name == "":
		return nil
	case r.net.Weights.Step == 0:
		return fmt.Errorf("train: %s holds NaN or Inf before the first step, want an init of finite numbers", name)
	}
	return diverged(name+" holds NaN or Inf", r.at.Epoch+1, r.at.Batch)
}

// order is the order of an epoch's samples: another one for each epoch, fixed
// by the seed.
func (r *run) order(epoch int) []int {
	return data.Order(r.data.Train, r.Seed, epoch)
}

func (r *run) progress() Progress {
	return Progress{
		Epoch: r.at.Epoch + 1, Epochs: r.Epochs, Images: r.at.Sums.Images, Of: r.data.Train.Len(),
		Loss: r.at.Sums.loss(), Accuracy: r.at.Sums.accuracy(), ImagesPerSecond: r.at.speed(),
	}
}

// interrupted saves what there is and returns the error that says where.
func (r *run) interrupted(cause error) error {
	if err := r.sound(); err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	return fmt.Errorf("train: stopped in epoch %d after %d of %d images: %w",
		r.at.Epoch+1, r.at.Sums.Images, r.data.Train.Len(), cause)
}

// speed is that of the epoch's training, in images a second; 0 if it is not known,
// as from an older checkpoint.
func (p position) speed() float64 {
	if p.Seconds == 0 {
		return 0
	}
	return float64(p.Sums.Images) / p.Seconds
}
