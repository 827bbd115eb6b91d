package train

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/graph/op"
	"tapenet/graph/raster"
)

// adversary attacks the batches of one run, as many pictures at a time as a lane has. Its
// graph is for inference and has the gradient for the input alone: the gradients of the
// parameters, which a graph in Train mode has as well, would be thrown away.
type adversary struct {
	Adversarial
	task Task
	norm raster.Normalisation

	model  *graph.Model // nil before the first batch
	ball   *ball
	x      []float32 // pictures under attack, in pixels: the model's input itself if nothing is normalised
	source rand.PCG

	classes []int       // of the pictures under attack, by their place in the model
	clean   [][]float64 // of trades: log SoftMax of the clean pictures' logits; else nil
}

// Loss is the plain one.
func (d *adversary) Loss() graph.Loss { return d.task.Loss }

// Batch attacks the pictures of a batch.
func (d *adversary) Batch(at Moment, m *graph.Model, samples []int) error {
	if err := d.start(); err != nil {
		return err
	}
	part, size := d.task.Lane, d.ball.size
	x, targets := m.Input.Float32s(), m.Target.Float32s()
	for lo := 0; lo < len(samples); lo += part {
		hi := min(lo+part, len(samples))
		s := d.attempt(d.radius(at))
		s.random = func(k int) { d.seed(at, samples[lo+k]) }
		if err := d.attack(s, x[lo*size:hi*size], targets[lo:hi]); err != nil {
			return err
		}
	}
	return nil
}

// seed seeds the source for a sample. A constant of its own keeps the stream apart from
// that of an epoch's order.
func (d *adversary) seed(at Moment, sample int) {
	d.source.Seed(d.task.Seed^0x61747461636b, uint64(at.Step/at.StepsPerEpoch)<<40^uint64(sample))
}

// attempt is how pictures are attacked.
type attempt struct {
	epsilon, size float64
	steps         int
	random        func(k int) // seeds the source for picture k; nil for no random start
}

// attempt is that of training, at a share of the radius.
func (d *adversary) attempt(share float64) attempt {
	return attempt{epsilon: share * d.Epsilon, size: share * d.StepSize, steps: d.Steps}
}

// attack replaces pictures, as the network takes them, by attacked ones.
func (d *adversary) attack(s attempt, pictures, classes []float32) error {
	n := len(classes)
	d.take(s.epsilon, pictures, classes)
	if s.random != nil {
		for k := range n {
			s.random(k)
			d.begin(k)
		}
	}
	for range s.steps {
		if err := d.run(); err != nil {
			return err
		}
		gradient := d.model.InputGrad().Float32s()
		for k := range n {
			d.ball.step(k, d.picture(k), gradient[k*d.ball.size:][:d.ball.size], s.size)
		}
	}
	for k := range n {
		to := pictures[k*d.ball.size:][:d.ball.size]
		copy(to, d.picture(k))
		d.norm.Apply(to)
	}
	return nil
}

// begin moves picture k to a random start. That of fgsm may lie beyond 0..1, as in the
// authors' program: cut, half of the start of a dark pixel would be the pixel itself.
func (d *adversary) begin(k int) {
	d.ball.random(k, d.picture(k), &d.source, d.Method != "fgsm")
}

// picture is picture k under attack, in pixels.
func (d *adversary) picture(k int) []float32 { return d.x[k*d.ball.size:][:d.ball.size] }

// take makes pictures the clean ones, and seats them.
func (d *adversary) take(epsilon float64, pictures, classes []float32) {
	d.classes = d.classes[:0]
	for _, c := range classes {
		d.classes = append(d.classes, int(c))
	}
	n := len(pictures)
	copy(d.x, pictures)
	undo(d.norm, d.x[:n], d.ball.size)
	d.ball.around(d.x[:n], epsilon)
}

// undo brings pictures of so many values back to pixels.
func undo(n raster.Normalisation, x []float32, size int) {
	if len(n) == 0 {
		return
	}
	plane := size / len(n)
	for lo := 0; lo < len(x); lo += plane {
		a := n[lo/plane%len(n)]
		for i, v := range x[lo:][:plane] {
			x[lo+i] = (v - a.Shift) / a.Scale
		}
	}
}

