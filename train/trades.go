package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/update"
)

// trades is an adversary whose step has two runs (Zhang et al. 2019, equation 5). With
// p = SoftMax of a clean picture's logits z, q of the attacked one's, z', and Beta = 1/λ,
// a sample's loss and gradients are
//
//	L = CE(z, class) + Beta·KL(p ‖ q)    KL = Σ_k p_k·(log p_k - log q_k)
//	∂KL/∂z'_k = q_k - p_k
//	∂KL/∂z_k  = p_k·(log p_k - log q_k - KL)
//
// The first run is of the attacked pictures, with the first gradient, the second one of
// the clean pictures with the other one: what they add to the parameters is added up, as
// the authors' program does through both. The p of the first run is that of inference,
// which differs from training's by BatchNorm and Dropout alone.
type trades struct {
	*adversary
	infer *graph.Model // logits of clean pictures

	pictures []float32   // the batch's clean ones, as the network takes them
	all      [][]float64 // of the batch's clean pictures, log p by inference
	attacked [][]float64 // log q
	weights  []float64   // of the samples in the cost
	second   bool        // which run it is
	scratch  []float64
}

// Loss is that of TRADES in Train mode, the plain one otherwise.
func (d *trades) Loss() graph.Loss { return tradesLoss{d.task.Loss, d} }

type tradesLoss struct {
	graph.CrossEntropy
	d *trades
}

// Cost is a sum over the samples, whose weights are the mean's unless Sum.
func (l tradesLoss) Cost(s *graph.Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	if !s.Training() {
		return l.CrossEntropy.Cost(s, output, target, weights)
	}
	return s.Node(op.SampleLoss(output, target, l.d.loss))
}

// Batch attacks the pictures, and readies the first run.
func (d *trades) Batch(at Moment, m *graph.Model, samples []int) error {
	if err := d.startTrades(m); err != nil {
		return err
	}
	d.pictures = append(d.pictures[:0], m.Input.Float32s()...)
	d.all, d.attacked = rows(d.all, len(samples), len(d.scratch)), rows(d.attacked, len(samples), len(d.scratch))
	x, size := m.Input.Float32s(), d.ball.size
	for lo := 0; lo < len(samples); lo += d.task.Lane {
		hi := min(lo+d.task.Lane, len(samples))
		if err := d.look(x[lo*size:hi*size], d.all[lo:hi]); err != nil {
			return err
		}
		d.clean = d.all[lo:hi]
		s := d.attempt(d.radius(at))
		s.random = func(k int) { d.seed(at, samples[lo+k]) }
		err := d.attack(s, x[lo*size:hi*size], m.Target.Float32s()[lo:hi])
		if d.clean = nil; err != nil {
			return err
		}
	}
	d.weights = costShares(d.weights, m, d.task.Loss.Sum)
	d.second = false
	seat(m, len(d.scratch))
	return nil
}

// again readies the second run.
func (d *trades) again(m *graph.Model) {
	copy(m.Input.Float32s(), d.pictures)
	d.second = true
}

// done gives the model its classes back.
func (d *trades) done(m *graph.Model) { unseat(m, len(d.scratch)) }

// loss is that of one sample, whose target is its class and its place. What the first run
// returns nobody asks for.
func (d *trades) loss(logits []float64, target float64, gradient []float64) float64 {
	k, class := int(target)/len(logits), int(target)%len(logits)
	w := d.weights[k]
	if !d.second {
		logSoftMax(d.attacked[k], logits)
		divergence(d.all[k], logits, gradient)
		for i := range gradient {
			gradient[i] *= w * d.Beta
		}
		return 0
	}
	p, q := d.scratch, d.attacked[k]
	logSoftMax(p, logits)
	var kl, entropy float64
	for i := range p {
		kl += math.Exp(p[i]) * (p[i] - q[i])
	}
	smooth := d.task.Loss.Smoothing / float64(len(p))
	for i := range p {
		want := smooth
		if i == class {
			want += 1 - d.task.Loss.Smoothing
		}
		entropy -= want * p[i]
		gradient[i] = w * (math.Exp(p[i])*(1+d.Beta*(p[i]-q[i]-kl)) - want)
	}
	return w * (entropy + d.Beta*kl)
}

// look sets the clean pictures' log p.
func (d *trades) look(pictures []float32, to [][]float64) error {
	copy(d.infer.Input.Float32s(), pictures)
	if err := d.task.run(d.infer); err != nil {
		return fmt.Errorf("clean pictures: %w", err)
	}
	logits := d.infer.Output().Float32s()
	for k := range to {
		for i, v := range logits[k*len(d.scratch):][:len(d.scratch)] {
			d.scratch[i] = float64(v)
		}
		logSoftMax(to[k], d.scratch)
	}
	return nil
}

// startTrades makes the graphs.
func (d *trades) startTrades(m *graph.Model) error {
	if d.infer != nil {
		return nil
	}
	if err := d.start(); err != nil {
		return err
	}
	var err error
	d.infer, err = d.buildClean()
	d.scratch = make([]float64, m.OutputShape()[1])
	return err
}

// rows are n rows of so many numbers, those of all as far as there are some.
func rows(all [][]float64, n, size int) [][]float64 {
	for len(all) < n {
		all = append(all, make([]float64, size))
	}
	return all[:n]
}

// divergence is KL(p ‖ q), given log p and the logits of q. It sets gradient to the
// derivative for these.
func divergence(p, logits, gradient []float64) (kl float64) {
	q := gradient
	logSoftMax(q, logits)
	for k, lp := range p {
		kl += math.Exp(lp) * (lp - q[k])
		gradient[k] = math.Exp(q[k]) - math.Exp(lp)
	}
	return kl
}

// logSoftMax sets to to the logarithm of SoftMax.
func logSoftMax(to, logits []float64) {
	top, sum := slices.Max(logits), 0.0
	for _, v := range logits {
		sum += math.Exp(v - top)
	}
	below := top + math.Log(sum)
	for k, v := range logits {
		to[k] = v - below
	}
}

// twofold is a Defender whose step runs the training graph twice: what both add to the
// gradients counts, and the results and the state of the second.
type twofold interface {
	finisher
	again(m *graph.Model) // before the second run
}

// twice are the two runs of a step.
type twice struct {
	grads         [][]float32 // of the first run
	state, before [][]float32 // that the runs change, as they find it
}

// run runs a model twice, as one step. Both draw the same random numbers.
func (t *twice) run(ctx context.Context, w *graph.Weights, d twofold, m *graph.Model) error {
	defer d.done(m)
	for i, s := range t.state {
		copy(t.before[i], s)
	}
	if err := m.RunContext(ctx); err != nil {
		return err
	}
	w.Step--
	for i, p := range m.Params() {
		copy(t.grads[i], p.Grad().Float32s())
	}
	for i, s := range t.state {
		copy(s, t.before[i])
	}
	d.again(m)
	if err := m.RunContext(ctx); err != nil {
		return err
	}
	for i, p := range m.Params() {
		update.Add(p.Grad().Float32s(), t.grads[i])
	}
	return nil
}

// newTwice makes the memory.
func newTwice(w *graph.Weights, params []graph.Param) *twice {
	t, state := &twice{}, w.Map()
	for _, p := range params {
		t.grads = append(t.grads, make([]float32, p.Value.Size()))
		delete(state, p.Name)
	}
	for _, s := range state {
		t.state = append(t.state, s.Float32s())
		t.before = append(t.before, make([]float32, s.Size()))
	}
	return t
}
