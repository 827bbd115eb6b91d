package onnx

import (
	"math"
	"slices"
)

// Exporters write what their format has no operator for in pieces: GELU as five
// operators, LayerNorm as nine. A pattern finds such pieces in the list of nodes and
// puts one node in their place, of an operator of this package's own, which files
// cannot name. It takes only pieces whose values nobody else reads.
//
// A pattern is a function of the last node of its pieces. It returns the node that
// does their work, or nil; see patternList.

// ownDomain is the domain of the operators of this package's own, and of ONNX's that
// files write in pieces.
const ownDomain = "tapenet"

// pattern returns the node that does the work of n and of the pieces before it, with
// n's outputs, or nil if n is not the last of such pieces.
type pattern func(p *pieces, n *nodeProto) *nodeProto

// patternList is tried in order: the one that takes more pieces comes first.
var patternList = []pattern{gelu, hardSwish, hardSigmoid, silu, layerNorm, biased}

// pieces is a list of nodes with what patterns ask about it.
type pieces struct {
	*Model
	by    map[string]*nodeProto // the node that computes a value
	reads map[string]int        // how often a value is read; the network's output once more
}

// simplify replaces the pieces that patterns find, and drops the nodes whose values
// nobody reads.
func (m *Model) simplify() {
	for range maxDepth { // what was found may be a piece of something larger
		if !m.simplified() {
			return
		}
	}
}

// simplified replaces the patterns that it finds in one walk over the nodes, and
// reports whether it found any.
func (m *Model) simplified() (found bool) {
	p := &pieces{Model: m, by: map[string]*nodeProto{}, reads: map[string]int{m.output: 1}}
	for i := range m.nodes {
		n := &m.nodes[i]
		for _, out := range n.Outputs {
			p.by[out] = n
		}
		for _, in := range n.Inputs {
			p.reads[in]++
		}
	}
	for i := range m.nodes {
		for _, f := range patternList {
			if n := f(p, &m.nodes[i]); n != nil {
				n.Name, n.Outputs, n.Domain = m.nodes[i].Name, m.nodes[i].Outputs[:1], ownDomain
				m.nodes[i], found = *n, true
				break
			}
		}
	}
	m.drop()
	return found
}

