package onnx

import (
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// maxSteps is the most steps of a recurrent network, in both directions together: each
// becomes nodes of the graph.
const maxSteps = 512

// recurrent is an LSTM, GRU or RNN that is being unrolled.
type recurrent struct {
	b         *builder
	kind      string
	gates     int
	hidden    int
	steps     int
	batch     int
	clip      float64
	before    bool // GRU's reset gate before the product; linear_before_reset is the other way
	functions []func(x *value) *value
}

// cells are the operators, with the number of their gates and their default functions.
var cells = map[string]struct {
	gates     int
	functions []string
}{
	"LSTM": {4, []string{"Sigmoid", "Tanh", "Tanh"}},
	"GRU":  {3, []string{"Sigmoid", "Tanh"}},
	"RNN":  {1, []string{"Tanh"}},
}

// arrangeRecurrent unrolls a recurrent network (Hochreiter and Schmidhuber 1997; Cho et
// al. 2014) over its steps. x is (steps,batch,inputs), or (batch,steps,inputs) with
// layout 1. It has all hidden states (steps,directions,batch,hidden), the last ones
// (directions,batch,hidden), and of an LSTM the last cells.
func arrangeRecurrent(b *builder, x *value) *value {
	if len(x.shape()) != 3 {
		b.fail("input is %v, want (steps,batch,inputs)", x.shape())
		return nil
	}
	batched := b.attrInt("layout", 0) != 0
	if batched {
		x = b.viewed(x, x.view.permuted([]int{1, 0, 2}))
	}
	r, directions, ok := b.recurrent(x)
	if !ok {
		return nil
	}
	var all, last, lastCells []*value
	for d := range directions {
		y, h, c := r.direction(x, d, directions > 1 && d == 1 || b.attrText("direction") == "reverse")
		if y == nil {
			return nil
		}
		all, last, lastCells = append(all, y), append(last, h), append(lastCells, c)
	}
	results := []*value{b.stacked(all, 2), b.stacked(last, 1)} // (batch,steps,directions,hidden) and (batch,directions,hidden)
	if r.kind == "LSTM" {
		results = append(results, b.stacked(lastCells, 1))
	}
	for i, v := range results {
		if v == nil {
			return nil
		}
		if !batched {
			v = b.viewed(v, v.view.permuted([][]int{{1, 2, 0, 3}, {1, 0, 2}}[min(i, 1)]))
		}
		if results[i] = v; i < len(b.now.Outputs) && b.now.Outputs[i] != "" && v != nil {
			named := *v // one value may be several results
			named.name = b.now.Outputs[i]
			b.values[named.name] = &named
		}
	}
	return results[0]
}

// recurrent reads the attributes.
func (b *builder) recurrent(x *value) (r recurrent, directions int, ok bool) {
	s, w, h := x.shape(), b.value(1), b.value(2)
	cell := cells[b.now.Op]
	if directions = 1; b.attrText("direction") == "bidirectional" {
		directions = 2
	}
	if w == nil || h == nil || len(w.shape()) != 3 || len(h.shape()) != 3 {
		b.fail("weights of other dimensions, want (directions,gates·hidden,inputs) and (directions,gates·hidden,hidden)")
		return r, 0, false
	}
	n := h.shape()[2]
	r = recurrent{b: b, kind: b.now.Op, gates: cell.gates, hidden: n, steps: s[0], batch: s[1], clip: b.attrFloat("clip", 0), before: b.attrInt("linear_before_reset", 0) == 0}
	if !slices.Equal(w.shape(), []int{directions, r.gates * n, s[2]}) || !slices.Equal(h.shape(), []int{directions, r.gates * n, n}) || b.attrInt("hidden_size", n) != n {
		b.fail("weights %v and %v, want (%d,%d,%d) and (%d,%d,%d)", w.shape(), h.shape(), directions, r.gates*n, s[2], directions, r.gates*n, n)
		return r, 0, false
	}
	if s[0]*directions > maxSteps {
		b.fail("%d steps in %d directions, want at most %d in all", s[0], directions, maxSteps)
		return r, 0, false
	}
	if lengths, known := b.ints(4); b.has(4) && (!known || slices.ContainsFunc(lengths, func(l int) bool { return l != s[0] })) || b.attrInt("input_forget", 0) != 0 {
		b.fail("samples of different lengths, or input and forget gate in one, want neither")
		return r, 0, false
	}
	return r, directions, r.activations(cell.functions, directions)
}

// activations finds the functions of the gates, of each direction.
func (r *recurrent) activations(names []string, directions int) bool {
	b := r.b
	names = slices.Repeat(names, directions)
	if a := b.attribute("activations"); a != nil {
		if len(a.Strings) != len(names) {
			b.fail("activations %q, want %d", a.Strings, len(names))
			return false
		}
		names = a.Strings
	}
	if b.attribute("activation_alpha") != nil || b.attribute("activation_beta") != nil {
		b.fail("activations with parameters, want Sigmoid, Tanh, Relu or Softsign")
		return false
	}
	for _, name := range names {
		f := map[string]builtCurve{"sigmoid": curves["Sigmoid"], "tanh": curves["Tanh"], "relu": importReLU, "softsign": curves["Softsign"]}[strings.ToLower(name)]
		if f == nil {
			b.fail("activation %.64q, want Sigmoid, Tanh, Relu or Softsign", name)
			return false
		}
		r.functions = append(r.functions, func(x *value) *value {
			if x == nil {
				return nil
			}
			return each(f)(b, x)
		})
	}
	return true
}

// direction runs over the steps in one direction, and has all states (batch,steps,
// hidden) in the order of the steps, and the last state and cell. A state or cell that
// is nil is zero: there is none before the first step.
func (r *recurrent) direction(x *value, d int, reverse bool) (y, h, c *value) {
	b, f := r.b, r.functions[d*len(r.functions)/max(1, r.directions()):]
	weights := b.matrixOf(b.value(2), d)
	inputs := b.matMul(x, b.matrixOf(b.value(1), d), nil) // (steps,batch,gates·hidden)
	bias, ok := r.bias(d)
	if inputs == nil || weights == nil || !ok {
		return nil, nil, nil
	}
	if h, c = r.initial(5, d), r.initial(6, d); b.s.Err() != nil {
		return nil, nil, nil
	}
	states := make([]*value, r.steps)
	for i := range states {
		t := i
		if reverse {
			t = r.steps - 1 - i
		}
		in := b.at(inputs, 0, t)
		if in == nil {
			return nil, nil, nil
		}
		switch r.kind {
		case "LSTM":
			h, c = r.lstm(in, h, c, weights, bias, f, d)
		case "GRU":
			h = r.gru(in, h, weights, bias, f)
		default:
			h = f[0](r.limited(r.plus(b.sum(in, b.sum(bias[0], bias[1])), r.times(h, weights))))
		}
		if h == nil {
			return nil, nil, nil
		}
		states[t] = h
	}
	return b.stacked(states, 1), h, c
}

func (r *recurrent) directions() int { return r.b.value(1).shape()[0] }

// matrixOf is the matrix of a direction, transposed.
func (b *builder) matrixOf(v *value, d int) *value {
	m := b.at(b.held(v), 0, d)
	if m == nil {
		return nil
	}
	return b.viewed(m, m.view.permuted([]int{1, 0}))
}

// bias are the biases of the inputs and of the states, of one direction.
func (r *recurrent) bias(d int) (both [2]*value, ok bool) {
	b, n := r.b, r.gates*r.hidden
	v := b.held(b.value(3))
	if v == nil {
		zeros := &value{constant: constant{shape: []int{n}, floats: make([]float32, n)}, name: b.unused(b.now.Outputs[0] + "/bias")}
		return [2]*value{zeros, zeros}, true
	}
	if v = b.at(v, 0, d); v == nil || !slices.Equal(v.shape(), []int{2 * n}) {
		b.fail("biases of another shape, want (directions,%d)", 2*n)
		return both, false
	}
	for i := range both {
		both[i] = b.span(v, 0, i*n, n)
	}
	return both, both[0] != nil && both[1] != nil
}

// times is the product of a state and weights, nil for a state of zeros.
func (r *recurrent) times(h, weights *value) *value {
	if h == nil {
		return nil
	}
	return r.b.matMul(h, weights, nil)
}

// plus is a sum with something that may be zero.
func (r *recurrent) plus(x, y *value) *value {
	if y == nil {
		return x
	}
	return r.b.sum(x, y)
}

// product is a product with something that may be zero.
func (r *recurrent) product(x, y *value) *value {
	if y == nil {
		return nil
	}
	return r.b.product(x, y)
}

// initial is a state or cell before the first step: an input, or nil for zeros.
func (r *recurrent) initial(input, d int) *value {
	b := r.b
	v := b.held(b.value(input))
	if v == nil {
		return nil
	}
	if b.attrInt("layout", 0) != 0 && len(v.shape()) == 3 {
		v = b.viewed(v, v.view.permuted([]int{1, 0, 2}))
	}
	return b.at(v, 0, d)
}

// gate is one gate's part of the numbers of all.
func (r *recurrent) gate(v *value, i int) *value {
	if v == nil {
		return nil
	}
	return r.b.span(v, len(v.shape())-1, i*r.hidden, r.hidden)
}

// limited bounds the operand of a function, if the network does.
func (r *recurrent) limited(x *value) *value {
	if r.clip == 0 || x == nil {
		return x
	}
	return r.b.each(x, func(x *gorgonia.Node) *gorgonia.Node { return r.b.do(op.Map(x, op.LimitFunction(-r.clip, r.clip))) })
}

// lstm is a step: gates i, o, f and candidates c; peepholes P let the cell open gates.
//
//	C = f∘C + i∘c      H = o∘tanh(C)
func (r *recurrent) lstm(in, h, c, weights *value, bias [2]*value, f []func(*value) *value, d int) (_, _ *value) {
	b := r.b
	all := r.plus(b.sum(in, b.sum(bias[0], bias[1])), r.times(h, weights))
	peep := func(i int, gate, c *value) *value {
		p := b.held(b.value(7))
		if p == nil || gate == nil || c == nil {
			return gate
		}
		return b.sum(gate, b.product(c, b.span(b.at(p, 0, d), 0, i*r.hidden, r.hidden)))
	}
	input := f[0](r.limited(peep(0, r.gate(all, 0), c)))
	forget := f[0](r.limited(peep(2, r.gate(all, 2), c)))
	candidate := f[1](r.limited(r.gate(all, 3)))
	c = r.plus(b.product(input, candidate), r.product(forget, c))
	output := f[0](r.limited(peep(1, r.gate(all, 1), c)))
	if c == nil {
		return nil, nil
	}
	return b.product(output, f[2](c)), c
}

// gru is a step: gates z and r, and candidates h.
//
//	H = (1-z)∘h + z∘H = h + z∘(H-h)
func (r *recurrent) gru(in, h, weights *value, bias [2]*value, f []func(*value) *value) *value {
	b, n := r.b, r.hidden
	in = b.sum(in, bias[0])
	var update, reset, candidate *value
	if r.before {
		states := r.plus(b.span(bias[1], 0, 0, 2*n), r.times(h, b.span(weights, 1, 0, 2*n)))
		update, reset = f[0](r.limited(b.sum(r.gate(in, 0), r.gate(states, 0)))), f[0](r.limited(b.sum(r.gate(in, 1), r.gate(states, 1))))
		state := r.plus(b.span(bias[1], 0, 2*n, n), r.times(r.product(reset, h), b.span(weights, 1, 2*n, n)))
		candidate = f[1](r.limited(b.sum(r.gate(in, 2), state)))
	} else {
		states := r.plus(bias[1], r.times(h, weights))
		update, reset = f[0](r.limited(b.sum(r.gate(in, 0), r.gate(states, 0)))), f[0](r.limited(b.sum(r.gate(in, 1), r.gate(states, 1))))
		candidate = f[1](r.limited(b.sum(r.gate(in, 2), b.product(reset, r.gate(states, 2)))))
	}
	if candidate == nil {
		return nil
	}
	return b.sum(candidate, b.product(update, r.plus(candidate.times(-1), h)))
}

// at is one position along an axis, without that.
func (b *builder) at(x *value, axis, i int) *value {
	y := b.span(x, axis, i, 1)
	if y == nil {
		return nil
	}
	return b.shaped(y, slices.Delete(slices.Clone(y.shape()), axis, axis+1))
}

// span is a part of an axis.
func (b *builder) span(x *value, axis, from, size int) *value {
	if x = b.held(x); x == nil {
		return nil
	}
	cuts := make([]cut, len(x.shape()))
	for i, d := range x.shape() {
		cuts[i] = cut{0, 1, d}
	}
	if axis >= len(cuts) || from+size > cuts[axis].size {
		b.fail("a part of %v, want one of %d from %d on", x.shape(), size, from)
		return nil
	}
	cuts[axis] = cut{from, 1, size}
	return b.cut(x, cuts)
}

// stacked puts values side by side along a new axis.
func (b *builder) stacked(all []*value, axis int) *value {
	var nodes []*gorgonia.Node
	for _, v := range all {
		if v == nil {
			return nil
		}
		v = b.shaped(v, slices.Insert(slices.Clone(v.shape()), axis, 1))
		if v == nil {
			return nil
		}
		nodes = append(nodes, b.node(v))
	}
	if len(nodes) == 1 {
		return valueOf(nodes[0])
	}
	return valueOf(b.do(op.Concat(axis, nodes...)))
}
