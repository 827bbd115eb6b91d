package topology

import (
	"encoding/json"
	"errors"
	"fmt"
)

// wires are the connections of a functional network, by the numbers of layers.
type wires struct {
	layers   []entry
	from, to [][]int
	open     []int // inputs that are not there yet
	input    int   // the layer without an input
}

func newWires(layers []entry) *wires {
	n := len(layers)
	return &wires{layers, make([][]int, n), make([][]int, n), make([]int, n), -1}
}

// connect reads the inputs of all layers.
func (g *wires) connect() error {
	number := map[string]int{}
	for i, e := range g.layers {
		if _, twice := number[e.id()]; twice {
			return fmt.Errorf("%s: the name is there twice", e.title())
		}
		number[e.id()] = i
	}
	for i, e := range g.layers {
		names, err := e.from()
		if err != nil {
			return fmt.Errorf("%s: %w", e.title(), err)
		}
		if len(names) == 0 {
			if g.input >= 0 {
				return fmt.Errorf("%s: has no input, nor has %s, want one input", e.title(), g.layers[g.input].title())
			}
			g.input = i
		}
		for _, name := range names {
			from, ok := number[name]
			if !ok {
				return fmt.Errorf("%s: its input %.64q is no layer", e.title(), name)
			}
			g.from[i] = append(g.from[i], from)
			g.to[from] = append(g.to[from], i)
			g.open[i]++
		}
	}
	if g.input < 0 {
		return errors.New("0 layers lie on the way from an input, want one input")
	}
	return nil
}

// output returns the layer that is the output, and which no other layer uses. All
// other layers are used.
func (g *wires) output(text json.RawMessage) (int, error) {
	last := -1
	for i, to := range g.to {
		if len(to) > 0 {
			continue
		}
		if last >= 0 {
			return 0, fmt.Errorf("%s and %s: no layer uses their outputs, want one output", g.layers[last].title(), g.layers[i].title())
		}
		last = i
	}
	if last < 0 {
		return 0, errors.New("the layers form a circle, want an output")
	}
	names, err := outputs(text)
	if err == nil && (len(names) > 1 || len(names) == 1 && names[0] != g.layers[last].id()) {
		err = fmt.Errorf("the outputs are %.128q, want one, which no layer uses", names)
	}
	return last, err
}

// outputs reads [["name",0,0]], or ["name",0,0] as Keras 3 writes one output.
func outputs(text json.RawMessage) (names []string, err error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, errors.New("output_layers, want a list")
	}
	var name string
	if len(list) > 0 && json.Unmarshal(list[0], &name) == nil {
		list = []json.RawMessage{text}
	}
	for _, ref := range list {
		name, err := reference(ref)
		if err != nil {
			return nil, fmt.Errorf("output_layers: %w", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// reference reads ["name",use,output], a layer's first output.
func reference(text json.RawMessage) (name string, err error) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil || len(list) < 3 || json.Unmarshal(list[0], &name) != nil || name == "" {
		return "", fmt.Errorf("%.64s, want a layer's name and two numbers", text)
	}
	var output int
	if json.Unmarshal(list[2], &output) != nil || output != 0 {
		return "", fmt.Errorf("output %.64s of %.64q, want 0", list[2], name)
	}
	return name, nil
}

// call is one use of a layer in files of Keras 3.
type call struct {
	Args   []json.RawMessage          `json:"args"`
	Kwargs map[string]json.RawMessage `json:"kwargs"`
}

// from returns the names of the layers that are the inputs, none for the input of
// the network. Keras 2 has [[["name",0,0,{}],…]], Keras 3 a list of calls.
func (e entry) from() ([]string, error) {
	var uses []json.RawMessage
	if len(e.Inbound) > 0 && json.Unmarshal(e.Inbound, &uses) != nil {
		return nil, errors.New("inbound_nodes, want a list")
	}
	switch len(uses) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, fmt.Errorf("used %d times, want once", len(uses))
	}
	var c call
	if json.Unmarshal(uses[0], &c) == nil {
		return c.tensors()
	}
	var refs []json.RawMessage
	if json.Unmarshal(uses[0], &refs) != nil || len(refs) == 0 {
		return nil, fmt.Errorf("inbound_nodes %.64s, want a list of inputs", e.Inbound)
	}
	var names []string
	for _, ref := range refs {
		name, err := reference(ref)
		if err != nil {
			return nil, fmt.Errorf("inbound_nodes: %w", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// tensors returns the names of the layers whose outputs a call has as arguments:
// tensors, or a list of them.
func (c call) tensors() (names []string, err error) {
	args := c.Args
	if len(args) == 1 {
		var list []json.RawMessage
		if json.Unmarshal(args[0], &list) == nil {
			args = list
		}
	}
	for _, arg := range args {
		var t struct {
			Class  string `json:"class_name"`
			Config struct {
				History json.RawMessage `json:"keras_history"`
			} `json:"config"`
		}
		if json.Unmarshal(arg, &t) != nil || t.Class != "__keras_tensor__" {
			return nil, fmt.Errorf("inbound_nodes: the argument %.64s, want a tensor", arg)
		}
		name, err := reference(t.Config.History)
		if err != nil {
			return nil, fmt.Errorf("inbound_nodes: %w", err)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, errors.New("inbound_nodes: a call without a tensor")
	}
	return names, nil
}