// run runs the pictures through the network and back.
func (d *adversary) run() error {
	if len(d.norm) > 0 {
		x := d.model.Input.Float32s()
		copy(x, d.x)
		for lo := 0; lo < len(d.classes)*d.ball.size; lo += d.ball.size {
			d.norm.Apply(x[lo:][:d.ball.size])
		}
	}
	if err := d.task.run(d.model); err != nil {
		return fmt.Errorf("attack: %w", err)
	}
	if len(d.norm) > 0 {
		chain(d.norm, d.model.InputGrad().Float32s(), d.ball.size)
	}
	return nil
}

// chain makes gradients for what the network takes those for pixels.
func chain(n raster.Normalisation, gradients []float32, size int) {
	plane := size / len(n)
	for lo := 0; lo < len(gradients); lo += plane {
		scale := n[lo/plane%len(n)].Scale
		for i := range gradients[lo:][:plane] {
			gradients[lo+i] *= scale
		}
	}
}

// start makes the graph, when the network has its weights.
func (d *adversary) start() error {
	if d.model != nil {
		return nil
	}
	m, err := d.build()
	if err != nil {
		return err
	}
	for i, t := 0, m.Target.Float32s(); i < len(t); i++ {
		t[i] = float32(i)
	}
	d.model, d.x = m, m.Input.Float32s()
	if len(d.norm) > 0 {
		d.x = make([]float32, len(d.x))
	}
	in := d.task.Input
	d.ball = newBall(d.Norm, d.task.Lane, in[0]*in[1]*in[2])
	return nil
}

// build builds the graph of attacks.
func (d *adversary) build() (*graph.Model, error) {
	in := d.task.Input
	o := graph.Options{Weights: d.task.Weights, Loss: seats{d}, InputGradient: true}
	return o.Build(d.task.Layer, graph.Eval, d.task.Lane, in[0], in[1], in[2])
}

// buildClean builds the graph of the clean pictures' logits, for trades.
func (d *adversary) buildClean() (*graph.Model, error) {
	in := d.task.Input
	return graph.Options{Weights: d.task.Weights}.Build(d.task.Layer, graph.Infer, d.task.Lane, in[0], in[1], in[2])
}

// needs are the graphs that attacks add to a run's.
func (a Adversarial) needs(net *graph.Network, lane int) (all []*graph.Model, err error) {
	d := &adversary{Adversarial: a, task: Task{Layer: net.Layer, Input: [3]int(net.Input), Weights: net.Weights, Lane: lane}}
	builders := []func() (*graph.Model, error){d.build}
	if a.Method == "trades" {
		builders = append(builders, d.buildClean)
	}
	for _, build := range builders {
		m, err := build()
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// seats is the loss of the graph of attacks. The target of a picture is its place: its
// class, and what else its loss needs, is the adversary's.
type seats struct{ d *adversary }

// Target is (N).
func (seats) Target(output tensor.Shape) tensor.Shape { return output[:1] }

// Cost is the sum of what the attack makes large. It is a sum of float64: the gradient
// for a picture does not vanish where the network is sure, nor in a large batch.
func (l seats) Cost(s *graph.Scope, output, target, _ *gorgonia.Node) *gorgonia.Node {
	return s.Node(op.SampleLoss(output, target, l.d.lose))
}

// Predict is the output itself.
func (seats) Predict(_ *graph.Scope, output *gorgonia.Node) *gorgonia.Node { return output }

// lose is the loss of the picture at a place, 0 for an empty one.
func (d *adversary) lose(logits []float64, place float64, gradient []float64) float64 {
	k := int(place)
	switch {
	case k >= len(d.classes):
		clear(gradient)
		return 0
	case d.clean != nil:
		return divergence(d.clean[k], logits, gradient)
	}
	return attack.CrossEntropy.F(logits, d.classes[k], gradient)
}
