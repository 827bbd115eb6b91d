package topology

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// wires are the connections of a functional network, by the numbers of uses: a
// layer that is applied several times has several, one after the other.
type wires struct {
	layers   []entry
	first    map[string]int // the first use of a layer
	of       []int          // the layer of a use
	from, to [][]int
	numbers  []map[int]*Array // operands of a use that are numbers, by their places
	open     []int            // inputs of a use that are not there yet
	input    int              // the use without an input
}

// connect reads the inputs of all layers.
func connect(layers []entry) (*wires, error) {
	g := &wires{layers: layers, first: map[string]int{}, input: -1}
	var inputs [][]reference
	for i, e := range layers {
		if _, twice := g.first[e.id()]; twice {
			return nil, fmt.Errorf("%s: the name is there twice", e.title())
		}
		g.first[e.id()] = len(g.of)
		uses, err := e.uses()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.title(), err)
		}
		if len(uses) == 0 {
			if g.input >= 0 {
				return nil, fmt.Errorf("%s: has no input, nor has %s, want one input", e.title(), g.title(g.input))
			}
			g.input = len(g.of)
			uses = [][]reference{nil}
		}
		for _, use := range uses {
			g.of = append(g.of, i)
			inputs = append(inputs, use)
		}
		if len(g.of) > maxLayers {
			return nil, fmt.Errorf("layers are used more than %d times", maxLayers)
		}
	}
	if g.input < 0 {
		return nil, errors.New("0 layers lie on the way from an input, want one input")
	}
	g.from, g.to, g.open, g.numbers = make([][]int, len(g.of)), make([][]int, len(g.of)), make([]int, len(g.of)), make([]map[int]*Array, len(g.of))
	for i, refs := range inputs {
		for k, ref := range refs {
			if ref.number != nil {
				if g.numbers[i] == nil {
					g.numbers[i] = map[int]*Array{}
				}
				g.numbers[i][k] = ref.number
				continue
			}
			from, err := g.find(ref)
			if err != nil {
				return nil, fmt.Errorf("%s: its input %w", g.title(i), err)
			}
			g.from[i] = append(g.from[i], from)
			g.to[from] = append(g.to[from], i)
			g.open[i]++
		}
	}
	return g, nil
}

func (g *wires) title(use int) string { return g.layers[g.of[use]].title() }

// find returns the use that a reference means. Where a layer is used once that is
// it, whatever the number: Keras counts uses in other networks too.
func (g *wires) find(ref reference) (int, error) {
	i, ok := g.first[ref.name]
	if !ok {
		return 0, fmt.Errorf("%.64q is no layer", ref.name)
	}
	once := i+1 == len(g.of) || g.of[i+1] != g.of[i]
	if once {
		return i, nil
	}
	if ref.use < 0 || ref.use >= len(g.of)-i || g.of[i+ref.use] != g.of[i] {
		return 0, fmt.Errorf("is use %d of %.64q, which is not used so often", ref.use, ref.name)
	}
	return i + ref.use, nil
}

// outputs returns the uses that are the network's outputs, and their names. All
// others are for them.
func (g *wires) outputs(text json.RawMessage) (uses []int, names []string, err error) {
	refs, err := outputs(text)
	if err != nil {
		return nil, nil, err
	}
	for _, ref := range refs {
		use, err := g.find(ref)
		if err != nil {
			return nil, nil, fmt.Errorf("output_layers: the output %w", err)
		}
		if slices.Contains(uses, use) {
			continue
		}
		name := ref.name
		if n := use - g.first[ref.name]; n > 0 {
			name = fmt.Sprintf("%s:%d", name, n)
		}
		uses, names = append(uses, use), append(names, name)
	}
	for use, to := range g.to {
		switch {
		case len(to) > 0 || slices.Contains(uses, use):
		case len(uses) == 0:
			uses, names = []int{use}, []string{g.layers[g.of[use]].id()}
		default:
			return nil, nil, fmt.Errorf("%s and %s: no layer uses their outputs, want one output, or several that output_layers names", g.title(uses[0]), g.title(use))
		}
	}
	if len(uses) == 0 {
		return nil, nil, errors.New("the layers form a circle, want an output")
	}
	return uses, names, nil
}

// reference is one use of a layer: its first, 0, the next, and so on. In the place of
// one there may be a number.
type reference struct {
	name   string
	use    int
	number *Array
}

