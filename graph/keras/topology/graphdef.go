package topology

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxNodes bounds the nodes of a TensorFlow graph.
const maxNodes = 1 << 16

// node is one operation of a TensorFlow graph, in the JSON of its GraphDef.
type node struct {
	Name   string          `json:"name"`
	Op     string          `json:"op"`
	Inputs []string        `json:"input"`
	Attr   map[string]attr `json:"attr"`
}

func (n *node) title() string { return fmt.Sprintf("node %.128q (%.64s)", n.Name, n.Op) }

// attr is a setting of a node, of one of several types.
type attr struct {
	S     text            `json:"s"`
	F     json.RawMessage `json:"f"`
	I     json.RawMessage `json:"i"`
	B     bool            `json:"b"`
	Type  json.RawMessage `json:"type"`
	Shape struct {
		Unknown bool `json:"unknownRank"`
		Dim     []struct {
			Size integer `json:"size"`
		} `json:"dim"`
	} `json:"shape"`
	List struct {
		S []text    `json:"s"`
		I []integer `json:"i"`
	} `json:"list"`
}

// text is a string: base64 in the file, or a list of its bytes.
type text string

// UnmarshalJSON reads either.
func (t *text) UnmarshalJSON(b []byte) error {
	var bytes []byte
	if json.Unmarshal(b, &bytes) != nil {
		var codes []uint8AsNumber
		if json.Unmarshal(b, &codes) != nil {
			return fmt.Errorf("the string %.64s, want base64", b)
		}
		bytes = make([]byte, len(codes))
		for i, c := range codes {
			bytes[i] = byte(c)
		}
	}
	*t = text(bytes)
	return nil
}

// uint8AsNumber keeps encoding/json from reading a list of bytes as base64.
type uint8AsNumber uint8

// integer is a number of 64 bits: a string in the file, or a number.
type integer int

// UnmarshalJSON reads either.
func (n *integer) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		return fmt.Errorf("%.64s, want an integer", b)
	}
	*n = integer(v)
	return nil
}

// number is a setting that is a float, otherwise otherwise.
func (n *node) number(name string, otherwise float64) float64 {
	var v float64
	if text := n.Attr[name].F; len(text) == 0 || json.Unmarshal(text, &v) != nil {
		return otherwise
	}
	return v
}

// dtype is a setting that is a type.
func (n *node) dtype(name string) string { return strings.Trim(string(n.Attr[name].Type), `"`) }

// pair is height and width of a setting [1,height,width,1]; 1 and 1 if there is none.
func (n *node) pair(name string) (pair, error) {
	list := n.Attr[name].List.I
	if len(list) == 0 {
		return pair{1, 1}, nil
	}
	if len(list) != 4 || list[0] != 1 || list[3] != 1 || min(list[1], list[2]) < 1 || max(list[1], list[2]) > maxSide {
		return pair{}, fmt.Errorf("%s %v, want [1,height,width,1] of 1..%d", name, list, maxSide)
	}
	return pair{int(list[1]), int(list[2])}, nil
}

// channelsLast returns an error for images that are not (N,H,W,C).
func (n *node) channelsLast() error {
	if f := n.Attr["data_format"].S; f != "" && f != "NHWC" {
		return fmt.Errorf("data_format %.64q, want NHWC", f)
	}
	return nil
}

// graphDef is a TensorFlow graph on its way to a Model.
type graphDef struct {
	nodes  []node
	number map[string]int // of a node, by its name
	state  []int          // of a node: not seen, on the way, or 1 + the number of its value
	input  int            // the node that is the input, or -1
	model  *Model
	made   []int // the node of each layer
}

// The states of nodes; above is the number of the value.
const (
	unseen = -2
	onWay  = -1
)

// Output is an output of a TensorFlow graph: what it is called, and the node.
type Output struct{ Name, Node string }

