package infer

import (
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
	if p.more != nil {
		n += p.more()
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
// have the memory for it.
func (m *models) afford(v variant) (*graph.Model, error) {
	available, known := m.available()
	if !known {
		return m.build(v)
	}
	if least := m.inputBytes(v); least > available { // not even to be built
		return nil, m.tooLarge(v, least, available)
	}
	g, err := m.build(v)
	if err != nil {
		return nil, err
	}
	if need := g.Need(); need > available {
		return nil, m.tooLarge(v, need, available)
	}
	return g, nil
}

// inputBytes is the memory of a graph's input.
func (m *models) inputBytes(v variant) int { return 4 * v.batch * m.input[0] * m.input[1] * m.input[2] }

// tooLarge is the error that a graph needs more than is available. The way out is the
// largest half, quarter and so on of the batch that fits.
func (m *models) tooLarge(v variant, need, available int) error {
	what := fmt.Sprintf("infer: a batch of %d needs about %s of memory; available are %s", v.batch, memory.Text(need), memory.Text(available))
	for smaller := v; smaller.batch > 1; {
		smaller.batch /= 2
		if m.inputBytes(smaller) > available {
			continue
		}
		if g, err := m.build(smaller); err == nil && g.Need() <= available {
			return fmt.Errorf("%s: want a smaller batch, such as %d", what, smaller.batch)
		}
	}
	return fmt.Errorf("%s: want a machine with more, a smaller network or smaller images", what)
}