// outputs reads [["name",0,0]], or ["name",0,0] as Keras 3 writes one output.
func outputs(text json.RawMessage) (refs []reference, err error) {
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
	for _, text := range list {
		ref, err := refer(text)
		if err != nil {
			return nil, fmt.Errorf("output_layers: %w", err)
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// refer reads ["name",use,output], a layer's first output.
func refer(text json.RawMessage) (ref reference, err error) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil || len(list) < 3 || json.Unmarshal(list[0], &ref.name) != nil || ref.name == "" || json.Unmarshal(list[1], &ref.use) != nil {
		return ref, fmt.Errorf("%.64s, want a layer's name and two numbers", text)
	}
	var output int
	if json.Unmarshal(list[2], &output) != nil || output != 0 {
		return ref, fmt.Errorf("output %.64s of %.64q, want 0", list[2], ref.name)
	}
	return ref, nil
}

// call is one use of a layer in files of Keras 3.
type call struct {
	Args   []json.RawMessage          `json:"args"`
	Kwargs map[string]json.RawMessage `json:"kwargs"`
}

// uses returns the inputs of each use, none for the input of the network. Keras 2
// has a list of uses, [["name",0,0,{}],…], Keras 3 a list of calls.
func (e entry) uses() (all [][]reference, err error) {
	var list []json.RawMessage
	if len(e.Inbound) > 0 && json.Unmarshal(e.Inbound, &list) != nil {
		return nil, errors.New("inbound_nodes, want a list")
	}
	for _, text := range list {
		refs, err := inputs(text)
		if err != nil {
			return nil, err
		}
		all = append(all, refs)
	}
	return all, nil
}

// inputs reads one use of a layer.
func inputs(text json.RawMessage) (refs []reference, err error) {
	var c call
	if json.Unmarshal(text, &c) == nil {
		return c.tensors()
	}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil || len(list) == 0 {
		return nil, fmt.Errorf("inbound_nodes %.64s, want a list of inputs", text)
	}
	var name string
	if json.Unmarshal(list[0], &name) == nil {
		return operands(text, list)
	}
	for _, text := range list {
		ref, err := refer(text)
		if err != nil {
			return nil, fmt.Errorf("inbound_nodes: %w", err)
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// operands reads ["name",0,0,{"y":2}], the operands of a TFOpLambda, which are
// references or numbers. A number in front is ["_CONSTANT_VALUE",-1,2,{"y":…}].
func operands(text json.RawMessage, list []json.RawMessage) (refs []reference, err error) {
	var more struct {
		Y json.RawMessage `json:"y"`
	}
	if len(list) > 3 && json.Unmarshal(list[3], &more) != nil {
		return nil, fmt.Errorf("inbound_nodes %.64s, want operands", text)
	}
	if len(list) > 2 && string(list[0]) == `"_CONSTANT_VALUE"` {
		text = list[2]
	}
	for _, text := range []json.RawMessage{text, more.Y} {
		if text == nil {
			continue
		}
		var ref reference
		if a, ok := literal(text); ok {
			ref.number = a
		} else if ref, err = refer(text); err != nil {
			return nil, fmt.Errorf("inbound_nodes: %w", err)
		}
		refs = append(refs, ref)
	}
	if !slices.ContainsFunc(refs, func(r reference) bool { return r.number == nil }) {
		return nil, fmt.Errorf("inbound_nodes %.64s, want an operand that is no number", text)
	}
	return refs, nil
}

// tensors returns the layers whose outputs a call has as arguments: tensors, or a
// list of them.
func (c call) tensors() (refs []reference, err error) {
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
		if a, ok := literal(arg); ok {
			refs = append(refs, reference{number: a})
			continue
		}
		if json.Unmarshal(arg, &t) != nil || t.Class != "__keras_tensor__" {
			return nil, fmt.Errorf("inbound_nodes: the argument %.64s, want a tensor", arg)
		}
		ref, err := refer(t.Config.History)
		if err != nil {
			return nil, fmt.Errorf("inbound_nodes: %w", err)
		}
		refs = append(refs, ref)
	}
	if !slices.ContainsFunc(refs, func(r reference) bool { return r.number == nil }) {
		return nil, errors.New("inbound_nodes: a call without a tensor")
	}
	return refs, nil
}