// NewGraph makes the layers of a TensorFlow graph, a JSON object with a list of
// nodes, GraphDef. Its constants are the weights, by the nodes' names. Without
// outputs the nodes are outputs whose results no other node uses.
func NewGraph(file string, graph []byte, outputs []Output, weights Named) (*Model, error) {
	var def struct {
		Nodes []node `json:"node"`
	}
	if err := json.Unmarshal(graph, &def); err != nil {
		return nil, fmt.Errorf("graph: %w", plain(err))
	}
	if len(def.Nodes) == 0 || len(def.Nodes) > maxNodes {
		return nil, fmt.Errorf("%d nodes, want 1 to %d", len(def.Nodes), maxNodes)
	}
	g := &graphDef{nodes: def.Nodes, number: map[string]int{}, state: make([]int, len(def.Nodes)), input: -1, model: &Model{file: file}}
	for i, n := range g.nodes {
		if _, twice := g.number[n.Name]; twice {
			return nil, fmt.Errorf("%s: the name is there twice", n.title())
		}
		g.number[n.Name] = i
		g.state[i] = unseen
	}
	if len(outputs) == 0 {
		outputs = g.unused()
	}
	for _, o := range outputs {
		if err := g.output(o, weights); err != nil {
			return nil, err
		}
	}
	if err := g.finish(weights); err != nil {
		return nil, err
	}
	return g.model, nil
}

// finish checks what is left over.
func (g *graphDef) finish(weights Named) error {
	if g.input < 0 {
		return errors.New("no Placeholder on the way to the output, want one input")
	}
	for _, n := range g.nodes {
		if n.Op == "Const" {
			delete(weights, n.Name) // of a part that no output needs
		}
	}
	if name := weights.Rest(); name != "" {
		return fmt.Errorf("the weight %.128q is of no node", name)
	}
	g.model.Rescales = g.model.Rescales || g.fromBytes()
	g.model.choose(0)
	return nil
}

// unused returns the nodes whose results no other node uses, as outputs.
func (g *graphDef) unused() (list []Output) {
	used := map[string]bool{}
	for _, n := range g.nodes {
		for _, name := range n.Inputs {
			name, _, _ = strings.Cut(name, ":")
			used[name] = true
		}
	}
	for _, n := range g.nodes {
		if !used[n.Name] && n.Op != "NoOp" && n.Op != "Const" {
			list = append(list, Output{n.Name, n.Name})
		}
	}
	return list
}

// find returns the number of the node whose first result a reference means.
func (g *graphDef) find(ref string) (int, error) {
	name, result, ok := strings.Cut(ref, ":")
	if ok && result != "0" {
		return 0, fmt.Errorf("result %.16q of node %.128q, want 0", result, name)
	}
	i, ok := g.number[name]
	if !ok {
		return 0, fmt.Errorf("no node %.128q", name)
	}
	return i, nil
}

// output adds what an output needs. A SoftMax at its end is left out.
func (g *graphDef) output(o Output, weights Named) error {
	i, err := g.find(o.Node)
	if err != nil {
		return fmt.Errorf("output %.64q: %w", o.Name, err)
	}
	e := end{name: o.Name}
	if e.value, err = g.add(i, weights); err != nil {
		return err
	}
	v := e.value
	for v > 0 && g.nodes[g.made[v-1]].Op == "Identity" {
		v = g.model.layers[v-1].inputs[0]
	}
	if v > 0 && g.nodes[g.made[v-1]].Op == "Softmax" {
		e.value, e.softMax = g.model.layers[v-1].inputs[0], true
	}
	if v > 0 && g.nodes[g.made[v-1]].Op == "Sigmoid" {
		e.value, e.sigmoid = v, true
	}
	g.model.ends = append(g.model.ends, e)
	return nil
}

