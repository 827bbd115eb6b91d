package train

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/train/data"
)

// Config says how to train. Its zero value trains as Keras's introductory
// example does: Adam, batches of 32, 10 epochs.
type Config struct {
	Epochs    int       // passes over the training set; 0 means 10
	Batch     int       // samples per step; 0 means 32; the last batch of an epoch may be shorter
	Optimizer Optimizer // nil means Adam{}
	Seed      uint64    // of initial weights, shuffling and dropout

	// LabelSmoothing takes this share of each target from its class and spreads
	// it over all (Szegedy et al. 2015), in the test loss as well; 0 means none.
	LabelSmoothing float64
	// GeneralizedCrossEntropy is the exponent q of the loss of that name, above 0 and at most
	// 1, as in 0.7: for labels of which a part is wrong (Zhang and Sabuncu 2018). It is the
	// test loss as well, and goes without LabelSmoothing; 0 means the cross-entropy.
	GeneralizedCrossEntropy float64
	// Focal is γ of the focal loss, as in 2: what the network is sure of counts for little, for
	// classes of which some have far fewer images (Lin et al. 2017). It is the test loss as well,
	// and goes without the two before; 0 means the cross-entropy.
	Focal float64
	// ClassWeights weighs the training samples by their class: a batch's loss is
	// the weighted mean. nil means equal weights.
	ClassWeights []float64
	// SampleWeights weighs the training samples one by one, in the order of the
	// dataset, and beside ClassWeights; nil means equal weights.
	SampleWeights []float32

	// Mixup mixes each training image with another one of its batch, in shares
	// from a Beta distribution with this parameter, as in 0.2 (Zhang et al. 2017);
	// 0 means not at all. The training accuracy is then that of the mixed images.
	Mixup float64
	// CutMix is the same with a rectangle out of the other image in place of a mixture,
	// as in 1 (Yun et al. 2019); it goes without Mixup.
	CutMix float64

	// Defence makes the network robust against changes of its input, such as Adversarial
	// and IBP, or has it learn from another one, Teacher; nil means none.
	Defence Defence

	// Lanes is the number of parts into which each batch is cut, each with statistics
	// of its own for BatchNorm, and with random numbers of its own. Their gradients are
	// added in an order that does not depend on how many processes share them: equal
	// numbers of lanes give equal weights. 0 means those of the checkpoint with Resume,
	// otherwise 1, and in a Group 8, or for more than 8 processes the next power of two.
	Lanes int
	// Group is the processes that train together, of which this is one; nil means this
	// one alone. All must have the same settings and the same dataset. The first rank's
	// Dir, Resume, OnEarlier and Callbacks count.
	Group Group

	oneByOne bool // for tests: lanes run one by one, also where the network can run them at once

	// Schedule changes the optimizer's learning rate, which must be Rated; nil
	// means a constant rate.
	Schedule Schedule

	// Gradients, before the optimizer sees them.
	ClipValue  float64 // limit of each gradient's absolute value; 0 means none
	ClipNorm   float64 // limit of the Euclidean norm of all gradients together; 0 means none
	Accumulate int     // batches, of one epoch, whose mean gradient makes a step; 0 means 1

	// Average is the decay of a moving average of the weights, as in 0.999, with
	// which the network is evaluated, saved and returned; training goes on with
	// the weights themselves. 0 means none.
	Average float64

	// Patience ends the run when ValLoss has not been lower for so many epochs, or
	// Epoch.Attacked not higher, if that is measured; 0 means never. With it, the network has the weights of the best epoch at
	// the end of the run.
	Patience int

	// From are the values of the weights that the run begins with, all of them, as
	// another run's or a foreign model's; nil means the layers' own, by the Seed.
	From map[string]*tensor.Dense

	// Backbone is a network that is trained already, in front of the one that Fit is
	// given; nil means none. From is then not for its weights.
	Backbone *Backbone
	// Rates are factors of the learning rates of parameters, by their paths; one that is
	// not among them has 1. The optimizer must be Rated.
	Rates map[string]float64

	// Replan is asked after each epoch for the epochs of the whole run, given those that are
	// done; nil means that they stay as they are. A run with as many from its beginning is the
	// same if the Schedule's factors are, as those of Cooldown before its last part. It is not
	// for a Group.
	Replan func(done int) (epochs int)

	// Dir is the folder that keeps the run; "" means none. It gets
	// model.safetensors and best.safetensors, which are the last and the best
	// epoch's, checkpoint.safetensors, previous.safetensors, history.csv and curves.svg. If it holds a
	// run already, Fit refuses it unless Resume is set; if a run is going on in it,
	// on a system that locks folders as Unix does, Fit refuses it in any case.
	Dir string
	// CheckpointEvery is the time after which a checkpoint is written inside an epoch too: a
	// run that is killed loses as much. 0 means after epochs alone.
	CheckpointEvery time.Duration
	// KeepCheckpoints is the number of epochs, the last ones, whose checkpoints are
	// kept besides, as in epoch-0007.safetensors; 0 means none. In the place of
	// checkpoint.safetensors, one makes Resume go on from that epoch.
	KeepCheckpoints int
	// Model is the network's name in modelzoo, kept in model.safetensors so that
	// infer.Load can build it again; "" for a network of your own.
	Model string
	// Resume goes on from the checkpoint in Dir, which must come from the same
	// settings; more epochs are welcome.
	Resume bool
	// Until pauses the run after so many epochs: Fit returns, and Resume goes on, to what
	// a run without a pause comes to, as schedules are those of all Epochs. 0 means never.
	Until int

	// OnEarlier is called, if not nil, when Dir is there and Resume is not set. It
	// may move an earlier run out of the way, which no run that goes on is in. Its
	// error ends Fit.
	OnEarlier func() error
	// Callbacks are told how the run goes, one after the other, such as Slog and
	// train/tensorboard's.
	Callbacks []Callback
}

