package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/regular"
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
//
// The graph's input and output are float32, whatever the file's are: see [Model.With]
// for other outputs than the first, and the package's text for integers.
type Model struct {
	Input    []int             // shape of a sample; 0 where the file leaves it open
	Element  string            // the type of the input's elements in the file, such as float32, uint8 or bool
	Metadata map[string]string // free text in the file

	file      *wholeFile
	opset     int
	batch     int   // that the file is made for, 0 for any
	elem      int64 // the type of the input's elements
	input     string
	output    string
	nodes     []nodeProto         // that the output needs
	constants map[string]constant // initializers
	state     map[string]bool     // initializers that training does not change by gradients
}

// Open reads a file by its name, and beside it the files that it says its weights
// are in, which have to be in its folder or below that. See [Read].
func Open(path string) (*Model, error) {
	file, size, err := regular.Open(path)
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

// Read reads a file. What it computes must need one input, (batch,…) of numbers or
// truth; of several outputs it is the first, see [Model.Outputs]. Doubles are read as
// float32. An operator that the output needs and that cannot be read is an error that
// names it and its node.
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
	nodes, err := inlined(p, m.opset)
	if err != nil {
		return err
	}
	p.Graph.Nodes = withCaptured(nodes)
	if err := m.whole(p.Graph); err != nil {
		return err
	}
	return m.choose(m.file.outputs[0].Name)
}

// check holds that there is a rule for every node that the output needs, and that
// only outputs are read that it computes.
func (m *Model) check() error {
	computed := map[string]bool{"": true, m.input: true}
	for name := range m.constants {
		computed[name] = true
	}
	for i := range m.nodes {
		n := &m.nodes[i]
		r, ok := importRules[n.Op]
		if !ok || n.Domain != "" && n.Domain != "ai.onnx" {
			return fmt.Errorf("%s: the operator %.64q %.64s is not supported", n.title(), n.Op, n.Domain)
		} else if len(n.Inputs) < r.inputs {
			return fmt.Errorf("%s: %d inputs and %d outputs, want at least %d and 1", n.title(), len(n.Inputs), len(n.Outputs), r.inputs)
		}
		if i := slices.Index(n.Inputs[:r.inputs], ""); i >= 0 {
			return fmt.Errorf("%s (%.64s): input %d is left out, want at least %d", n.title(), n.Op, i, r.inputs)
		}
		for _, in := range n.Inputs {
			if !computed[in] {
				return fmt.Errorf("%s: the value %.64q is a further output of its node, which is not computed", n.title(), in)
			}
		}
		outputs := n.Outputs
		if !r.all {
			outputs = outputs[:1]
		}
		for _, out := range outputs {
			computed[out] = true
		}
		n.fixed(m.state)
	}
	if !computed[m.output] {
		return fmt.Errorf("the output %.64q is a further output of its node, which is not computed", m.output)
	}
	return nil
}

// fixedInputs are the inputs that no gradient changes: running statistics, scales and
// zero points.
var fixedInputs = map[string][]int{
	"BatchNormalization": {3, 4}, "DequantizeLinear": {1, 2}, "QLinearConv": {1, 2, 4, 5, 6, 7}, "QLinearMatMul": {1, 2, 4, 5, 6, 7}, "QuantizeLinear": {1, 2},
}

// fixed adds the inputs of a node, and of the nodes in its branches, that no gradient
// changes.
func (n *nodeProto) fixed(state map[string]bool) {
	for _, i := range fixedInputs[n.Op] {
		state[n.in(i)] = true
	}
	for _, a := range n.Attributes {
		if a.Graph != nil {
			for i := range a.Graph.Nodes {
				a.Graph.Nodes[i].fixed(state)
			}
		}
	}
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
// build it twice into one network, give each a scope of its own. The graph's Summary
// has a line for each of the file's nodes that adds an op.
func (m *Model) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	if s.Err() != nil {
		return nil
	}
	b := &builder{
		Model: m, s: s, batch: x.Shape()[0], before: s.Cost(), budget: maxIndices, values: map[string]*value{},
		numbers: map[float64]*gorgonia.Node{}, taken: map[string]bool{},
	}
	defer s.Part("", "")
	s.Part(m.input, "input of "+m.Element)
	if b.values[m.input] = b.border(x); b.values[m.input] == nil {
		return nil
	}
	for name, c := range m.constants {
		b.values[name] = &value{constant: c, name: name, initializer: true}
	}
	for i := range m.nodes {
		if !b.add(&m.nodes[i]) {
			return nil
		}
	}
	out := b.values[m.output]
	y := b.node(out)
	if b.follows() && out.samples > 1 {
		return s.Errorf("onnx: samples are dimension %d of the output, want a batch of %d, for which the file is made", out.samples-1, m.batch)
	}
	return y
}
