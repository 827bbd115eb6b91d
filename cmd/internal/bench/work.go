package bench

import (
	"fmt"
	"slices"
	"strconv"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo/open"
	"tapenet/train"
)

// seed is that of weights and of the images' order.
const seed = 1

// work is what is measured. It runs before it is fed, on pixels that are there.
type work struct {
	step    func() error
	feed    func(*images)             // from now on the step works on these; nil if it works on none
	result  func() (values []float32) // of the last step, which must be finite; nil if there is none
	images  int                       // of a step
	mulAdds int                       // of a step

	classes    int // of the labels
	outputs    int // values of the output for an image
	need       train.Need
	parameters int // of the network
}

// newWork is the work of a combination.
func newWork(n network, mode string, batch int) (work, error) {
	switch mode {
	case modeTrain:
		return newTraining(n, batch)
	case modePredict:
		return newPrediction(n, batch)
	}
	return newInference(n, batch)
}

// newTraining is a step of training: reading a batch, forward, backward, Adam.
func newTraining(n network, batch int) (work, error) {
	m, err := n.build(graph.Train, batch)
	if err != nil {
		return work{}, err
	}
	t := newTrainer(m)
	w := newModelWork(m, batch, m.MulAdds())
	w.step, w.feed = t.step, func(p *images) { t.pool = p }
	w.result = func() []float32 { return []float32{float32(m.Loss())} }
	return w, nil
}

// newModelWork fills in what a model tells of itself.
func newModelWork(m *graph.Model, batch, mulAdds int) work {
	w := work{images: batch, mulAdds: mulAdds}
	for _, p := range m.Params() {
		w.parameters += p.Value.Size()
	}
	out := m.OutputShape()
	w.classes, w.outputs = out[len(out)-1], elements(out[1:])
	w.need = train.NeedOf(m)
	return w
}

// afford returns an error if the machine does not have the memory for the graph,
// which takes most of it in the first step.
func (w work) afford() error {
	available, known := memory.Available()
	if !known || w.need.ToCome() <= available {
		return nil
	}
	return fmt.Errorf("bench: the graph needs about %.0f MB of memory, available are %.0f MB: want a smaller -batch, or smaller images",
		float64(w.need.ToCome())/1e6, float64(available)/1e6)
}

// trainer trains a model.
type trainer struct {
	model *graph.Model
	pool  *images // nil means the pixels that are there
	adam  *adam
}

func newTrainer(m *graph.Model) *trainer {
	params := m.Params()
	values := make([][]float32, len(params))
	for i, p := range params {
		values[i] = p.Value.Float32s()
	}
	fill(m.Input.Float32s())
	return &trainer{model: m, adam: newAdam(values)}
}

func (t *trainer) step() error {
	if t.pool != nil {
		t.pool.read(t.model.Input.Float32s(), t.model.Target.Float32s())
	}
	if err := t.model.Run(); err != nil {
		return err
	}
	params := t.model.Params()
	t.adam.update(func(i int) []float32 { return params[i].Grad().Float32s() })
	return nil
}

// newInference is a run of the graph for inference.
func newInference(n network, batch int) (work, error) {
	m, err := n.build(graph.Infer, batch)
	if err != nil {
		return work{}, err
	}
	fill(m.Input.Float32s())
	w := newModelWork(m, batch, forwardMulAdds(m))
	w.step = m.Run
	w.feed = func(p *images) { p.read(m.Input.Float32s(), make([]float32, batch)) }
	w.result = func() []float32 { return m.Prediction().Float32s() }
	return w, nil
}

// newPrediction is a call of Predict, as programs make it.
func newPrediction(n network, batch int) (work, error) {
	m, err := n.classifier()
	if err != nil {
		return work{}, err
	}
	n.input = m.Input[:]
	one, err := (graph.Options{Weights: &graph.Weights{From: m.Tensors}}).Build(m.Layer, graph.Infer, slices.Concat([]int{1}, n.input)...)
	if err != nil {
		return work{}, err
	}
	w := newModelWork(one, batch, batch*forwardMulAdds(one))
	p, err := infer.New(m.Layer, m.Model)
	if err != nil {
		return work{}, err
	}
	size := elements(n.input)
	x := make([]float32, batch*size)
	fill(x)
	var last infer.Prediction
	w.step = func() error {
		all, err := p.Predict(slices.Collect(slices.Chunk(x, size)))
		if err == nil {
			last = all[0]
		}
		return err
	}
	w.feed = func(pool *images) { pool.read(x, make([]float32, batch)) }
	w.result = func() []float32 { return last.Probabilities }
	return w, nil
}

// classifier is the network as infer has it: for a file with its classes and its
// preprocessing.
func (n network) classifier() (open.Model, error) {
	if n.model.Path != "" {
		if err := n.model.Classifier(); err != nil {
			return open.Model{}, fmt.Errorf("bench: -mode predict: %w", err)
		}
		return n.model, nil
	}
	net, err := graph.NewNetwork(n.layer, n.input, graph.Options{Seed: seed})
	if err != nil {
		return open.Model{}, err
	}
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return open.Model{}, err
	}
	o := open.Model{Layer: n.layer, Model: weights.Model{Input: [3]int(n.input), Tensors: net.Weights.Map()}}
	for k := range m.OutputShape()[1] {
		o.Model.Classes = append(o.Model.Classes, strconv.Itoa(k))
	}
	return o, nil
}

// firstOutput is the first image's of the last step of inference.
func (w work) firstOutput() []float32 {
	values := w.result()
	return slices.Clone(values[:min(w.outputs, maxOutput)])
}

// elements is the number of values of a shape.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// fill sets pixels before there are images: what follows must not be faster, as
// it may be on zeros.
func fill(x []float32) {
	for i := range x {
		x[i] = unit[i*97%len(unit)]
	}
}

// forwardMulAdds are those of a forward run.
func forwardMulAdds(m *graph.Model) int {
	n := 0
	for _, l := range m.Layers() {
		n += l.MulAdds
	}
	return n
}

// adam is the optimizer with its memory, for parameters that are slices.
type adam struct {
	steps  uint64
	values [][]float32
	slots  [][][]float32
}

func newAdam(values [][]float32) *adam {
	a := &adam{values: values}
	for _, v := range values {
		a.slots = append(a.slots, [][]float32{make([]float32, len(v)), make([]float32, len(v))})
	}
	return a
}

// update is one step, given the gradient of each parameter.
func (a *adam) update(grad func(i int) []float32) {
	a.steps++
	for i, v := range a.values {
		train.Adam{}.Update(a.steps, v, grad(i), a.slots[i])
	}
}
