package show

import (
	"fmt"
	"io"

	"tapenet/graph"
	"tapenet/train"
)

// Progress writes how a run goes, in one line an epoch that is overwritten as
// it goes on:
//
//	p := show.NewProgress(os.Stdout)
//	res, err := train.Fit(ctx, net, digits, train.Config{Epochs: 1, Callbacks: []train.Callback{p}})
type Progress struct {
	train.Ignore
	w    io.Writer
	last int // twentieths of the epoch that have been written
}

// NewProgress returns a progress that writes to w.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w} }

// Batch writes twenty times an epoch.
func (p *Progress) Batch(at train.Progress) {
	now := 20 * at.Images / max(1, at.Of)
	if now == p.last {
		return
	}
	p.last = now
	fmt.Fprintf(p.w, "\repoch %d of %d: %3d %%, loss %.4f, accuracy %.2f %%, %.0f images/s",
		at.Epoch, at.Epochs, 5*now, at.Loss, 100*at.Accuracy, at.ImagesPerSecond)
}

// Epoch ends the line.
func (p *Progress) Epoch(_ *graph.Network, e train.Epoch) error {
	p.last = 0
	fmt.Fprintf(p.w, "\repoch %d: loss %.4f, accuracy %.2f %%, test loss %.4f, test accuracy %.2f %%, %.0f images/s\n",
		e.Epoch, e.Loss, 100*e.Accuracy, e.ValLoss, 100*e.ValAccuracy, e.ImagesPerSecond)
	return nil
}
