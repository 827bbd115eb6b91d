package train

import (
	"context"
	"log/slog"

	"tapenet/graph"
)

// Callback is told how a run goes. A type that wants to hear of some of it embeds
// [Ignore]; [BatchFunc] and [EpochFunc] make one of a function.
type Callback interface {
	// Start is called once: when all is checked and no other run can have the
	// folder, and before anything is written into it. A run whose p.Epoch is above
	// its p.Epochs is complete already. An error ends the run.
	Start(net *graph.Network, p Progress) error
	// Batch is called after every batch.
	Batch(p Progress)
	// Epoch is called after every epoch, when its files are written. The network
	// has the weights that were evaluated, and stays as it is. An error ends the
	// run, which Resume can take up.
	Epoch(net *graph.Network, e Epoch) error
}

// Ignore is a Callback that does nothing.
type Ignore struct{}

// Start does nothing.
func (Ignore) Start(*graph.Network, Progress) error { return nil }

// Batch does nothing.
func (Ignore) Batch(Progress) {}

// Epoch does nothing.
func (Ignore) Epoch(*graph.Network, Epoch) error { return nil }

// BatchFunc is a Callback that is called after every batch.
type BatchFunc func(Progress)

// Start does nothing.
func (BatchFunc) Start(*graph.Network, Progress) error { return nil }

// Batch calls the function.
func (f BatchFunc) Batch(p Progress) { f(p) }

// Epoch does nothing.
func (BatchFunc) Epoch(*graph.Network, Epoch) error { return nil }

// EpochFunc is a Callback that is called after every epoch.
type EpochFunc func(*graph.Network, Epoch) error

// Start does nothing.
func (EpochFunc) Start(*graph.Network, Progress) error { return nil }

// Batch does nothing.
func (EpochFunc) Batch(Progress) {}

// Epoch calls the function.
func (f EpochFunc) Epoch(net *graph.Network, e Epoch) error { return f(net, e) }

// Slog logs every epoch at level Info, with the names that its JSON has.
func Slog(l *slog.Logger) Callback {
	return EpochFunc(func(_ *graph.Network, e Epoch) error {
		attrs := []slog.Attr{
			slog.Int("epoch", e.Epoch),
			slog.Float64("loss", e.Loss), slog.Float64("accuracy", e.Accuracy),
			slog.Float64("val_loss", e.ValLoss), slog.Float64("val_accuracy", e.ValAccuracy),
			slog.Float64("images_per_second", e.ImagesPerSecond), slog.Float64("learning_rate", e.LearningRate),
		}
		if e.Attacked > 0 {
			attrs = append(attrs, slog.Float64("attacked_accuracy", e.Attacked))
		}
		l.LogAttrs(context.Background(), slog.LevelInfo, "epoch", attrs...)
		return nil
	})
}

// callbacks tells all of them, in their order, until one fails.
type callbacks []Callback

func (all callbacks) start(net *graph.Network, p Progress) error {
	for _, c := range all {
		if err := c.Start(net, p); err != nil {
			return err
		}
	}
	return nil
}

func (all callbacks) batch(p Progress) {
	for _, c := range all {
		c.Batch(p)
	}
}

func (all callbacks) epoch(net *graph.Network, e Epoch) error {
	for _, c := range all {
		if err := c.Epoch(net, e); err != nil {
			return err
		}
	}
	return nil
}
