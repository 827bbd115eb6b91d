package train

import (
	"context"
	"log/slog"

	"tapenet/graph"
)

// Callback is told how a run goes.
type Callback interface {
	// EpochDone is called after every epoch, when its files are written. The
	// network has the weights that were evaluated, and stays as it is. An error
	// ends the run, which Resume can take up.
	EpochDone(net *graph.Network, e Epoch) error
}

// CallbackFunc is a Callback.
type CallbackFunc func(*graph.Network, Epoch) error

// EpochDone calls the function.
func (f CallbackFunc) EpochDone(net *graph.Network, e Epoch) error { return f(net, e) }

// tell calls the callbacks, until one fails.
func (r *run) tell(e Epoch) error {
	for _, c := range r.Callbacks {
		if err := c.EpochDone(r.net, e); err != nil {
			return err
		}
	}
	return nil
}

// Slog logs every epoch at level Info, with the names that its JSON has.
func Slog(l *slog.Logger) Callback {
	return CallbackFunc(func(_ *graph.Network, e Epoch) error {
		l.LogAttrs(context.Background(), slog.LevelInfo, "epoch", slog.Int("epoch", e.Epoch),
			slog.Float64("loss", e.Loss), slog.Float64("accuracy", e.Accuracy),
			slog.Float64("val_loss", e.ValLoss), slog.Float64("val_accuracy", e.ValAccuracy),
			slog.Float64("images_per_second", e.ImagesPerSecond), slog.Float64("learning_rate", e.LearningRate))
		return nil
	})
}