// drop leaves out the nodes that the output does not need, and masks that nobody reads.
func (m *Model) drop() {
	needed := map[string]bool{m.output: true}
	var nodes []nodeProto
	for _, n := range slices.Backward(m.nodes) {
		if !slices.ContainsFunc(n.Outputs, func(out string) bool { return needed[out] }) {
			continue
		}
		for _, in := range n.Inputs {
			needed[in] = true
		}
		if n.Op == "Dropout" && len(n.Outputs) > 1 && !needed[n.Outputs[1]] {
			n.Outputs = n.Outputs[:1] // nobody reads its mask, which is as large as the value
		}
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	m.nodes = nodes
}

// inner is the node that computes a value that is read only so often, and is of the
// given operator; nil if it is not.
func (p *pieces) inner(value, op string, reads int) *nodeProto {
	n := p.by[value]
	if n == nil || n.Op != op || p.reads[value] != reads || value != n.Outputs[0] {
		return nil
	}
	return n
}

// number is the one number that a constant is, NaN for any other value.
func (p *pieces) number(value string) float64 {
	c, ok := p.constants[value]
	if n := p.by[value]; n != nil && n.Op == "Constant" {
		c, ok = n.value()
	}
	if !ok || c.ints != nil || len(c.floats) != 1 {
		return math.NaN()
	}
	return float64(c.floats[0])
}

// value is the tensor of a Constant, if it is a small one: of a large one nothing is read
// to find that out.
func (n *nodeProto) value() (c constant, ok bool) {
	for _, a := range n.Attributes {
		switch {
		case a.Name == "value_float":
			return constant{floats: []float32{a.Float}}, true
		case a.Name == "value" && a.Tensor != nil:
			if size, err := a.Tensor.size(); err != nil || size > maxDims {
				return c, false
			}
			c, err := a.Tensor.constant()
			return c, err == nil
		}
	}
	return c, false
}

// nearly reports whether two numbers are one but for what float32 makes of it.
func nearly(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }

// weight is the initializer that a value is, perhaps under another name.
func (p *pieces) weight(value string) (c constant, ok bool) {
	for range maxDepth {
		if c, ok = p.constants[value]; ok {
			return c, true
		}
		n := p.by[value]
		if n == nil || n.Op != "Identity" {
			return c, false
		}
		value = n.Inputs[0]
	}
	return c, false
}

// factors are what a node multiplies: values, and the product of all constants.
type factors struct {
	number float64
	values []string
}

// multiplied follows products, and quotients by a number, to their factors. Those
// that others read are factors as they are.
func (p *pieces) multiplied(n *nodeProto, depth int) (f factors) {
	f.number = 1
	for i, in := range n.Inputs {
		v := p.number(in)
		switch {
		case v == v && n.Op == "Mul":
			f.number *= v
			continue
		case v == v && i == 1 && n.Op == "Div":
			f.number /= v
			continue
		}
		before := p.inner(in, "Mul", 1)
		if before == nil {
			before = p.inner(in, "Div", 1)
		}
		if before == nil || depth == 0 || i == 1 && n.Op == "Div" || before.Op == "Div" && p.number(before.Inputs[1]) != p.number(before.Inputs[1]) {
			f.values = append(f.values, in)
			continue
		}
		inner := p.multiplied(before, depth-1)
		f.number *= inner.number
		f.values = append(f.values, inner.values...)
	}
	return f
}

// product is the factors of a node that is a product, or a quotient by a number.
func (p *pieces) product(n *nodeProto) (f factors, ok bool) {
	if n.Domain == ownDomain || n.Op != "Mul" && (n.Op != "Div" || p.number(n.in(1)) != p.number(n.in(1))) {
		return f, false
	}
	return p.multiplied(n, 3), true
}

// plus is the other operand of a sum of a number and a value; ok is false for any
// other node.
func (p *pieces) plus(n *nodeProto, number float64) (value string, ok bool) {
	if n == nil {
		return "", false
	}
	for i, in := range n.Inputs[:2] {
		if nearly(p.number(in), number) {
			return n.in(1 - i), true
		}
	}
	return "", false
}

// gelu is x·(1 + erf(x/√2))/2, its factors in any order.
func gelu(p *pieces, n *nodeProto) *nodeProto {
	f, ok := p.product(n)
	if !ok || len(f.values) != 2 || !nearly(f.number, 0.5) {
		return nil
	}
	for i, x := range f.values {
		erf, _ := p.plus(p.inner(f.values[1-i], "Add", 1), 1)
		if e := p.inner(erf, "Erf", 1); e != nil && p.scaled(e.Inputs[0], x, 1/math.Sqrt2) {
			return &nodeProto{Op: "Gelu", Inputs: []string{x}}
		}
	}
	return nil
}

// scaled reports whether a value that is read once is x times a number.
func (p *pieces) scaled(value, x string, number float64) bool {
	n := p.by[value]
	if n == nil || p.reads[value] != 1 {
		return false
	}
	f, ok := p.product(n)
	return ok && len(f.values) == 1 && f.values[0] == x && nearly(f.number, number)
}

// silu is x·sigmoid(x).
func silu(p *pieces, n *nodeProto) *nodeProto {
	f, ok := p.product(n)
	if !ok || len(f.values) != 2 || f.number != 1 {
		return nil
	}
	for i, x := range f.values {
		if s := p.inner(f.values[1-i], "Sigmoid", 1); s != nil && s.Inputs[0] == x {
			return &nodeProto{Op: "SiLU", Inputs: []string{x}}
		}
	}
	return nil
}

// hardSwish is x·hardsigmoid(x), as that operator of slope 1/6 or in pieces.
func hardSwish(p *pieces, n *nodeProto) *nodeProto {
	f, ok := p.product(n)
	if !ok || len(f.values) != 2 {
		return nil
	}
	for i, x := range f.values {
		other := f.values[1-i]
		whole := f.number == 1 && p.hardSigmoid(p.inner(other, "HardSigmoid", 1), x)
		if whole || nearly(f.number, 1.0/6) && p.upToSix(other, x) {
			return &nodeProto{Op: "HardSwish", Inputs: []string{x}}
		}
	}
	return nil
}

// hardSigmoid reports whether a node is HardSigmoid of x as PyTorch has it.
func (p *pieces) hardSigmoid(n *nodeProto, x string) bool {
	if n == nil || n.Inputs[0] != x {
		return false
	}
	alpha, beta := 0.2, 0.5
	for _, a := range n.Attributes {
		switch a.Name {
		case "alpha":
			alpha = float64(a.Float)
		case "beta":
			beta = float64(a.Float)
		}
	}
	return nearly(alpha, 1.0/6) && nearly(beta, 0.5)
}

// upToSix reports whether a value that is read once is min(max(x+3,0),6).
func (p *pieces) upToSix(value, x string) bool {
	n := p.inner(value, "Clip", 1)
	if n == nil {
		return false
	}
	lo, hi := p.number(n.in(1)), p.number(n.in(2))
	for _, a := range n.Attributes { // before version 11
		switch a.Name {
		case "min":
			lo = float64(a.Float)
		case "max":
			hi = float64(a.Float)
		}
	}
	of, ok := p.plus(p.inner(n.Inputs[0], "Add", 1), 3)
	return ok && of == x && lo == 0 && hi == 6
}

// hardSigmoid is min(max(x+3,0),6)/6.
func hardSigmoid(p *pieces, n *nodeProto) *nodeProto {
	f, ok := p.product(n)
	if !ok || len(f.values) != 1 || !nearly(f.number, 1.0/6) {
		return nil
	}
	clip := p.inner(f.values[0], "Clip", 1)
	if clip == nil {
		return nil
	}
	x, ok := p.plus(p.inner(clip.Inputs[0], "Add", 1), 3)
	if !ok || !p.upToSix(f.values[0], x) {
		return nil
	}
	return &nodeProto{Op: "HardSigmoid", Inputs: []string{x}, Attributes: []attributeProto{attributeFloat("alpha", 1.0/6), attributeFloat("beta", 0.5)}}
}

// biased is the product with a matrix and the sum with a vector, both of weights.
func biased(p *pieces, n *nodeProto) *nodeProto {
	if n.Op != "Add" || n.Domain == ownDomain {
		return nil
	}
	for i, in := range n.Inputs[:2] {
		product, bias := p.inner(in, "MatMul", 1), n.in(1-i)
		if product == nil || len(product.Inputs) != 2 {
			continue
		}
		w, ok := p.weight(product.Inputs[1])
		v, ok2 := p.weight(bias)
		if ok && ok2 && len(w.shape) == 2 && w.ints == nil && v.ints == nil && slices.Equal(v.shape, w.shape[1:]) {
			return &nodeProto{Op: "MatMul", Inputs: []string{product.Inputs[0], product.Inputs[1], bias}}
		}
	}
	return nil
}
