package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Output is a value that a network can compute as its result.
type Output struct {
	Name    string
	Shape   []int  // of a sample; 0 where the file leaves it open, nil where it says nothing
	Element string // the type of its elements in the file, such as float32, int64 or bool; "" where it says nothing
}

// wholeFile is the graph of a file, of which a Model has the part that its output
// needs. Nobody changes it.
type wholeFile struct {
	nodes   []nodeProto
	inputs  []valueProto // without the weights
	outputs []valueProto
	values  map[string]valueProto // what the file says of values
	there   map[string]bool       // the values that nodes compute
}

// Outputs are the outputs of the file, in its order. A model that was read computes
// the first.
func (m *Model) Outputs() []Output {
	var all []Output
	for _, v := range m.file.outputs {
		all = append(all, v.output())
	}
	return all
}

// Output is what the model computes.
func (m *Model) Output() Output { return m.file.describe(m.output) }

// With returns the model that computes another value of the file: one of its outputs,
// or any value between input and outputs, such as the features before the last layer.
// Nodes that it does not need are left out. Both models share their weights, until
// networks are made of them.
func (m *Model) With(output string) (*Model, error) {
	if !m.file.there[output] {
		return nil, fmt.Errorf("onnx: no node computes a value %.64q, want an output (%s) or another value of the file", output, m.file.listed())
	}
	other := *m
	other.constants, other.state = maps.Clone(m.constants), map[string]bool{}
	if err := other.choose(output); err != nil {
		return nil, fmt.Errorf("onnx: output %.64q: %w", output, err)
	}
	return &other, nil
}

// whole keeps the graph of a file, whose values each have to come from one place, and
// before they are used.
func (m *Model) whole(g *graphProto) error {
	f := &wholeFile{nodes: g.Nodes, outputs: g.Outputs, values: map[string]valueProto{}, there: map[string]bool{}}
	known := map[string]bool{"": true}
	for name := range m.constants {
		known[name] = true
	}
	for _, v := range g.Inputs {
		if _, weight := m.constants[v.Name]; !weight {
			f.inputs, known[v.Name] = append(f.inputs, v), true
		}
	}
	for i := range f.nodes {
		n := &f.nodes[i]
		if len(n.Outputs) == 0 {
			return fmt.Errorf("%s: no outputs, want one at least", n.title())
		}
		for _, in := range n.Inputs {
			if !known[in] {
				return fmt.Errorf("%s: there is no value %.64q yet", n.title(), in)
			}
		}
		for i, out := range n.Outputs {
			if out == "" && (i > 0 || n.Op == "LSTM" || n.Op == "GRU" || n.Op == "RNN") {
				continue
			}
			if known[out] {
				return fmt.Errorf("%s: the value %.64q is there already", n.title(), out)
			}
			known[out], f.there[out] = true, true
		}
	}
	for _, v := range slices.Concat(g.Values, g.Outputs) {
		f.values[v.Name] = v
	}
	if len(f.outputs) == 0 {
		return errors.New("no outputs, want one or more")
	}
	for _, v := range f.outputs {
		if !known[v.Name] {
			return fmt.Errorf("no node computes the output %.64q", v.Name)
		}
	}
	m.file = f
	return nil
}

// choose makes the model one of the nodes that an output needs.
func (m *Model) choose(output string) error {
	if v, ok := m.file.values[output]; ok {
		if what := v.refused(); what != "" {
			return fmt.Errorf("output %.64q is %s, want a tensor of numbers or truth", output, what)
		}
	}
	m.output, m.nodes = output, slices.Clone(m.file.nodes)
	m.drop()
	if err := m.begin(); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	m.turnWeights()
	m.simplify()
	return nil
}

// begin finds the input that the nodes need.
func (m *Model) begin() error {
	needed := map[string]bool{m.output: true}
	for i := range m.nodes {
		for _, in := range m.nodes[i].Inputs {
			needed[in] = true
		}
	}
	inputs := m.file.inputs
	if len(inputs) > 1 {
		inputs = slices.DeleteFunc(slices.Clone(inputs), func(v valueProto) bool { return !needed[v.Name] })
	}
	if len(inputs) != 1 {
		var all []string
		for _, v := range inputs {
			all = append(all, fmt.Sprintf("%.64q of %s", v.Name, v.kind()))
		}
		return fmt.Errorf("%d inputs %s, want one", len(inputs), strings.Join(all, ", "))
	}
	v := inputs[0]
	if m.input = v.Name; v.refused() != "" {
		return fmt.Errorf("input %.64q is %s, want a tensor of numbers or truth", m.input, v.refused())
	}
	if v.Type == nil || v.Type.Tensor == nil || v.Type.Tensor.Shape == nil {
		return fmt.Errorf("input %.64q has no shape, want (batch,…)", m.input)
	}
	m.elem, m.Element = v.Type.Tensor.Elem, v.kind()
	return m.sample(v.Type.Tensor.Shape.Dims)
}

// sample takes the batch size and the shape of a sample from the input's.
func (m *Model) sample(dims []dimProto) error {
	if len(dims) == 0 {
		return fmt.Errorf("input %.64q has no shape, want (batch,…)", m.input)
	}
	m.Input = nil
	for i, d := range dims {
		if d.Value == -1 { // as older converters write an open one
			d.Value = 0
		}
		if d.Value < 0 || d.Value > maxSize || i >= maxDims {
			return fmt.Errorf("input %.64q has a dimension %d, and %d in all, want up to %d and %d", m.input, d.Value, len(dims), maxSize, maxDims)
		}
		if i == 0 {
			m.batch = int(d.Value)
		} else {
			m.Input = append(m.Input, int(d.Value))
		}
	}
	return nil
}

// describe is what the file says of a value.
func (f *wholeFile) describe(name string) Output {
	v := f.values[name]
	v.Name = name
	return v.output()
}

// listed are the names of the outputs.
func (f *wholeFile) listed() string {
	var names []string
	for _, v := range f.outputs {
		names = append(names, fmt.Sprintf("%.64q", v.Name))
	}
	return strings.Join(names, ", ")
}

func (v valueProto) output() Output {
	o := Output{Name: v.Name}
	if v.Type == nil || v.Type.Tensor == nil {
		return o
	}
	o.Element = v.kind()
	if s := v.Type.Tensor.Shape; s != nil && len(s.Dims) > 0 {
		for _, d := range s.Dims[1:] {
			o.Shape = append(o.Shape, int(max(0, min(d.Value, maxSize))))
		}
	}
	return o
}

// refused is what a value is that is no tensor of numbers or truth, "" for one that is
// or of which the file says nothing.
func (v valueProto) refused() string {
	switch {
	case v.Type == nil || v.Type.Tensor == nil && v.kind() == "":
		return ""
	case v.Type.Tensor == nil:
		return v.kind()
	}
	if _, number := kinds[v.Type.Tensor.Elem]; !number && v.Type.Tensor.Elem != 0 {
		return "a tensor of " + v.kind()
	}
	return ""
}

// kind names the type of a value, or of a tensor's elements; "" if nothing is known.
func (v valueProto) kind() string {
	t := v.Type
	switch {
	case t == nil:
		return ""
	case t.Tensor != nil:
		return elementName(t.Tensor.Elem)
	case t.Sequence != nil:
		return "a sequence"
	case t.Map != nil:
		return "a map"
	case t.Sparse != nil:
		return "a sparse tensor"
	case t.Optional != nil:
		return "an optional value"
	}
	return ""
}
