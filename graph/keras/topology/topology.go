// Package topology turns the topology of a Keras network, the JSON that Keras
// writes into each of its files, into a graph.Layer. Packages keras and tfjs read
// the files and hand the JSON and the weights over.
//
// Read are Sequential and functional networks of Keras 2 and 3 with one input, and
// such networks inside each other. One table has a rule for each class of layers,
// rules. Keras has images channels last; here they are channels first, (N,C,H,W),
// and so are the weights. The layers that change pictures at random while Keras
// trains, such as RandomFlip, are left out: they do nothing when a network
// predicts. Layers that are used several times have one set of weights.
//
// NewGraph does the same for TensorFlow's graphs, whose nodes are operations: they
// are what is left of a network where its layers are not known any more. They have
// a table of their own, nodes.
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
	maxSample = 1 << 26 // values of one sample between two layers
	maxMoved  = 1 << 24 // values of one sample behind all layers that pad or reorder together
	maxLayers = 1 << 14
	maxNested = 16      // networks in each other
	maxRead   = 1 << 30 // bytes of the topology
	maxSide   = 1 << 12
)

// Model is a network that was read: a layer whose parameters have the file's
// values at first. Its output is the file's output, or the logits if the file
// ends in a SoftMax. Building does not change it: it is safe for concurrent
// use.
type Model struct {
	// Input is the shape of a sample: channels, height, width, or the size of a
	// vector. 0 is a dimension that the file leaves open: Build takes any size.
	Input   []int
	SoftMax bool // whether the file's output is the SoftMax of the layer's

	// Rescales says that the network begins with a Rescaling or Normalization that
	// brings pixels in 0..255 to a range around 0, as Keras's own examples have it.
	Rescales bool

	file   string
	layers []layer
	ends   []end
	end    int    // the one that is the output
	needed []bool // the layers that it needs
}

// layer is one layer of the file. It has builds, or a merge.
type layer struct {
	title  string // for errors
	name   string
	class  string
	inputs []int // numbers of values: 0 is the network's input, i+1 the output of layer i
	builds []build
	merge  merge
	shared int // the first of the layers that have these weights, or -1
}

// New makes the layers of a topology: a JSON object with class_name and config,
// or one that has it as model_config. Errors in Build name the file. Each weight
// that the source has must be of a layer.
func New(file string, topology []byte, weights Source) (*Model, error) {
	steps, ends, err := parse(topology)
	if err != nil {
		return nil, err
	}
	m := &Model{file: file}
	if err := m.input(steps[0].entry); err != nil {
		return nil, err
	}
	l := newLoader(steps, ends, weights)
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
	m.ends, m.Rescales = l.ends, l.bytes
	m.choose(0)
	return m, nil
}

// layer applies the rule of the step that is next.
func (l *loader) layer() (layer, error) {
	s := l.steps[l.at]
	made := layer{title: s.title(), name: s.id(), class: s.Class, inputs: s.inputs, shared: -1}
	if s.shared {
		made.shared = s.first
	}
	var err error
	if made.merge, err = s.operator(); made.merge != nil || err != nil {
		l.made, l.raw = append(l.made, nil), append(l.raw, false)
		return made, err
	}
	if rule, ok := merges[s.Class]; ok {
		made.merge, err = rule(s)
		l.made, l.raw = append(l.made, nil), append(l.raw, false)
		return made, err
	}
	rule, ok := rules[s.Class]
	switch {
	case !ok:
		return made, fmt.Errorf("the class is not supported")
	case len(s.inputs) != 1:
		return made, fmt.Errorf("%d inputs, want one", len(s.inputs))
	}
	if s.first != l.at {
		made.builds = l.made[s.first]
	} else if made.builds, err = rule(l, s); err != nil {
		return made, err
	}
	l.made = append(l.made, made.builds)
	l.raw = append(l.raw, l.raw[s.inputs[0]] && made.builds == nil)
	return made, nil
}

// input reads the shape of a sample from the first layer.
func (m *Model) input(e entry) error {
	c := e.config
	shape := c.BatchInputShape
	if shape == nil {
		shape = c.BatchShape
	}
	sizes := make([]int, len(shape))
	for i, d := range shape {
		if d != nil {
			if sizes[i] = *d; *d < 1 {
				sizes[i] = -1
			}
		}
	}
	if err := m.sample(sizes); err != nil {
		return fmt.Errorf("%s: %w", e.title(), err)
	}
	return nil
}

