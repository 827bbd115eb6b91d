package topology

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// step is a layer with its place in the network. Networks inside the network are
// taken apart.
type step struct {
	entry
	place  Place
	inputs []int // numbers of values: 0 is the network's input, i+1 the output of step i
	first  int   // the step that is the first use of the layer, this one if there is no other
	shared bool  // the layer is used several times

	numbers map[int]*Array // operands that are numbers, by their places among the inputs
}

// parser collects the steps in an order in which each comes behind its inputs.
type parser struct {
	steps []step
	first map[string]int // the first use of a layer, by its place
	bytes int            // of all that was read: a network that is used twice is read twice
}

// parse returns the steps of a topology, and its outputs.
func parse(text []byte) ([]step, []end, error) {
	var t topology
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, nil, fmt.Errorf("topology: %w", plain(err))
	}
	if t.ModelConfig != nil {
		t = *t.ModelConfig
	}
	p := &parser{first: map[string]int{}}
	root := entry{Class: t.Class, Raw: t.Config}
	if !isModel(t.Class) {
		return nil, nil, fmt.Errorf("the model's class is %.64q, want Sequential, Model or Functional", t.Class)
	}
	ends, err := p.model(root, 0, Place{Names: []string{root.id()}}, maxNested)
	if err != nil {
		return nil, nil, err
	}
	if len(p.steps) == 0 {
		return nil, nil, errors.New("no layers")
	}
	for _, s := range p.steps {
		if s.shared {
			p.steps[s.first].shared = true
		}
	}
	return p.steps, ends, nil
}

func isModel(class string) bool {
	return class == "Sequential" || class == "Model" || class == "Functional"
}

// settings are the config of a network.
type settings struct {
	Layers []entry         `json:"layers"`
	Output json.RawMessage `json:"output_layers"`
}

// model adds the layers of a network with one input, and returns its outputs.
func (p *parser) model(e entry, in int, place Place, depth int) ([]end, error) {
	var s settings
	if depth == 0 {
		return nil, fmt.Errorf("more than %d networks in each other", maxNested)
	}
	if json.Unmarshal(e.Raw, &s.Layers) != nil { // old files of a Sequential have the list alone
		s = settings{}
		if err := json.Unmarshal(e.Raw, &s); err != nil {
			return nil, fmt.Errorf("layers: %w", plain(err))
		}
	}
	if len(s.Layers) == 0 {
		return nil, errors.New("no layers")
	}
	if len(s.Layers) > maxLayers {
		return nil, fmt.Errorf("%d layers, want at most %d", len(s.Layers), maxLayers)
	}
	places := place.inside(s.Layers)
	if e.Class != "Sequential" {
		return p.functional(s, in, places, depth)
	}
	out, last := in, ""
	for i, l := range s.Layers {
		var err error
		if out, err = p.entry(l, []int{out}, nil, places[i], depth); err != nil {
			return nil, err
		}
		last = l.id()
	}
	return []end{{name: last, value: out}}, nil
}

// entry adds a layer, or the layers of a network inside.
func (p *parser) entry(e entry, inputs []int, numbers map[int]*Array, place Place, depth int) (out int, err error) {
	if p.bytes += len(e.Raw); p.bytes > maxRead {
		return 0, fmt.Errorf("networks that are used several times have more than %d bytes", maxRead)
	}
	if isModel(e.Class) {
		if n := len(inputs) + len(numbers); n != 1 {
			return 0, fmt.Errorf("%s: %d inputs, want one", e.title(), n)
		}
		ends, err := p.model(e, inputs[0], place, depth-1)
		if err == nil && len(ends) != 1 {
			err = fmt.Errorf("%d outputs, want one of a network inside the network", len(ends))
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", e.title(), err)
		}
		return ends[0].value, nil
	}
	if _, known := rules[e.Class]; known || merges[e.Class] != nil || e.Class == "TFOpLambda" {
		if err := json.Unmarshal(e.Raw, &e.config); err != nil {
			return 0, fmt.Errorf("%s: %w", e.title(), plain(err))
		}
	}
	if e.config.Name == "" {
		e.config.Name = e.id()
	}
	if len(p.steps) == maxLayers {
		return 0, fmt.Errorf("more than %d layers", maxLayers)
	}
	first, again := p.first[place.Saved]
	if !again {
		first = len(p.steps)
		p.first[place.Saved] = first
	}
	p.steps = append(p.steps, step{entry: e, place: place, inputs: inputs, first: first, shared: again, numbers: numbers})
	return len(p.steps), nil
}

// inside returns the places of a network's layers. Keras names the groups of a
// .keras file by the class, and numbers the ones of a class from 1 on behind the
// first.
func (p Place) inside(layers []entry) []Place {
	places := make([]Place, len(layers))
	seen := map[string]int{}
	for i, e := range layers {
		name := snake(e.Class)
		n := seen[name]
		seen[name]++
		if n > 0 {
			name += "_" + strconv.Itoa(n)
		}
		saved := "layers/" + name
		if p.Saved != "" {
			saved = p.Saved + "/" + saved
		}
		places[i] = Place{append(p.Names[:len(p.Names):len(p.Names)], e.id()), saved}
	}
	return places
}

// snake writes a class's name as Keras does: Conv2D is conv2d, MaxPooling2D is
// max_pooling2d, ReLU is re_lu. An underscore comes before a capital letter that
// small letters follow, and between a small letter and a capital one.
func snake(class string) string {
	var first, out strings.Builder
	letters := make([]rune, 0, len(class))
	for _, c := range class {
		if c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			letters = append(letters, c)
		}
	}
	capital := func(c rune) bool { return c >= 'A' && c <= 'Z' }
	small := func(c rune) bool { return c >= 'a' && c <= 'z' }
	for i, c := range letters {
		if i > 0 && capital(c) && i+1 < len(letters) && small(letters[i+1]) {
			first.WriteByte('_')
		}
		first.WriteRune(c)
	}
	last := ' '
	for _, c := range first.String() {
		if small(last) && capital(c) {
			out.WriteByte('_')
		}
		out.WriteRune(c)
		last = c
	}
	return strings.ToLower(out.String())
}

// functional adds the layers of a functional network, each as soon as its inputs
// are there.
func (p *parser) functional(s settings, in int, places []Place, depth int) (ends []end, err error) {
	g, err := connect(s.Layers)
	if err != nil {
		return nil, err
	}
	uses, names, err := g.outputs(s.Output)
	if err != nil {
		return nil, err
	}
	values, done := make([]int, len(g.of)), 0
	ready := []int{g.input}
	for ; len(ready) > 0; done++ {
		at := ready[0]
		ready = ready[1:]
		inputs := []int{in}
		if at != g.input {
			inputs = nil
			for _, from := range g.from[at] {
				inputs = append(inputs, values[from])
			}
		}
		if values[at], err = p.entry(s.Layers[g.of[at]], inputs, g.numbers[at], places[g.of[at]], depth); err != nil {
			return nil, err
		}
		for _, to := range g.to[at] {
			if g.open[to]--; g.open[to] == 0 {
				ready = append(ready, to)
			}
		}
	}
	if done < len(g.of) {
		return nil, fmt.Errorf("%d of %d layers lie on the way from the input: the others form a circle", done, len(g.of))
	}
	for i, use := range uses {
		ends = append(ends, end{name: names[i], value: values[use]})
	}
	return ends, nil
}
