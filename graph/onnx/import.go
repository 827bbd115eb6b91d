package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// Versions of ONNX's operators that can be read. Of those before 7 some were
// other operators, with other attributes; what differs is told apart.
const (
	oldestOpset = 1
	newestOpset = 21
)

// Model is a network that was read from an ONNX file: a layer whose parameters
// have the file's names and, at first, its values. It can be run, trained
// further, be a part of another network, and be exported again. It is not
// changed by any of this, and safe for concurrent use.
//
//	m, err := onnx.Load(file)
//	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
//	// Train or run it, then:
//	file, err = onnx.Options{Logits: true}.Export(m, net.Weights.Map(), m.Input...)
type Model struct {
	Input    []int             // shape of a sample; 0 where the file leaves it open
	Metadata map[string]string // free text in the file

	opset     int
	batch     int   // that the file is made for, 0 for any
	elem      int64 // the type of the input's elements
	input     string
	output    string
	nodes     []nodeProto
	constants map[string]constant // initializers
	state     map[string]bool     // initializers that training does not change by gradients
}

// Open reads a file by its name, and beside it the files that it says its weights
// are in, which have to be in its folder or below that. See [Read].
func Open(path string) (*Model, error) {
	file, size, err := regularFile(os.Stat, func(name string) (*os.File, error) { return os.Open(name) }, path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	defer file.Close()
	in := newSource(file)
	in.left = size
	beside := &folder{path: filepath.Dir(path)}
	defer beside.close()
	m, err := read(in, beside)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", path, err)
	}
	return m, nil
}

// Read reads a file. It must have one input, (batch,…) of float values, and one
// output; doubles are read as float32; an operator that cannot be read is an error
// that names it and its node.
//
// The file is not trusted: what Read takes is in proportion to its size, and what
// Build adds is bounded. The weights are read to where they stay: besides them it
// takes little.
func Read(r io.Reader) (*Model, error) {
	m, err := read(newSource(r), nil)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return m, nil
}

// Load reads a file that is in memory, as [Read] does. The model shares nothing
// with it.
func Load(file []byte) (*Model, error) { return Read(bytes.NewReader(file)) }

// read reads a file, and weights beside it unless that is nil.
func read(in *source, beside *folder) (*Model, error) {
	var p modelProto
	in.turn = true
	if err := in.message(&p, in.left, 0); err != nil {
		return nil, err
	}
	m := &Model{Metadata: map[string]string{}, constants: map[string]constant{}, state: map[string]bool{}}
	if err := m.load(&p, beside); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Model) load(p *modelProto, beside *folder) error {
	if p.Graph == nil {
		return errors.New("no graph: not an ONNX file")
	}
	for _, o := range p.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			m.opset = int(o.Version)
		}
	}
	if m.opset < oldestOpset || m.opset > newestOpset {
		return fmt.Errorf("operators of version %d, want %d to %d", m.opset, oldestOpset, newestOpset)
	}
	for _, e := range p.Metadata {
		m.Metadata[e.Key] = e.Value
	}
	if err := beside.read(p.Graph); err != nil {
		return err
	}
	for i := range p.Graph.Initializers {
		t := &p.Graph.Initializers[i]
		c, err := t.constant()
		if err != nil {
			return err
		}
		if _, twice := m.constants[t.Name]; twice {
			return fmt.Errorf("tensor %.64q is there twice", t.Name)
		}
		m.constants[t.Name] = c
	}
	if err := m.ends(p.Graph); err != nil {
		return err
	}
	m.nodes = p.Graph.Nodes
	if err := m.check(); err != nil {
		return err
	}
	m.turnWeights()
	m.simplify()
	return nil
}

