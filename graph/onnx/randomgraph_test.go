package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// randomGraph makes a file of random nodes that fit together: numbers of images go
// through operators of floats, while a second graph of integers computes the shapes,
// axes and indices that these read, from constants and from the shapes of values.
type randomGraph struct {
	*rand.Rand
	opset int
	batch int  // the samples of the file's input
	open  bool // the file leaves their number free

	nodes  []nodeProto
	inits  []tensorProto
	input  randomValue
	values []randomValue // what nodes have computed, the input first
	names  int
}

// randomValue is a value of the graph.
type randomValue struct {
	name  string
	elem  int64
	shape []int // with the file's batch
	at    int   // the dimension of the samples, -1 if nobody knows

	// Values that are exact are whole multiples of 2^-grid, and at most bound: what jumps,
	// such as Floor, is computed of them alone, as rounding does not move them across.
	exact bool
	grid  int
	bound float64
}

// newRandomGraph makes the graph of a seed.
func newRandomGraph(seed uint64) *randomGraph {
	g := &randomGraph{Rand: rand.New(rand.NewPCG(seed, 15))}
	g.opset = 7 + g.IntN(15)
	g.batch = 1 + g.IntN(3)
	g.open = g.IntN(2) == 0
	if !g.open && g.IntN(3) > 0 {
		g.batch = 1
	}
	shape := []int{g.batch}
	for range 1 + g.IntN(4) {
		shape = append(shape, 1+g.IntN(5))
	}
	if len(shape) == 4 { // images, mostly
		shape[1], shape[2], shape[3] = 1+g.IntN(6), 4+g.IntN(5), 4+g.IntN(5)
	}
	g.input = randomValue{name: "x", elem: typeFloat, shape: shape, exact: true, grid: 3, bound: 4}
	if g.IntN(4) == 0 {
		g.input.elem = []int64{typeDouble, typeHalf, typeUint8, typeInt8, typeInt32, typeInt64, typeBool}[g.IntN(7)]
	}
	if integral(g.input.elem) {
		g.input.grid, g.input.bound = 0, 9
	}
	g.values = []randomValue{g.input}
	g.grow()
	return g
}

// grow adds nodes until there are some.
func (g *randomGraph) grow() {
	if g.input.elem == typeHalf || g.input.elem == typeBool || g.IntN(3) > 0 && g.input.elem != typeFloat {
		g.add(g.casted(g.input, typeFloat))
	}
	for size, tries := 2+g.IntN(9), 0; tries < 200 && size > 0; tries++ {
		x := g.values[len(g.values)-1]
		if g.IntN(4) == 0 {
			x = g.values[g.IntN(len(g.values))]
		}
		table := floatOperators
		if integral(x.elem) {
			table = wholeOperators
		}
		if y, ok := table[g.IntN(len(table))](g, x); ok && product(y.shape) <= 1<<14 && len(y.shape) < 6 {
			g.add(y)
			size--
		}
	}
}

func (g *randomGraph) add(y randomValue) { g.values = append(g.values, y) }

// file is the file whose output is a value of the graph, with what that needs.
func (g *randomGraph) file(output string) *modelProto {
	m := &Model{output: output, nodes: slices.Clone(g.nodes)}
	m.drop()
	used := map[string]bool{}
	for _, n := range m.nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	var inits []tensorProto
	for _, t := range g.inits {
		if used[t.Name] {
			inits = append(inits, t)
		}
	}
	in := describeValue("x", g.input.shape[1:])
	in.Type.Tensor.Elem = g.input.elem
	if !g.open {
		in.Type.Tensor.Shape.Dims[0] = dimProto{Value: int64(g.batch)}
	}
	return &modelProto{IR: irVersion, Opsets: []opsetProto{{Version: int64(g.opset)}}, Graph: &graphProto{
		Name: "random", Nodes: m.nodes, Initializers: inits, Inputs: []valueProto{in}, Outputs: []valueProto{{Name: output}},
	}}
}

// name is a name that nobody has.
func (g *randomGraph) name() string {
	g.names++
	return fmt.Sprintf("v%d", g.names)
}

// node adds a node with one output, and returns its name.
func (g *randomGraph) node(kind string, inputs []string, attributes ...attributeProto) string {
	out := g.name()
	for len(inputs) > 0 && inputs[len(inputs)-1] == "" {
		inputs = inputs[:len(inputs)-1]
	}
	g.nodes = append(g.nodes, nodeProto{Op: kind, Inputs: inputs, Outputs: []string{out}, Attributes: attributes})
	return out
}

