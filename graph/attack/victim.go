package attack

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/raster"
)

// Victim is a network that is attacked: a classifier whose output is logits. Its methods
// and attacks may be called from several goroutines, and run one after the other.
type Victim struct {
	// Progress is told, if it is not nil, how many pictures an attack is done with. Set
	// it before the attack.
	Progress func(attack string, done, total int)

	layer   graph.Layer
	options graph.Options
	norm    raster.Normalisation
	input   [3]int
	pixels  int // of a picture
	classes int
	batch   int   // the most pictures that a graph takes
	sizes   []int // of batches: powers of two, and the whole one

	mu    sync.Mutex
	kinds [2]graphs // by kind
	seats []*trial  // whose pictures the running graph has
}

// Options are how a victim runs. The zero value measures a trained network.
type Options struct {
	// Batch is the most pictures that one graph takes. 0 means 128, or fewer if pictures
	// are large: a number that depends on the pictures' size alone.
	Batch int

	// MaxMemory is the most bytes that a graph may need, see [graph.Options]; 0 means no
	// bound.
	MaxMemory int
}

// The size of a batch, where Options has none.
const (
	maxBatch  = 128
	maxValues = 1 << 21 // of a batch's pictures
)

// New returns a victim: a network by its layer and weights, the shape of its input
// (channels, height, width), and the normalisation of pixels that it was trained with,
// nil for none. Nobody may change the weights from then on.
func New(l graph.Layer, w *graph.Weights, input [3]int, n raster.Normalisation) (*Victim, error) {
	return Options{}.New(l, w, input, n)
}

// New is the function [New] with options.
func (o Options) New(l graph.Layer, w *graph.Weights, input [3]int, n raster.Normalisation) (*Victim, error) {
	pixels := 1
	for _, d := range input {
		if d < 1 || d > 1<<20 {
			return nil, fmt.Errorf("attack: input %v, want channels, height and width", input)
		}
		pixels *= d
	}
	if len(n) != 0 && len(n) != input[0] {
		return nil, fmt.Errorf("attack: a normalisation of %d channels, want %d for input %v, or none", len(n), input[0], input)
	}
	if w == nil || len(w.Names()) == 0 && w.From == nil {
		return nil, errors.New("attack: the network has no weights, want those of a trained network")
	}
	if o.Batch < 0 {
		return nil, fmt.Errorf("attack: batch size %d, want 1 or more, or 0 for the default", o.Batch)
	}
	v := &Victim{layer: l, norm: n, input: input, pixels: pixels, batch: o.Batch}
	if v.batch == 0 {
		for v.batch = maxBatch; v.batch > 1 && v.batch*pixels > maxValues; v.batch /= 2 {
		}
	}
	for size := 1; size < v.batch; size *= 2 {
		v.sizes = append(v.sizes, size)
	}
	v.sizes = append(v.sizes, v.batch)
	from := w.Map()
	if len(from) == 0 {
		from = w.From
	}
	v.options = graph.Options{Weights: &graph.Weights{From: from}, Fixed: true, MaxMemory: o.MaxMemory}
	return v, v.start()
}

// start builds the graph for predictions, which says how many classes there are.
func (v *Victim) start() error {
	m, err := v.build(prediction, v.batch)
	if err != nil {
		return err
	}
	out := m.OutputShape()
	if len(out) != 2 || out[1] < 2 {
		return fmt.Errorf("attack: the network's output is %v, want (N,classes) of two classes or more", out)
	}
	v.classes = out[1]
	v.kinds[prediction].keep(v.batch, m)
	return nil
}

// kind is what is asked of the network.
type kind int

const (
	prediction kind = iota // logits and class, by the graph that predicts
	gradient               // logits, and the gradient of a loss for the picture
)

// build builds a graph. The target of a picture is its place in the batch.
func (v *Victim) build(k kind, batch int) (*graph.Model, error) {
	o, mode := v.options, graph.Infer
	if k == gradient {
		o.Loss, o.InputGradient, mode = seated{v}, true, graph.Eval
	}
	m, err := o.Build(v.layer, mode, batch, v.input[0], v.input[1], v.input[2])
	if err != nil {
		return nil, fmt.Errorf("attack: %w", err)
	}
	if k == gradient {
		for i, t := 0, m.Target.Float32s(); i < len(t); i++ {
			t[i] = float32(i)
		}
	}
	return m, nil
}

