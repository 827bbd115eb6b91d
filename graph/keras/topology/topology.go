// Package topology turns the topology of a Keras network, the JSON that Keras
// writes into each of its files, into a graph.Layer. Packages keras and tfjs read
// the files and hand the JSON and the weights over.
//
// Read are Sequential and functional networks of Keras 2 and 3 with one input and
// one output, and such networks inside each other. One table has a rule for each
// class of layers, rules. Keras has images channels last; here they are channels
// first, (N,C,H,W), and so are the weights. The layers that change pictures at
// random while Keras trains, such as RandomFlip, are left out: they do nothing
// when a network predicts.
package topology

import (
	"encoding/json"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// Bounds of what a file may ask for.
const (
	maxSample = 1 << 24 // values of one sample between two layers
	maxMoved  = 1 << 24 // values of one sample behind all layers that pad or reorder together
	maxLayers = 1 << 14
	maxNested = 16 // networks in each other
	maxSide   = 1 << 12
)

// Model is a network that was read: a layer whose parameters have the file's
// values at first. Its output is the file's output, or the logits if the file
// ends in a SoftMax. Building does not change it: it is safe for concurrent
// use.
type Model struct {
	Input   []int // shape of a sample: channels, height, width, or the size of a vector
	SoftMax bool  // whether the file's output is the SoftMax of the layer's

	// Rescales says that the network begins with a Rescaling or Normalization: it
	// takes pixels in 0..255, as Keras's own examples have it.
	Rescales bool

	file   string
	layers []layer
}

// layer is one layer of the file. It has builds, or a merge.
type layer struct {
	title  string // for errors
	name   string
	class  string
	inputs []int // numbers of values: 0 is the network's input, i+1 the output of layer i
	builds []build
	merge  merge
}

// New makes the layers of a topology: a JSON object with class_name and config,
// or one that has it as model_config. Errors in Build name the file. Each weight
// that the source has must be of a layer.
func New(file string, topology []byte, weights Source) (*Model, error) {
	steps, err := parse(topology)
	if err != nil {
		return nil, err
	}
	m := &Model{file: file}
	if err := m.input(steps[0].entry); err != nil {
		return nil, err
	}
	l := &loader{steps: steps, weights: weights, consumers: make([]int, len(steps)+1), pending: map[int]padding{}}
	for _, s := range steps {
		for _, v := range s.inputs {
			l.consumers[v]++
		}
	}
	for l.at = range steps {
		layer, err := l.layer()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", steps[l.at].title(), plain(err))
		}
		m.layers = append(m.layers, layer)
	}
	if name := weights.Rest(); name != "" {
		return nil, fmt.Errorf("the weight %.128q is of no layer", name)
	}
	m.SoftMax = l.softMax
	first := slices.IndexFunc(steps, func(s step) bool { return s.Class != "InputLayer" })
	m.Rescales = first >= 0 && (steps[first].Class == "Rescaling" || steps[first].Class == "Normalization")
	return m, nil
}

// layer applies the rule of the step that is next.
func (l *loader) layer() (layer, error) {
	s := l.steps[l.at]
	made := layer{title: s.title(), name: s.id(), class: s.Class, inputs: s.inputs}
	var err error
	if rule, ok := merges[s.Class]; ok {
		made.merge, err = rule(s)
		return made, err
	}
	rule, ok := rules[s.Class]
	switch {
	case !ok:
		return made, fmt.Errorf("the class is not supported")
	case len(s.inputs) != 1:
		return made, fmt.Errorf("%d inputs, want one", len(s.inputs))
	}
	made.builds, err = rule(l, s)
	return made, err
}

// input reads the shape of a sample from the first layer.
func (m *Model) input(e entry) error {
	c := e.config
	shape := c.BatchInputShape
	if shape == nil {
		shape = c.BatchShape
	}
	size := 1
	for i, d := range shape {
		if i == 0 {
			continue // the batch
		}
		if d == nil || *d < 1 || *d > maxSample/size {
			return fmt.Errorf("%s: the input has a dimension that is open, or too large, want (batch,height,width,channels) or (batch,size)", e.title())
		}
		size *= *d
		m.Input = append(m.Input, *d)
	}
	switch len(m.Input) {
	case 1:
		return nil
	case 3:
		m.Input = []int{m.Input[2], m.Input[0], m.Input[1]}
		return nil
	}
	return fmt.Errorf("%s: the input has %d dimensions, want (batch,height,width,channels) or (batch,size)", e.title(), len(shape))
}

// plain is an error without the names of Go's types.
func plain(err error) error {
	if t, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Errorf("the setting %q is a JSON %s, want another type", t.Field, t.Value)
	}
	return err
}

// value is the output of a layer.
type value struct {
	node *gorgonia.Node

	// flattened is the shape (C,H,W) that Flatten has made a vector, or nil. The
	// file orders a vector's elements pixel by pixel, we channel by channel: the
	// next Dense reorders its rows.
	flattened []int
}

// builder has the state that one Build hands from layer to layer.
type builder struct {
	s         *graph.Scope
	where     string // the file and the layer
	budget    int    // values that layers may still pad or reorder
	flattened []int  // of the value that is being worked on
}

// errorf makes an error that names the file and the layer.
func (b *builder) errorf(format string, args ...any) *gorgonia.Node {
	return b.s.Errorf("%s: %w", b.where, fmt.Errorf(format, args...))
}

// Build adds the network to s. The graph's Summary has a line for each of the file's
// layers that adds an op.
func (m *Model) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	b := &builder{s: s, budget: maxMoved, where: m.file}
	batch := x.Shape()[0]
	values := make([]value, 1, len(m.layers)+1)
	values[0].node = x
	defer s.Part("", "")
	for _, l := range m.layers {
		s.Part(l.name, l.class)
		b.where = m.file + ": " + l.title
		v := b.layer(l, values)
		if s.Err() != nil {
			return nil
		}
		if v.node == nil {
			return b.errorf("no result")
		}
		if n := v.node.Shape().TotalSize() / batch; n > maxSample {
			return b.errorf("%d values a sample, want at most %d", n, maxSample)
		}
		values = append(values, v)
	}
	return b.ordered(values[len(values)-1])
}

// layer builds one layer.
func (b *builder) layer(l layer, values []value) value {
	if l.merge != nil {
		in := make([]value, len(l.inputs))
		for i, v := range l.inputs {
			in[i] = values[v]
		}
		return l.merge(b, in)
	}
	x := values[l.inputs[0]]
	b.flattened = x.flattened
	for _, build := range l.builds {
		if x.node == nil || b.s.Err() != nil {
			return value{}
		}
		x.node = build(b, x.node)
	}
	return value{x.node, b.flattened}
}
