package topology

import (
	"fmt"
	"slices"
	"strings"
)

// end is one of the file's outputs.
type end struct {
	name    string
	value   int  // its number
	softMax bool // the SoftMax behind the value was left out
	sigmoid bool // the last thing that makes the value is a sigmoid
}

// Outputs returns the names of the file's outputs.
func (m *Model) Outputs() []string {
	var names []string
	for _, e := range m.ends {
		names = append(names, e.name)
	}
	return names
}

// Output returns the name of the output that the model computes, the file's first
// unless [Model.With] has chosen another.
func (m *Model) Output() string { return m.ends[m.end].name }

// With returns the model with another of the file's outputs. What is not needed
// for it is not built.
func (m *Model) With(output string) (*Model, error) {
	for i, e := range m.ends {
		if e.name == output {
			other := *m
			other.choose(i)
			return &other, nil
		}
	}
	return nil, fmt.Errorf("no output %.64q, want %.256s", output, strings.Join(m.Outputs(), ", "))
}

// BeforeSigmoid returns the model without the sigmoid that its output ends in: the logits
// that this makes probabilities of. ok is false if it ends in something else.
func (m *Model) BeforeSigmoid() (logits *Model, ok bool) {
	e := m.ends[m.end]
	if !e.sigmoid {
		return nil, false
	}
	other := *m
	other.ends, other.layers = slices.Clone(m.ends), slices.Clone(m.layers)
	last := &other.layers[e.value-1]
	if n := len(last.builds); n > 0 {
		last.builds = last.builds[: n-1 : n-1]
	} else { // a node of a graph
		other.ends[m.end].value = last.inputs[0]
	}
	other.ends[m.end].sigmoid = false
	other.choose(m.end)
	return &other, true
}

// choose makes one of the ends the output.
func (m *Model) choose(i int) {
	m.end, m.SoftMax = i, m.ends[i].softMax
	m.needed = make([]bool, len(m.layers))
	open := []int{m.ends[i].value}
	for len(open) > 0 {
		v := open[len(open)-1]
		open = open[:len(open)-1]
		if v == 0 || m.needed[v-1] {
			continue
		}
		m.needed[v-1] = true
		open = append(open, m.layers[v-1].inputs...)
	}
}
