// Package tfjs reads Keras networks as TensorFlow.js saves them: model.json,
// which has the layers, and the files of weights beside it. Python's Keras
// writes them by the program tensorflowjs_converter.
//
//	m, err := tfjs.Load(os.DirFS("model"), "model.json")
//	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
//
// The model is a graph.Layer like any other: it can be run, trained on, and
// written by package onnx. Keras has images channels last; here they are
// channels first, (N,C,H,W), and so are the weights. One table has a rule for
// each class of layers, rules.
package tfjs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// Bounds of what a file may ask for.
const (
	maxTopology = 64 << 20 // bytes of model.json
	maxSample   = 1 << 24  // values of one sample between two layers
	maxPadded   = 1 << 24  // values of one sample behind all layers of padding together
)

// Model is a network that was read: a layer whose parameters have the file's
// values at first. Its output is the file's output, or the logits if the file
// ends in a SoftMax. Building does not change it: it is safe for concurrent
// use.
type Model struct {
	Input   []int // shape of a sample: channels, height, width, or the size of a vector
	SoftMax bool  // whether the file's output is the SoftMax of the layer's

	layers []layer
}

// layer is one layer of the file.
type layer struct {
	title string // for errors
	build build
}

// Load reads a Sequential model, or a functional one that is a chain. The files
// of weights lie where model.json says, within fsys. They are not trusted: Load
// takes memory in proportion to their size, and Build a bounded amount more.
func Load(fsys fs.FS, name string) (*Model, error) {
	m, err := load(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("tfjs: %s: %w", name, err)
	}
	return m, nil
}

func load(fsys fs.FS, name string) (*Model, error) {
	text, err := read(fsys, name, maxTopology)
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("not a model.json: %w", err)
	}
	if f.Topology == nil {
		return nil, errors.New("no modelTopology, want a layers model as Keras's model.save or tensorflowjs_converter writes it")
	}
	chain, err := f.Topology.chain()
	if err != nil {
		return nil, err
	}
	weights, err := f.weights(fsys, name)
	if err != nil {
		return nil, err
	}
	return newModel(chain, weights)
}

// read reads a file of a bounded size.
func read(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return b, err
}

// newModel makes the layers.
func newModel(chain []entry, weights map[string]array) (*Model, error) {
	m := &Model{}
	if err := m.input(chain); err != nil {
		return nil, err
	}
	l := &loader{chain: chain, weights: weights}
	for l.at < len(chain) {
		e := chain[l.at]
		l.at++
		rule, ok := rules[e.Class]
		if !ok {
			return nil, fmt.Errorf("%s: the class is not supported", e.title())
		}
		layers, err := rule(l, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.title(), err)
		}
		for _, build := range layers {
			m.layers = append(m.layers, layer{e.title(), build})
		}
	}
	for name := range weights {
		return nil, fmt.Errorf("the weight %.64q is of no layer", name)
	}
	m.SoftMax = l.softMax
	return m, nil
}

// input reads the shape of a sample from the first layer.
func (m *Model) input(chain []entry) error {
	c := chain[0].Config
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
			return fmt.Errorf("%s: the input has a dimension that is open, or too large, want (batch,height,width,channels) or (batch,size)", chain[0].title())
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
	return fmt.Errorf("%s: the input has %d dimensions, want (batch,height,width,channels) or (batch,size)", chain[0].title(), len(shape))
}

// builder has the state that one Build hands from layer to layer.
type builder struct {
	s      *graph.Scope
	budget int // values that layers of padding may still add

	// flattened is the shape (C,H,W) that Flatten has just made a vector, or
	// nil if no vector waits. The file orders a vector's elements pixel by
	// pixel, we channel by channel: the next Dense reorders its rows and sets
	// it to nil.
	flattened []int
}

// Build adds the network to s.
func (m *Model) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	b := &builder{s: s, budget: maxPadded}
	for _, l := range m.layers {
		if s.Err() != nil {
			return nil
		}
		batch := x.Shape()[0]
		if x = l.build(b, x); x == nil {
			return s.Errorf("tfjs: %s: no result", l.title)
		}
		if n := x.Shape().TotalSize() / batch; n > maxSample {
			return s.Errorf("tfjs: %s: %d values a sample, want at most %d", l.title, n, maxSample)
		}
	}
	if b.flattened != nil {
		return s.Errorf("tfjs: the model ends in the elements of an image %v in the order of channels last, want a Dense behind Flatten", b.flattened)
	}
	return x
}