// weights is a constant of floats: an initializer, or the result of a Constant.
func (g *randomGraph) weights(elem int64, exact bool, shape ...int) randomValue {
	t := tensorProto{Name: g.name(), Type: elem, Dims: int64s(shape)}
	size := product(shape)
	y := randomValue{name: t.Name, elem: elem, shape: shape, at: -1, exact: exact, grid: 2, bound: 4}
	numbers := make([]float64, size)
	for i := range numbers {
		if numbers[i] = g.Float64()*2 - 1; exact {
			numbers[i] = float64(g.IntN(33)-16) / 4
		}
		if integral(elem) {
			numbers[i], y.grid = float64(g.IntN(9)), 0
		}
	}
	if elem == typeBool {
		for i := range numbers {
			numbers[i] = float64(g.IntN(2))
		}
	}
	t.Raw = rawOf(elem, numbers)
	g.constant(t)
	if y.bound = 4; integral(elem) {
		y.bound = 8
	}
	return y
}

// constant puts a tensor somewhere: among the weights, or into a node.
func (g *randomGraph) constant(t tensorProto) {
	if g.IntN(3) > 0 {
		g.inits = append(g.inits, t)
		return
	}
	name := t.Name
	t.Name = ""
	g.nodes = append(g.nodes, nodeProto{Op: "Constant", Outputs: []string{name}, Attributes: []attributeProto{{Name: "value", Type: attrTensor, Tensor: &t}}})
}

// other is a second operand for a value: a constant that is broadcast with it, a number,
// or a value of the graph that fits. exact asks for one that is exact.
func (g *randomGraph) other(x randomValue, exact bool) randomValue {
	if g.IntN(3) == 0 {
		for range 8 {
			y := g.values[g.IntN(len(g.values))]
			if _, ok := broadcastShapes(x.shape, y.shape); ok && y.elem == x.elem && (y.exact || !exact) {
				return y
			}
		}
	}
	shape := slices.Clone(x.shape)
	for i := range shape {
		if shape[i] == g.batch && x.at == i || g.IntN(3) == 0 {
			shape[i] = 1
		}
	}
	shape = shape[g.IntN(len(shape)+1):]
	if g.IntN(8) == 0 && len(shape) > 0 { // one that makes the value larger
		for i, d := range x.shape[len(x.shape)-len(shape):] {
			if d == 1 && i+len(x.shape)-len(shape) != x.at {
				shape[i] = 2
			}
		}
	}
	return g.weights(x.elem, exact || g.IntN(2) == 0, shape...)
}

func broadcastShapes(x, y []int) (to []int, ok bool) {
	to = make([]int, max(len(x), len(y)))
	for i := range to {
		a, b := fromEnd(x, len(to)-1-i), fromEnd(y, len(to)-1-i)
		if a != b && a != 1 && b != 1 {
			return nil, false
		}
		to[i] = max(a, b)
	}
	return to, true
}

// withShape is x after an operator that gives it a shape; where the samples are then,
// is told by at.
func (x randomValue) withShape(name string, shape []int, at int) randomValue {
	x.name, x.shape, x.at = name, shape, at
	return x
}

// inexact is x after an operator that rounds.
func (x randomValue) inexact(name string) randomValue {
	x.name, x.exact = name, false
	return x
}

// small reports whether what an operator makes is still exact in float32.
func (x randomValue) small() bool { return x.bound*math.Ldexp(1, x.grid) < 1<<20 && x.grid < 18 }

// casted is a value of another type.
func (g *randomGraph) casted(x randomValue, to int64) randomValue {
	if integral(to) {
		x.grid = 0
	}
	if to == typeBool {
		x.bound = 1
	}
	x.name, x.elem = g.node("Cast", []string{x.name}, attributeInt("to", int(to))), to
	return x
}

// axis is one of some dimensions, counted from either end.
func (g *randomGraph) axis(dims int) (axis, written int) {
	axis = g.IntN(dims)
	if g.IntN(2) == 0 {
		return axis, axis - dims
	}
	return axis, axis
}

// newRandomNumbers are the numbers of an input of a graph.
func newRandomNumbers(seed uint64, input int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(1000+input)))
}
