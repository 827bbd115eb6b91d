package train

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/train/data"
)

// Teacher has a network learn from another one that is trained already, as a Defence:
// knowledge distillation (Hinton, Vinyals and Dean 2015). With the student's logits z, the
// teacher's logits v of the same image, augmented as it is, and q and p the SoftMax of z/T
// and v/T, a sample's loss is
//
//	L = (1-Share)·CE(z, class) + Share·T²·KL(p ‖ q)
//	∂L/∂z_k = (1-Share)·(SoftMax(z)_k - t_k) + Share·T·(q_k - p_k)
//
// T² keeps the gradients' size whatever T is, as the paper says. The test loss is the plain
// cross-entropy.
type Teacher struct {
	Network     *graph.Network // takes the student's images, and gives logits of the same classes
	Stats       data.Stats     // what it takes of a pixel in 0..1, as in Dataset; zero for the pixel itself
	Temperature float64        // T; 0 means 4
	Share       float64        // of the teacher in the loss, up to 1; 0 means 0.9
}

// defaults fills in what 0 means.
func (t Teacher) defaults() Teacher {
	if t.Temperature == 0 {
		t.Temperature = 4
	}
	if t.Share == 0 {
		t.Share = 0.9
	}
	return t
}

// Check returns an error unless the settings are some.
func (t Teacher) Check() error {
	t = t.defaults()
	switch {
	case t.Network == nil || len(t.Network.Input) != 3:
		return errors.New("a Teacher without a Network that takes images, want one that is trained")
	case !(t.Temperature > 0 && t.Temperature <= 1e3):
		return fmt.Errorf("a Teacher's Temperature %g, want more than 0 and at most 1000, or 0 for 4", t.Temperature)
	case !(t.Share > 0 && t.Share <= 1):
		return fmt.Errorf("a Teacher's Share %g, want more than 0 and at most 1, or 0 for 0.9", t.Share)
	}
	return nil
}

// String names the settings, and the weights by a hash: a run goes on with the same
// teacher alone.
func (t Teacher) String() string {
	t = t.defaults()
	sum := sumOf(t.Network.Weights.Map())
	return fmt.Sprintf("teacher with temperature %g, share %g, weights %x, statistics %v", t.Temperature, t.Share, sum[:8], t.Stats)
}

// Begin implements [Defence].
func (t Teacher) Begin(task Task) (Defender, error) {
	if in := [3]int(t.Network.Input); in != task.Input {
		return nil, fmt.Errorf("the teacher takes images of %v, want those of the network that learns, %v", in, task.Input)
	}
	d := &distiller{Teacher: t.defaults(), task: task}
	var err error
	d.model, err = t.build(task.Lane)
	return d, err
}

// build makes a graph of the teacher's that nobody else has.
func (t Teacher) build(images int) (*graph.Model, error) {
	in := t.Network.Input
	return graph.Options{Weights: t.Network.Weights}.Build(t.Network.Layer, graph.Infer, images, in[0], in[1], in[2])
}

// needs are the graphs that it adds to a run's.
func (t Teacher) needs(_ *graph.Network, lane int) ([]*graph.Model, error) {
	m, err := t.build(lane)
	return []*graph.Model{m}, err
}

// distiller is a Teacher in one run.
type distiller struct {
	Teacher
	task  Task
	model *graph.Model // the teacher, for the images of a lane

	classes int
	taught  [][]float64 // log p of the batch's images
	weights []float64   // of the samples in the cost
	q       []float64   // of one sample
}

// Loss is the teacher's in Train mode, the plain one otherwise.
func (d *distiller) Loss() graph.Loss { return distilled{d.task.Loss, d} }

type distilled struct {
	graph.CrossEntropy
	d *distiller
}

// Cost is a sum over the samples, whose weights are the mean's unless Sum.
func (l distilled) Cost(s *graph.Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	if !s.Training() {
		return l.CrossEntropy.Cost(s, output, target, weights)
	}
	return s.Node(op.SampleLoss(output, target, l.d.loss))
}

// Batch asks the teacher about the images of a batch.
func (d *distiller) Batch(_ Moment, m *graph.Model, samples []int) error {
	d.classes = m.OutputShape()[1]
	if got := d.model.OutputShape(); len(got) != 2 || got[1] != d.classes {
		return fmt.Errorf("the teacher gives %v for an image, want logits of %d classes", got[1:], d.classes)
	}
	if d.q == nil {
		d.q = make([]float64, d.classes)
	}
	d.taught = rows(d.taught, len(samples), d.classes)
	x := m.Input.Float32s()
	size := len(x) / len(samples)
	for lo := 0; lo < len(samples); lo += d.task.Lane {
		hi := min(lo+d.task.Lane, len(samples))
		if err := d.ask(x[lo*size:hi*size], size, d.taught[lo:hi]); err != nil {
			return fmt.Errorf("the teacher: %w", err)
		}
	}
	d.weights = costShares(d.weights, m, d.task.Loss.Sum)
	seat(m, d.classes)
	return nil
}

// ask sets log p of some images.
func (d *distiller) ask(images []float32, size int, to [][]float64) error {
	in := d.model.Input.Float32s()
	copy(in, images)
	for k := range to {
		x := in[k*size:][:size]
		d.task.Stats.Undo(x)
		d.Stats.Apply(x)
	}
	if err := d.task.run(d.model); err != nil {
		return err
	}
	logits := d.model.Output().Float32s()
	for k, p := range to {
		for i, v := range logits[k*d.classes:][:d.classes] {
			d.q[i] = float64(v) / d.Temperature
		}
		logSoftMax(p, d.q)
	}
	return nil
}

// done gives the model its classes back.
func (d *distiller) done(m *graph.Model) { unseat(m, d.classes) }

// loss is that of one sample, whose target is its class and its place.
func (d *distiller) loss(logits []float64, target float64, gradient []float64) float64 {
	k, class := int(target)/len(logits), int(target)%len(logits)
	w, p, q := d.weights[k], d.taught[k], d.q
	logSoftMax(q, logits)
	smooth := d.task.Loss.Smoothing / float64(len(q))
	var entropy float64
	for i, lq := range q {
		want := smooth
		if i == class {
			want += 1 - d.task.Loss.Smoothing
		}
		entropy -= want * lq
		gradient[i] = w * (1 - d.Share) * (math.Exp(lq) - want)
	}
	for i, v := range logits {
		logits[i] = v / d.Temperature
	}
	logSoftMax(q, logits)
	var kl float64
	for i, lq := range q {
		kl += math.Exp(p[i]) * (p[i] - lq)
		gradient[i] += w * d.Share * d.Temperature * (math.Exp(lq) - math.Exp(p[i]))
	}
	return w * ((1-d.Share)*entropy + d.Share*d.Temperature*d.Temperature*kl)
}
