package train

import (
	"cmp"
	"fmt"

	"tapenet/graph"
	"tapenet/graph/bound"
)

// IBP trains a network on interval bounds of its own logits, so that these prove for most
// images that no other one near them is given another class (Gowal et al. 2018, arXiv
// 1810.12715): see package bound. After Warmup, the radius of the balls rises in equal
// steps from 0, and the share of the worst logits' loss with it.
//
// What is verified later at a radius is best trained at a larger one, as in 0.4 for 0.3.
type IBP struct {
	Epsilon float64 // the radius at the end, in pixels of 0..1; not 0
	Warmup  float64 // epochs of plain training; 0 means none
	Ramp    float64 // epochs of rising; 0 means a third of all
	Share   float64 // of the worst logits' loss at the end, 1-κ; 0 means ½
}

// Check returns an error if a setting is of no use.
func (d IBP) Check() error {
	if !(d.Epsilon > 0 && d.Epsilon <= 1) {
		return fmt.Errorf("IBP: Epsilon %g, want above 0 and up to 1", d.Epsilon)
	}
	if !(d.Share >= 0 && d.Share <= 1) {
		return fmt.Errorf("IBP: Share %g, want above 0 and up to 1, or 0 for the default", d.Share)
	}
	return cmp.Or(positive("IBP: Warmup", d.Warmup), positive("IBP: Ramp", d.Ramp))
}

// String is the settings, the defaults filled in where they do not depend on the run.
func (d IBP) String() string {
	text := fmt.Sprintf("ibp epsilon %g warmup %g share %g", d.Epsilon, d.Warmup, cmp.Or(d.Share, 0.5))
	if d.Ramp > 0 {
		text += fmt.Sprintf(" ramp %g", d.Ramp)
	}
	return text
}

// Begin makes the loss.
func (d IBP) Begin(t Task) (Defender, error) {
	return &ibp{d, bound.NewLoss(t.Loss, t.Stats.Normalisation())}, nil
}

// at are the radius and κ at a moment.
func (d IBP) at(m Moment) (epsilon, kappa float64) {
	steps := float64(m.StepsPerEpoch)
	ramp := cmp.Or(d.Ramp, float64(m.Epochs)/3) * steps
	part := min(max((float64(m.Step)-d.Warmup*steps)/ramp, 0), 1)
	return part * d.Epsilon, 1 - part*cmp.Or(d.Share, 0.5)
}

type ibp struct {
	IBP
	loss *bound.Loss
}

// Loss is the bounds'.
func (d *ibp) Loss() graph.Loss { return d.loss }

// Batch sets the radius and κ.
func (d *ibp) Batch(at Moment, _ *graph.Model, _ []int) error {
	d.loss.Set(d.at(at))
	return nil
}