// sample sets Input to a shape with the batch in front. 0 is an open dimension.
func (m *Model) sample(shape []int) error {
	if len(shape) != 2 && len(shape) != 4 {
		return fmt.Errorf("the input has %d dimensions, want (batch,height,width,channels) or (batch,size)", len(shape))
	}
	size := 1
	for _, d := range shape[1:] {
		if d < 0 || d > maxSample/size {
			return fmt.Errorf("the input is %v, want positive dimensions and at most %d values, (batch,height,width,channels) or (batch,size)", shape, maxSample)
		}
		size *= max(d, 1)
	}
	if m.Input = shape[1:]; len(m.Input) == 3 {
		m.Input = []int{m.Input[2], m.Input[0], m.Input[1]}
	}
	return nil
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

	// constant are numbers that the file has, or a shape, in the file's order. The
	// value has no node then.
	constant *Array
}

// builder has the state that one Build hands from layer to layer.
type builder struct {
	s         *graph.Scope
	where     string // the file and the layer
	budget    int    // values that layers may still pad or reorder
	flattened []int  // of the value that is being worked on
	shared    int    // of the layer
	tensors   map[shared]*gorgonia.Node
}

// shared is a tensor of a layer that is used several times.
type shared struct {
	layer int
	name  string
}

// tensor makes a parameter or a state of the layer by s.Param or s.State, or
// returns the one that another use of the layer has made.
func (b *builder) tensor(make func(string, graph.Init, ...int) *gorgonia.Node, name string, init graph.Init, shape ...int) *gorgonia.Node {
	if b.shared < 0 {
		return make(name, init, shape...)
	}
	key := shared{b.shared, name}
	t := b.tensors[key]
	if t == nil {
		t = make(name, init, shape...)
		b.tensors[key] = t
	}
	if t != nil && !slices.Equal(t.Shape(), shape) {
		return b.errorf("the weight %s is %v in one use of the layer, %v in another", name, t.Shape(), shape)
	}
	return t
}

// errorf makes an error that names the file and the layer.
func (b *builder) errorf(format string, args ...any) *gorgonia.Node {
	return b.s.Errorf("%s: %w", b.where, fmt.Errorf(format, args...))
}

// Build adds the network to s. The graph's Summary has a line for each of the file's
// layers that adds an op.
func (m *Model) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	b := &builder{s: s, budget: maxMoved, where: m.file, tensors: map[shared]*gorgonia.Node{}}
	batch, before := x.Shape()[0], s.Cost()
	values := make([]value, 1, len(m.layers)+1)
	values[0].node = x
	defer s.Part("", "")
	for i, l := range m.layers {
		s.Part(l.name, l.class)
		b.where = m.file + ": " + l.title
		var v value
		if m.needed[i] {
			v = b.layer(l, values)
		}
		switch {
		case s.Err() != nil:
			return nil
		case v.node == nil && v.constant == nil && m.needed[i]:
			return b.errorf("no result")
		case v.node != nil && v.node.Shape().TotalSize()/batch > maxSample:
			return b.errorf("%d values a sample, want at most %d", v.node.Shape().TotalSize()/batch, maxSample)
		}
		if err := s.Cost().Minus(before).Check(batch); err != nil {
			return b.errorf("%w", err)
		}
		values = append(values, v)
	}
	out := values[m.ends[m.end].value]
	if out.node == nil {
		return b.errorf("the output is a constant")
	}
	return b.ordered(out)
}

// layer builds one layer. A panic becomes the layer's error: a rule may index what a
// hostile file has not.
func (b *builder) layer(l layer, values []value) (v value) {
	defer func() {
		if r := recover(); r != nil {
			b.errorf("its settings and inputs fit no rule: %v", r)
			v = value{}
		}
	}()
	b.shared = l.shared
	if l.merge != nil {
		in := make([]value, len(l.inputs))
		for i, v := range l.inputs {
			in[i] = values[v]
		}
		return l.merge(b, in)
	}
	x := values[l.inputs[0]]
	if l.shared >= 0 {
		x = value{node: b.ordered(x)} // the same weights for all uses
	}
	b.flattened = x.flattened
	for _, build := range l.builds {
		if x.node == nil || b.s.Err() != nil {
			return value{}
		}
		x.node = build(b, x.node)
	}
	return value{node: x.node, flattened: b.flattened}
}
