package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"tapenet/train/data"
)

// Epoch is what one pass over the training set came to.
type Epoch struct {
	Epoch           int     `json:"epoch"` // counts from 1
	Loss            float64 `json:"loss"`  // mean over the epoch's training batches, while the weights changed
	Accuracy        float64 `json:"accuracy"`
	ValLoss         float64 `json:"val_loss"` // on the dataset's Test, after the epoch
	ValAccuracy     float64 `json:"val_accuracy"`
	ImagesPerSecond float64 `json:"images_per_second"` // of training, evaluation left out
	LearningRate    float64 `json:"learning_rate"`     // of the last step; 0 if the optimizer is not Rated
	// Attacked is the accuracy under attack, on the samples that Adversarial.Watch says;
	// 0 without.
	Attacked float64 `json:"attacked_accuracy,omitempty"`
}

// Progress is how far an epoch has come.
type Progress struct {
	Epoch, Epochs   int // counts from 1
	Images, Of      int // of the epoch's training samples
	Loss, Accuracy  float64
	ImagesPerSecond float64 // since the epoch began; 0 before its first batch
	Lanes           int     // see Config.Lanes
	// Ranks is the time of each process of Config.Group in this call of Fit so far;
	// nil with one. The next batch changes it.
	Ranks []RankTime `json:",omitempty"`

	// Rounding is for Callback.Start alone, when a run goes on in another arithmetic
	// than its checkpoint's: it says in one line why the weights will differ in their
	// last bits from those of a run without a break. "" means that they will not.
	Rounding string `json:",omitempty"`
	// Recovered is for Callback.Start alone too, when a run goes on from the checkpoint
	// before the last one: it says in one line why.
	Recovered string `json:",omitempty"`
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
		if e.ValLoss, e.ValAccuracy, err = r.evaluate(ctx); err != nil {
			return err
		}
		e.Attacked, err = r.attacked(ctx)
		return err
	})
	if err == errStopped || stoppedBy(ctx, err) {
		return r.interrupted(ctx)
	}
	if err != nil {
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
	if r.Replan != nil {
		r.Epochs = max(r.at.Epoch, r.Replan(r.at.Epoch))
	}
	if err := r.sameWeights(); err != nil {
		return err
	}
	if err := r.ranks.agree(r.writeAll()); err != nil {
		return err
	}
	return r.ranks.agree(r.averaged(func() error { return r.tell(e) }))
}

// tell tells the callbacks of an epoch, on the first rank.
func (r *run) tell(e Epoch) error {
	if r.ranks.rank() > 0 {
		return nil
	}
	return callbacks(r.Callbacks).epoch(r.network(), e)
}

// errStopped says that a rank is to stop: all do.
var errStopped = errors.New("a rank is to stop")

// batches trains on the rest of the epoch's batches.
func (r *run) batches(ctx context.Context) error {
	m, err := r.trained()
	if err != nil {
		return err
	}
	order := r.order(r.at.Epoch)
	rest, own := order[min(r.at.Batch*r.Batch, len(order)):], [][]int(nil)
	for lo := 0; lo < len(rest); lo += r.Batch {
		batch := rest[lo:min(lo+r.Batch, len(rest))]
		first, last := r.lanes.own(len(batch))
		own = append(own, batch[first:last])
	}
	samples := data.Epoch(r.data.Train, r.at.Epoch)
	began, before := time.Now(), r.at.Seconds
	err = r.inStep(ctx, inputOf(m), "training", samples, own, func(b data.Batch, failed error) error {
		n := min(r.Batch, r.data.Train.Len()-r.at.Batch*r.Batch)
		stop, err := r.step(ctx, b, n, cmp.Or(failed, r.unsaved))
		if err != nil {
			return err
		}
		r.at.Seconds = before + max(time.Since(began).Seconds(), 1e-9)
		if r.ranks.rank() == 0 {
			callbacks(r.Callbacks).batch(r.progress())
		}
		if stop {
			return errStopped
		}
		return r.saveInTime()
	})
	if err != nil && (err == ctx.Err() || err == errStopped) {
		return r.interrupted(ctx)
	}
	return err
}

// saveInTime writes a checkpoint if the last one is old, on the first rank. It tells the
// others of an error in the next step: all do the same then.
func (r *run) saveInTime() error {
	if r.folder == nil || r.CheckpointEvery == 0 || time.Since(r.savedAt) < r.CheckpointEvery {
		return nil
	}
	err := r.sound()
	if err == nil {
		err = r.save()
	}
	if r.ranks.several() {
		r.unsaved, err = err, nil
	}
	return err
}

// inStep calls do with batches of samples, as input.ahead does, so that several ranks
// keep step: a batch that cannot be read comes to do as well, with the error, and a
// cancelled ctx does not end it, as do is to tell the others of both. For one process
// it is input.ahead.
func (r *run) inStep(ctx context.Context, in input, what string, s data.Samples, batches [][]int, do func(b data.Batch, failed error) error) error {
	reading := ctx
	if r.ranks.several() {
		reading = context.WithoutCancel(ctx)
	}
	returned := false // with an error of do
	err := in.ahead(reading, what, s, batches, func(b data.Batch) error {
		err := do(b, nil)
		returned = err != nil
		return err
	})
	if err == nil || returned || !r.ranks.several() {
		return err
	}
	return do(data.Batch{}, err)
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
		Lanes: r.lanes.count, Ranks: r.times.all,
	}
}

// interrupted saves what there is and returns the error that says where.
func (r *run) interrupted(ctx context.Context) error {
	if err := r.sound(); err != nil {
		return err
	}
	if err := r.ranks.agree(r.save()); err != nil {
		return err
	}
	cause := ctx.Err()
	if cause == nil {
		cause = context.Canceled // another rank's
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
