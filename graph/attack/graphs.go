package attack

import (
	"slices"

	"tapenet/graph"
)

// graphs are a victim's graphs of one kind: one for the whole batch, and smaller ones for
// what is left in the end.
type graphs struct {
	models map[int]*graph.Model // by batch size
	usable map[int]bool         // whether a size gives the bits of the whole batch
}

func (g *graphs) keep(batch int, m *graph.Model) {
	if g.models == nil {
		g.models, g.usable = map[int]*graph.Model{}, map[int]bool{}
	}
	g.models[batch] = m
}

// graph returns the graph for n pictures, the smallest that gives the bits of the one for
// a whole batch. A convolution may choose another algorithm for a few pictures, which
// rounds otherwise: then a picture's result would depend on how many others are left.
func (v *Victim) graph(k kind, n int) (*graph.Model, error) {
	for _, size := range v.sizes {
		if size < n {
			continue
		}
		usable, known := v.kinds[k].usable[size]
		if !known && size < v.batch {
			var err error
			if usable, err = v.compare(k, size); err != nil {
				return nil, err
			}
			v.kinds[k].usable[size] = usable
		}
		if usable || size == v.batch {
			return v.model(k, size)
		}
		delete(v.kinds[k].models, size)
	}
	return v.model(k, v.batch)
}

func (v *Victim) model(k kind, size int) (*graph.Model, error) {
	if m := v.kinds[k].models[size]; m != nil {
		return m, nil
	}
	m, err := v.build(k, size)
	if err != nil {
		return nil, err
	}
	v.kinds[k].keep(size, m)
	return m, nil
}

// compare reports whether a graph of a smaller batch gives the same bits as the whole
// batch's, on pictures of noise.
func (v *Victim) compare(k kind, size int) (same bool, err error) {
	x, whole := v.noise(), make([]*trial, v.batch)
	for i := range whole {
		whole[i] = v.probe(x, i)
	}
	m, err := v.model(k, v.batch)
	if err != nil {
		return false, err
	}
	if err := v.runOn(m, k, whole); err != nil {
		return false, err
	}
	part := make([]*trial, size)
	for i := range part {
		part[i] = v.probe(x, i)
	}
	if m, err = v.model(k, size); err != nil {
		return false, err
	}
	if err := v.runOn(m, k, part); err != nil {
		return false, err
	}
	for i, t := range part {
		if !slices.Equal(t.logits, whole[i].logits) || !slices.Equal(t.gradient, whole[i].gradient) {
			return false, nil
		}
	}
	return true, nil
}

// noise is a batch of pictures of random pixels, the same at each call.
func (v *Victim) noise() []float32 {
	x, r := make([]float32, v.batch*v.pixels), random(0, 0, 0)
	for i := range x {
		x[i] = r.Float32()
	}
	return x
}

// probe asks about one picture of a batch.
func (v *Victim) probe(x []float32, i int) *trial {
	return &trial{
		image: i, x: x[i*v.pixels:][:v.pixels], class: i % v.classes, loss: CrossEntropy,
		logits: make([]float64, v.classes), gradient: make([]float32, v.pixels),
	}
}
