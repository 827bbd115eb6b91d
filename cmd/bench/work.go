package main

import (
	"slices"
	"strconv"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/train"
)

const (
	classes = 10
	seed    = 1
)

// newTraining is a step of training: reading a batch, forward, backward, Adam.
func newTraining(spec modelzoo.Spec, pool *images, batch int) (work, error) {
	m, err := build(spec, graph.Train, batch)
	if err != nil {
		return work{}, err
	}
	return work{trainingStep(m, pool), batch, trainingMulAdds(m)}, nil
}

// trainingStep returns the step of a model.
func trainingStep(m *graph.Model, pool *images) func() error {
	params := m.Params()
	values := make([][]float32, len(params))
	for i, p := range params {
		values[i] = p.Value.Float32s()
	}
	adam := newAdam(values)
	x, labels := m.Input.Float32s(), m.Target.Float32s()
	return func() error {
		pool.read(x, labels)
		if err := m.Run(); err != nil {
			return err
		}
		adam.update(func(i int) []float32 { return params[i].Grad().Float32s() })
		return nil
	}
}

// newInference is a run of the graph for inference.
func newInference(spec modelzoo.Spec, pool *images, batch int) (work, error) {
	m, err := build(spec, graph.Infer, batch)
	if err != nil {
		return work{}, err
	}
	pool.read(m.Input.Float32s(), make([]float32, batch))
	return work{m.Run, batch, forwardMulAdds(m)}, nil
}

// newPrediction is a call of Predict, as programs make it.
func newPrediction(spec modelzoo.Spec, pool *images, batch int) (work, error) {
	net, err := graph.NewNetwork(spec.New(classes), spec.Input[:], graph.Options{Seed: seed})
	if err != nil {
		return work{}, err
	}
	m, err := net.Model(graph.Infer, batch)
	if err != nil {
		return work{}, err
	}
	names := make([]string, classes)
	for k := range names {
		names[k] = strconv.Itoa(k)
	}
	p, err := infer.New(spec.New(classes), weights.Model{Input: spec.Input, Classes: names, Tensors: net.Weights.Map()})
	if err != nil {
		return work{}, err
	}
	size := spec.Input[0] * spec.Input[1] * spec.Input[2]
	x := make([]float32, batch*size)
	pool.read(x, make([]float32, batch))
	step := func() error {
		_, err := p.Predict(slices.Collect(slices.Chunk(x, size)))
		return err
	}
	return work{step, batch, forwardMulAdds(m)}, nil
}

func build(spec modelzoo.Spec, mode graph.Mode, batch int) (*graph.Model, error) {
	return graph.Options{Seed: seed}.Build(spec.New(classes), mode, batch, spec.Input[0], spec.Input[1], spec.Input[2])
}

// forwardMulAdds are those of a forward run.
func forwardMulAdds(m *graph.Model) int {
	n := 0
	for _, l := range m.Layers() {
		n += l.MulAdds
	}
	return n
}

// trainingMulAdds are those of a training step: a layer's output, its weights'
// gradient and its input's gradient cost the same. The input's gradient is not
// needed in the first layer that multiplies. Activations, normalisation,
// pooling and the optimizer do not count.
func trainingMulAdds(m *graph.Model) int {
	n := 3 * forwardMulAdds(m)
	for _, l := range m.Layers() {
		if l.MulAdds > 0 {
			return n - l.MulAdds
		}
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