// Result is what Fit leaves behind.
type Result struct {
	Network *graph.Network
	History []Epoch
	Best    Epoch // the one with the highest Attacked, if that is measured, else the lowest ValLoss; its Epoch is 0 if there is none

	// Collapsed says that the accuracy under attack broke down in the last epoch, which
	// ended the run: see Adversarial.Collapse. The network is that of Best.
	Collapsed bool
	// Paused says that Config.Until ended the call before the run's end.
	Paused bool

	Lanes  int        // see Config.Lanes
	Ranks  []RankTime // of the processes of Config.Group, in this call of Fit; nil with one
	SHA256 string     // of the weights that were trained and the optimizer's state, in hexadecimal
}

func (c Config) defaults() Config {
	if c.Epochs == 0 {
		c.Epochs = 10
	}
	if c.Batch == 0 {
		c.Batch = 32
	}
	if c.Optimizer == nil {
		c.Optimizer = Adam{}
	}
	if c.Accumulate == 1 {
		c.Accumulate = 0 // the same
	}
	return c
}

func (c Config) check(d data.Dataset) error {
	switch {
	case c.Epochs < 0 || c.Batch < 0:
		return fmt.Errorf("train: epochs %d and batch size %d, want positive numbers", c.Epochs, c.Batch)
	case c.Lanes < 0:
		return fmt.Errorf("train: %d Lanes, want a positive number, or 0 for the default", c.Lanes)
	case c.Accumulate < 0:
		return fmt.Errorf("train: Accumulate %d, want a positive number of batches, or 0 for one", c.Accumulate)
	case d.Train == nil || d.Test == nil || d.Train.Len() == 0 || d.Test.Len() == 0:
		return fmt.Errorf("train: dataset %q has no training or no test samples", d.Name)
	case len(d.Classes) == 0:
		return fmt.Errorf("train: dataset %q has no classes, want a name for each", d.Name)
	case c.Patience < 0 || c.KeepCheckpoints < 0:
		return fmt.Errorf("train: Patience %d and KeepCheckpoints %d, want numbers of epochs, or 0", c.Patience, c.KeepCheckpoints)
	case c.Until < 0:
		return fmt.Errorf("train: Until %d, want a number of epochs, or 0 for all", c.Until)
	case c.KeepCheckpoints > 0 && c.Dir == "":
		return fmt.Errorf("train: KeepCheckpoints without Dir, want the folder of the run")
	case c.Replan != nil && ranks{c.Group}.several():
		return errors.New("train: Replan in a Group, want the epochs from the beginning")
	case c.Resume && c.Dir == "":
		return fmt.Errorf("train: Resume without Dir, want the folder of the run")
	}
	if _, ok := c.Optimizer.(Rated); !ok && len(c.Rates) > 0 {
		return fmt.Errorf("train: Rates with optimizer %T, want one with the methods of Rated", c.Optimizer)
	}
	if _, ok := c.Optimizer.(Rated); !ok && c.Schedule != nil {
		return fmt.Errorf("train: a Schedule with optimizer %T, want one with the methods of Rated", c.Optimizer)
	}
	err := cmp.Or(positive("ClipValue", c.ClipValue), positive("ClipNorm", c.ClipNorm), share("Average", c.Average),
		share("LabelSmoothing", c.LabelSmoothing), c.checkLossSettings(d), positive("Mixup", c.Mixup), positive("CutMix", c.CutMix), c.checkMixing(), c.checkWeights(d))
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return cmp.Or(check(c.Optimizer), check(c.Schedule), check(c.Defence))
}

// check asks an optimizer, a schedule or a defence about its settings, if it can tell.
func check(o any) error {
	if o, ok := o.(interface{ Check() error }); ok {
		if err := o.Check(); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return nil
}

// checkLoss returns an error if a loss is not finite: training went off.
func checkLoss(loss float64, epoch, step int) error {
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return diverged(fmt.Sprintf("the loss is %v", loss), epoch, step)
	}
	return nil
}

func diverged(how string, epoch, step int) error {
	return fmt.Errorf("train: diverged: %s at epoch %d, step %d; try a lower learning rate", how, epoch, step)
}
