package infer

import (
	"errors"
	"fmt"

	"tapenet/graph"
	"tapenet/graph/memory"
)

// Each batch size has a graph of its own, whose memory is taken in its first run. Before
// that it is refused if the machine has less: the system would end the process in the
// middle of it, without a word.

// Memory is what the network takes now, in bytes: its weights, and the graphs of the
// batch sizes that it has run. Those in use are left out.
func (p *Predictor) Memory() int {
	n := p.models.memory()
	if p.products != nil {
		n += p.products.memory()
	}
	return n
}

func (m *models) memory() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.size
	for _, graphs := range m.idle {
		for _, g := range graphs {
			n += g.Memory().Own()
		}
	}
	return n
}

// afford builds a graph, or returns an error with the way out if the machine does not
// have the memory for it. building is locked.
func (m *models) afford(v variant) (*graph.Model, error) {
	available, known := m.available()
	if !known {
		return m.build(v, 0)
	}
	available = max(1, available)
	g, err := m.build(v, available)
	if of := new(graph.MemoryError); errors.As(err, &of) {
		return nil, m.tooLarge(v, of.Need, available)
	}
	return g, err
}

// tooLarge is the error that a graph needs more than is available. The way out is the
// largest half, quarter and so on of the batch that fits.
func (m *models) tooLarge(v variant, need, available int) error {
	what := fmt.Sprintf("infer: a batch of %d needs about %s of memory; available are %s", v.batch, memory.Text(need), memory.Text(available))
	for smaller := v; smaller.batch > 1; {
		smaller.batch /= 2
		if _, err := m.build(smaller, available); err == nil {
			return fmt.Errorf("%s: want a smaller batch, such as %d", what, smaller.batch)
		}
	}
	return fmt.Errorf("%s: want a machine with more, a smaller network or smaller images", what)
}

// Reserve builds the graphs on which batches of up to so many images are predicted, and
// one image at a time is explained by FeatureMaps of the first layer, GradCAM and
// Saliency. It returns the bytes that they will take with the weights. It runs none: until
// their first run they take their input alone. More than most is an error, as is more than
// the machine has.
func (p *Predictor) Reserve(batch, most int) (bytes int, err error) {
	m := p.models
	bytes = p.Memory()
	if available, known := m.available(); known {
		most = min(most, bytes+available)
	}
	var keep []func() // the graphs, once there is memory for all
	reserve := func(m *models, v variant) bool {
		var g *graph.Model
		if g, err = m.reserve(v, most-bytes); err == nil {
			bytes += g.Need()
			keep = append(keep, func() { m.put(g, v) })
			return true
		}
		if of := new(graph.MemoryError); errors.As(err, &of) {
			err = fmt.Errorf("infer: for batches of %d images and explanations the network needs %s of memory, want at most %s: a smaller batch, smaller images or a smaller network",
				v.batch, memory.Text(bytes+of.Need), memory.Text(most))
		}
		return false
	}
	for _, v := range p.explains() {
		if !reserve(m, v) {
			return 0, err
		}
	}
	for v := (variant{batch: 1, features: p.readsFeatures()}); v.batch <= batchSize(batch); v.batch *= 2 {
		if !reserve(m, v) || p.products != nil && !reserve(p.products, variant{batch: v.batch}) {
			return 0, err
		}
	}
	for _, k := range keep {
		k()
	}
	return bytes, nil
}

// explains are the graphs for explanations, and for the prediction of what is explained:
// another one may run meanwhile.
func (p *Predictor) explains() []variant {
	all := []variant{{batch: 1, features: p.readsFeatures()}, {batch: 1, gradient: true}}
	if len(p.models.layers) > 0 {
		all = append(all, variant{batch: 1, watch: p.models.layers[0].Path})
	}
	if h, _ := p.Places(); h > 0 {
		all = append(all, variant{batch: 1, activation: true})
	}
	return all
}

// reserve builds a graph that needs so many bytes at most.
func (m *models) reserve(v variant, most int) (*graph.Model, error) {
	m.building.Lock()
	defer m.building.Unlock()
	return m.build(v, max(1, most))
}