// seated is the loss of a graph with gradients: each picture of the batch has one of its
// own, its trial's.
type seated struct{ v *Victim }

// Target is (N), the places of the pictures in the batch.
func (seated) Target(output tensor.Shape) tensor.Shape { return output[:1] }

// Cost is the sum of the pictures' losses.
func (l seated) Cost(s *graph.Scope, output, target, _ *gorgonia.Node) *gorgonia.Node {
	return s.Node(op.SampleLoss(output, target, func(logits []float64, target float64, gradient []float64) float64 {
		place := int(target)
		if place >= len(l.v.seats) { // an empty seat
			clear(gradient)
			return 0
		}
		t := l.v.seats[place]
		copy(t.logits, logits)
		t.value = t.loss.F(logits, t.class, gradient)
		return t.value
	}))
}

// Predict is the output itself.
func (seated) Predict(_ *graph.Scope, output *gorgonia.Node) *gorgonia.Node { return output }

// run answers the questions of the trials, at most a batch of them.
func (v *Victim) run(k kind, trials []*trial) error {
	m, err := v.graph(k, len(trials))
	if err != nil {
		return err
	}
	return v.runOn(m, k, trials)
}

// runOn answers them by one graph, that has at least as many places.
func (v *Victim) runOn(m *graph.Model, k kind, trials []*trial) error {
	v.seats = trials
	x := m.Input.Float32s()
	for i, t := range trials {
		picture := x[i*v.pixels:][:v.pixels]
		copy(picture, t.x)
		v.norm.Apply(picture)
	}
	if err := m.Run(); err != nil {
		return fmt.Errorf("attack: %w", err)
	}
	for i, t := range trials {
		if k == prediction {
			t.take(m.Output().Float32s()[i*v.classes:][:v.classes], m.Prediction().Float32s()[i*v.classes:][:v.classes])
		} else {
			v.chain(t.gradient, m.InputGrad().Float32s()[i*v.pixels:])
		}
		if err := t.finite(); err != nil {
			return err
		}
	}
	return nil
}

// chain sets dx to the gradient for pixels, from the one for what the normalisation
// makes of them.
func (v *Victim) chain(dx, normalised []float32) {
	copy(dx, normalised)
	for c, a := range v.norm {
		plane := len(dx) / len(v.norm)
		for i := range dx[c*plane:][:plane] {
			dx[c*plane+i] *= a.Scale
		}
	}
}

// Predict returns the logits of pictures by the graph that predicts, and the class of
// each: what attacks are judged by.
func (v *Victim) Predict(images [][]float32) (logits [][]float64, classes []int, err error) {
	if err := v.check(images, nil); err != nil {
		return nil, nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	trials, err := v.predict(images)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range trials {
		logits, classes = append(logits, t.logits), append(classes, t.predicted)
	}
	return logits, classes, nil
}

// predict answers predictions of any number of pictures.
func (v *Victim) predict(images [][]float32) (trials []*trial, err error) {
	for i, x := range images {
		trials = append(trials, &trial{image: i, x: x, logits: make([]float64, v.classes)})
	}
	for part := range slices.Chunk(trials, v.batch) {
		if err := v.run(prediction, part); err != nil {
			return nil, err
		}
	}
	return trials, nil
}

// check refuses what are no pictures of the victim's, or no classes of theirs unless
// classes is nil.
func (v *Victim) check(images [][]float32, classes []int) error {
	if classes != nil && len(classes) != len(images) {
		return fmt.Errorf("attack: %d pictures and %d classes, want as many", len(images), len(classes))
	}
	for i, x := range images {
		if len(x) != v.pixels {
			return fmt.Errorf("attack: picture %d has %d values, want %d for %v", i, len(x), v.pixels, v.input)
		}
		if j := slices.IndexFunc(x, func(p float32) bool { return !(p >= 0 && p <= 1) }); j >= 0 {
			return fmt.Errorf("attack: value %d of picture %d is %v, want pixels from 0 to 1, as they are before normalisation", j, i, x[j])
		}
	}
	for i, c := range classes {
		if c < 0 || c >= v.classes {
			return fmt.Errorf("attack: picture %d is of class %d, want 0 to %d", i, c, v.classes-1)
		}
	}
	return nil
}