// add adds a node behind all that it needs, and returns the number of its value.
func (g *graphDef) add(at int, weights Named) (value int, err error) {
	n := &g.nodes[at]
	switch {
	case g.state[at] >= 0:
		return g.state[at], nil
	case g.state[at] == onWay:
		return 0, fmt.Errorf("%s: lies in a circle", n.title())
	case n.Op == "Placeholder":
		if err := g.placeholder(at); err != nil {
			return 0, fmt.Errorf("%s: %w", n.title(), err)
		}
		return 0, nil
	}
	g.state[at] = onWay
	made := layer{title: n.title(), name: n.Name, class: n.Op, shared: -1}
	for _, name := range n.Inputs {
		if strings.HasPrefix(name, "^") {
			continue // the order alone
		}
		from, err := g.find(name)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", n.title(), err)
		}
		v, err := g.add(from, weights)
		if err != nil {
			return 0, err
		}
		made.inputs = append(made.inputs, v)
	}
	if made.merge, err = n.merge(weights, len(made.inputs)); err != nil {
		return 0, fmt.Errorf("%s: %w", n.title(), err)
	}
	g.model.layers, g.made = append(g.model.layers, made), append(g.made, at)
	g.state[at] = len(g.made)
	return g.state[at], nil
}

// merge returns what a node does to its inputs.
func (n *node) merge(weights Named, inputs int) (merge, error) {
	if n.Op == "Const" {
		a, ok := weights[n.Name]
		if !ok {
			return nil, errors.New("its value is not among the weights")
		}
		return func(*builder, []value) value { return value{constant: &a} }, nil
	}
	rule, ok := nodes[n.Op]
	if !ok {
		return nil, errors.New("the operation is not supported")
	}
	if inputs < rule.inputs {
		return nil, fmt.Errorf("%d inputs, want %d", inputs, rule.inputs)
	}
	return func(b *builder, in []value) value { return rule.build(b, n, in) }, n.channelsLast()
}

// placeholder is the network's input.
func (g *graphDef) placeholder(at int) error {
	n := &g.nodes[at]
	if g.input >= 0 && g.input != at {
		return fmt.Errorf("another input than %s, want one", g.nodes[g.input].title())
	}
	switch dtype := n.dtype("dtype"); dtype {
	case "", "DT_FLOAT", "1", "DT_HALF", "19", "DT_BFLOAT16", "14":
	case "DT_INT32", "3", "DT_UINT8", "4", "DT_INT64", "9":
		g.model.Rescales = true
	default:
		return fmt.Errorf("an input of type %.64s, want numbers", dtype)
	}
	shape := n.Attr["shape"].Shape
	if shape.Unknown {
		return errors.New("an input of unknown shape")
	}
	sizes := make([]int, len(shape.Dim))
	for i, d := range shape.Dim {
		if sizes[i] = int(d.Size); d.Size == -1 {
			sizes[i] = 0
		} else if d.Size <= 0 {
			sizes[i] = -1
		}
	}
	g.input, g.state[at] = at, 0
	return g.model.sample(sizes)
}

// fromBytes reports whether the network begins with a scale or offset that brings
// pixels in 0..255 near to 0.
func (g *graphDef) fromBytes() bool {
	raw := map[int]bool{0: true}
	for i, l := range g.model.layers {
		n := &g.nodes[g.made[i]]
		at := slices.IndexFunc(l.inputs, func(v int) bool { return raw[v] })
		switch {
		case at < 0:
			continue
		case n.Op == "Identity" || n.Op == "Cast":
			raw[i+1] = true
			continue
		case len(l.inputs) != 2:
			return false
		}
		c := l.inputs[1-at]
		if c == 0 || g.nodes[g.made[c-1]].Op != "Const" {
			return false
		}
		a := g.model.layers[c-1].merge(nil, nil).constant
		if a == nil || len(a.Values) == 0 {
			return false
		}
		switch v := float64(a.Values[0]); n.Op {
		case "Mul":
			return fromBytes(v, 0)
		case "RealDiv":
			return at == 0 && fromBytes(1/v, 0)
		case "Add", "AddV2", "Sub":
			return fromBytes(1, v)
		}
		return false
	}
	return false
}