// ends finds the input and the output.
func (m *Model) ends(g *graphProto) error {
	var inputs []valueProto
	for _, v := range g.Inputs {
		if _, weight := m.constants[v.Name]; !weight {
			inputs = append(inputs, v)
		}
	}
	if len(inputs) != 1 || len(g.Outputs) != 1 {
		return fmt.Errorf("%d inputs and %d outputs, want one of each", len(inputs), len(g.Outputs))
	}
	m.input, m.output = inputs[0].Name, g.Outputs[0].Name
	t := inputs[0].Type
	if t == nil || t.Tensor == nil || t.Tensor.Shape == nil || len(t.Tensor.Shape.Dims) == 0 {
		return fmt.Errorf("input %.64q has no shape, want (batch,…)", m.input)
	}
	if _, number := kinds[t.Tensor.Elem]; !number {
		return fmt.Errorf("input %.64q has elements of type %d, want numbers", m.input, t.Tensor.Elem)
	}
	m.elem = t.Tensor.Elem
	for i, d := range t.Tensor.Shape.Dims {
		if d.Value == -1 { // as older converters write an open one
			d.Value = 0
		}
		if d.Value < 0 || d.Value > maxSize || i >= maxDims {
			return fmt.Errorf("input %.64q has a dimension %d, and %d in all, want up to %d and %d", m.input, d.Value, len(t.Tensor.Shape.Dims), maxSize, maxDims)
		}
		if i == 0 {
			m.batch = int(d.Value)
		} else {
			m.Input = append(m.Input, int(d.Value))
		}
	}
	return nil
}

// check holds that there is a rule for every node and that operands come before
// their results.
func (m *Model) check() error {
	known := map[string]bool{"": true, m.input: true}
	for name := range m.constants {
		known[name] = true
	}
	for i := range m.nodes {
		n := &m.nodes[i]
		if r, ok := importRules[n.Op]; !ok || n.Domain != "" && n.Domain != "ai.onnx" {
			return fmt.Errorf("%s: the operator %.64q %.64s is not supported", n.title(), n.Op, n.Domain)
		} else if len(n.Inputs) < r.inputs || len(n.Outputs) == 0 {
			return fmt.Errorf("%s: %d inputs and %d outputs, want at least %d and 1", n.title(), len(n.Inputs), len(n.Outputs), r.inputs)
		}
		for _, in := range n.Inputs {
			if !known[in] {
				return fmt.Errorf("%s: there is no value %.64q yet", n.title(), in)
			}
		}
		outputs := n.Outputs[:1] // others are not computed
		if importRules[n.Op].all {
			outputs = n.Outputs
		}
		for i, out := range outputs {
			if out == "" && i > 0 && n.Op != "Split" {
				continue
			}
			if out == "" || known[out] {
				return fmt.Errorf("%s: the value %.64q is there already", n.title(), out)
			}
			known[out] = true
		}
		if n.Op == "BatchNormalization" {
			for _, in := range n.Inputs[3:5] {
				m.state[in] = true
			}
		}
	}
	if !known[m.output] {
		return fmt.Errorf("no node computes the output %.64q", m.output)
	}
	return nil
}

// title names a node in an error.
func (n *nodeProto) title() string {
	if n.Name == "" && len(n.Outputs) > 0 {
		return fmt.Sprintf("node of %.64q", n.Outputs[0])
	}
	return fmt.Sprintf("node %.64q", n.Name)
}

// in is the name of input i, "" if there is none.
func (n *nodeProto) in(i int) string {
	if i >= len(n.Inputs) {
		return ""
	}
	return n.Inputs[i]
}

// atLeastOne is the shape of a tensor in a graph: a scalar has one dimension.
func atLeastOne(shape []int) []int {
	if len(shape) == 0 {
		return []int{1}
	}
	return shape
}

// Build adds the network to s. Its parameters have the file's names in s: to
// build it twice into one network, give each a scope of its own.
func (m *Model) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	if s.Err() != nil {
		return nil
	}
	b := &builder{
		Model: m, s: s, batch: x.Shape()[0], budget: maxIndices, values: map[string]*value{m.input: valueOf(x)},
		numbers: map[float64]*gorgonia.Node{}, taken: map[string]bool{},
	}
	b.values[m.input].elem, b.values[m.input].samples = m.elem, 1
	for name, c := range m.constants {
		b.values[name] = &value{constant: c, name: name, initializer: true}
	}
	for i := range m.nodes {
		if !b.add(&m.nodes[i]) {
			return nil
		}
	}
	out := b.values[m.output]
	if b.follows() && out.samples > 1 {
		return s.Errorf("onnx: samples are dimension %d of the output, want a batch of %d, for which the file is made", out.samples-1, m.batch)
	}
	return b.node(out)
}
