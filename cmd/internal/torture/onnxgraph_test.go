package torture

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// onnxGraph is a file that grows by one node at a time. What a node computes is known before
// the next one is drawn, as ONNX Runtime runs the file each time: so nodes may be drawn
// freely, and what ONNX Runtime refuses is left out again.
type onnxGraph struct {
	*rand.Rand
	opset   int
	batches []int // of the inputs: the file's own, and another one
	open    bool  // the file leaves the batch open
	elem    onnxType
	shape   []int // of a sample
	x       [][]float64
	nodes   []onnxNode
	inits   []onnxTensor
	values  []onnxValue // the input first
	names   int
}

// onnxValue is a value with its numbers for each of the inputs.
type onnxValue struct {
	name    string
	elem    onnxType
	shapes  [][]int
	numbers [][]float64
	exact   bool    // without a rounding, so that what jumps may be computed of it
	shaped  bool    // computed of shapes and constants alone
	deep    int     // how many roundings it has
	size    float64 // of the numbers that its rounding is a part of: its own, or those that it is a small difference of
}

func (v onnxValue) shape() []int { return v.shapes[0] }
func (v onnxValue) dims() int    { return len(v.shapes[0]) }

// limits are the smallest and the largest size of a value's numbers, NaN and infinities
// apart, and whether there are such.
func (v onnxValue) limits() (low, high float64, special bool) {
	low = math.Inf(1)
	for _, numbers := range v.numbers {
		for _, x := range numbers {
			if a := math.Abs(x); a > 1e37 || a != a {
				special = true
			} else {
				low, high = min(low, a), max(high, a)
			}
		}
	}
	return min(low, high), high, special
}

// special reports whether a value has infinities, numbers that are none, or ones near the
// end of float32. ONNX does not say what is the largest of them, and ONNX Runtime's sums
// with weights of 0 make other ones of them than ours.
func (v onnxValue) special() bool {
	_, _, special := v.limits()
	return special
}

// integral reports whether numbers are exact multiples of 1/8 and of moderate size.
func (v onnxValue) integral() bool {
	for _, numbers := range v.numbers {
		for _, x := range numbers {
			if x*8 != math.Trunc(x*8) || math.Abs(x) > 1<<17 {
				return x != x || math.IsInf(x, 0)
			}
		}
	}
	return true
}

func newOnnxGraph(number uint64) *onnxGraph {
	g := &onnxGraph{Rand: rand.New(rand.NewPCG(number, 2)), elem: float32Type}
	g.opset = 6 + g.IntN(12)
	if g.IntN(4) == 0 {
		g.opset = 18 + g.IntN(4)
	}
	own := 1 + g.IntN(3)*g.IntN(2)
	g.batches = []int{own, own + 1 + g.IntN(2)}
	g.open = g.IntN(3) > 0
	if !g.open {
		g.batches[1] = own * 2
	}
	for range 1 + g.IntN(4) {
		g.shape = append(g.shape, 1+g.IntN(6))
	}
	if len(g.shape) > 1 && g.IntN(3) > 0 { // an image, mostly
		g.shape = []int{1 + g.IntN(6), 3 + g.IntN(8), 3 + g.IntN(8)}
	}
	if g.IntN(5) == 0 {
		g.elem = []onnxType{int64Type, int32Type, uint8Type, int8Type, boolType, float64Type}[g.IntN(6)]
	}
	special := g.IntN(8) == 0 && g.elem == float32Type && g.open // one that is in every input
	x := onnxValue{name: "x", elem: g.elem, exact: g.elem != float32Type || g.IntN(3) > 0}
	for i, b := range g.batches {
		shape := append([]int{b}, g.shape...)
		x.shapes = append(x.shapes, shape)
		if i > 0 && !g.open { // the first samples again, so that pieces can be compared
			x.numbers = append(x.numbers, slices.Concat(x.numbers[0], g.input(len(x.numbers[0]), x.exact, special)))
			continue
		}
		x.numbers = append(x.numbers, g.input(volume(shape), x.exact, special))
	}
	g.x, g.values = x.numbers, []onnxValue{x}
	return g
}

// input draws the numbers of an input.
func (g *onnxGraph) input(n int, exact, special bool) []float64 {
	v := make([]float64, n)
	for i := range v {
		switch {
		case g.elem == boolType:
			v[i] = float64(g.IntN(2))
		case g.elem == uint8Type:
			v[i] = float64(g.IntN(13))
		case !g.elem.float():
			v[i] = float64(g.IntN(25) - 12)
		case exact:
			v[i] = float64(g.IntN(65)-32) / 4
		default:
			v[i] = float64(float32(g.NormFloat64() * 2))
		}
		if special && g.IntN(12) == 0 {
			v[i] = []float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, math.Copysign(0, -1), float64(float32(1e38))}[g.IntN(6)]
		}
	}
	return v
}

// file is the last node with all that it needs; its outputs are the file's.
func (g *onnxGraph) file() []byte {
	nodes, inits := g.needed()
	var p protobuf
	for _, n := range nodes {
		p = p.bytes(1, n.message())
	}
	p = p.text(2, "torture")
	for _, t := range inits {
		p = p.bytes(5, t.message())
	}
	shape := append([]int{g.batches[0]}, g.shape...)
	if g.open {
		shape[0] = 0
	}
	p = p.bytes(11, inputMessage("x", g.elem, shape))
	for _, name := range nodes[len(nodes)-1].outputs {
		p = p.bytes(12, protobuf(nil).text(1, name))
	}
	return protobuf(nil).integer(1, 8).bytes(7, p).bytes(8, protobuf(nil).integer(2, int64(g.opset)))
}

// needed are the nodes and weights that the last node needs, with itself.
func (g *onnxGraph) needed() (nodes []onnxNode, inits []onnxTensor) {
	need := map[string]bool{}
	for i, n := range slices.Backward(g.nodes) {
		if i < len(g.nodes)-1 && !slices.ContainsFunc(n.outputs, func(name string) bool { return need[name] }) {
			continue
		}
		for _, in := range n.inputs {
			need[in] = true
		}
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	for _, t := range g.inits {
		if need[t.name] {
			inits = append(inits, t)
		}
	}
	return nodes, inits
}

func (g *onnxGraph) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "opset %d, input %v %v, batches %v, open %v", g.opset, g.elem, g.shape, g.batches, g.open)
	nodes, inits := g.needed()
	for _, t := range inits {
		fmt.Fprintf(&b, "\n\t%v", t)
	}
	for _, n := range nodes {
		fmt.Fprintf(&b, "\n\t%v", n)
	}
	return b.String()
}

func (g *onnxGraph) name() string {
	g.names++
	return fmt.Sprintf("v%d", g.names)
}

// node adds a node, whose last inputs may be "", and returns the name of its first output.
func (g *onnxGraph) node(kind string, inputs []string, attributes ...onnxAttribute) string {
	return g.nodeOf(1, kind, inputs, attributes...)
}

func (g *onnxGraph) nodeOf(outputs int, kind string, inputs []string, attributes ...onnxAttribute) string {
	for len(inputs) > 0 && inputs[len(inputs)-1] == "" {
		inputs = inputs[:len(inputs)-1]
	}
	n := onnxNode{kind: kind, inputs: inputs, attributes: attributes}
	for range outputs {
		n.outputs = append(n.outputs, g.name())
	}
	g.nodes = append(g.nodes, n)
	return n.outputs[0]
}

// constant is a tensor: a weight, or the result of a Constant.
func (g *onnxGraph) constant(elem onnxType, dims []int, numbers ...float64) string {
	t := onnxTensor{name: g.name(), elem: elem, dims: dims, numbers: numbers}
	if g.IntN(3) > 0 {
		g.inits = append(g.inits, t)
		return t.name
	}
	name := t.name
	t.name = ""
	g.nodes = append(g.nodes, onnxNode{kind: "Constant", outputs: []string{name}, attributes: []onnxAttribute{{"value", t}}})
	return name
}

// weights is a constant of numbers around 0; exact ones are quarters.
func (g *onnxGraph) weights(elem onnxType, exact bool, dims ...int) string {
	v := make([]float64, volume(dims))
	for i := range v {
		switch {
		case elem == boolType:
			v[i] = float64(g.IntN(2))
		case !elem.float():
			v[i] = float64(g.IntN(9) - 4*int(min(1, elem-uint8Type)))
		case exact:
			v[i] = float64(g.IntN(33)-16) / 4
		default:
			v[i] = float64(float32(g.NormFloat64()))
		}
	}
	return g.constant(elem, dims, v...)
}

func (g *onnxGraph) scalar(elem onnxType, v float64) string { return g.constant(elem, nil, v) }

func (g *onnxGraph) pick(names ...string) string { return names[g.IntN(len(names))] }

func (g *onnxGraph) yes(one int) bool { return g.IntN(one) == 0 }

// axis is a dimension as a file may write it.
func (g *onnxGraph) axis(v onnxValue) int {
	a := g.IntN(max(1, v.dims()))
	if g.yes(2) && g.opset >= 11 {
		return a - v.dims()
	}
	return a
}

// ints is a list of integers as an input: a constant, or computed of shapes. The lists are
// those wanted at each batch.
func (g *onnxGraph) ints(want ...[]int) string {
	if len(want) == 1 {
		want = append(want, want[0])
	}
	same := slices.Equal(want[0], want[1])
	if same && g.yes(3) {
		return g.list(want[0])
	}
	// A list that is there already, moved by a constant.
	for range 6 {
		v := g.values[g.IntN(len(g.values))]
		if !v.shaped || v.elem != int64Type || v.dims() != 1 || v.shape()[0] == 0 {
			continue
		}
		if name, ok := g.moved(v, want); ok {
			return name
		}
	}
	if same && (g.yes(2) || len(want[0]) == 0) {
		return g.list(want[0])
	}
	return g.gathered(want)
}

// list is a constant list.
func (g *onnxGraph) list(v []int) string {
	numbers := make([]float64, len(v))
	for i, n := range v {
		numbers[i] = float64(n)
	}
	return g.constant(int64Type, []int{len(v)}, numbers...)
}

// moved adds constants to a list of the graph, or to its first numbers, to make it the one
// that is wanted.
func (g *onnxGraph) moved(v onnxValue, want [][]int) (name string, ok bool) {
	n := len(want[0])
	if n == 0 || len(want[1]) != n {
		return "", false
	}
	name = v.name
	if v.shape()[0] != n {
		index := make([]int, n)
		for i := range index {
			index[i] = i % v.shape()[0]
		}
		if g.opset >= 11 && g.yes(2) {
			for i := range index {
				index[i] -= v.shape()[0]
			}
		}
		name = g.node("Gather", []string{name, g.list(index)}, onnxAttribute{"axis", 0})
	}
	by := make([]int, n)
	for i := range by {
		for b := range want {
			from := v.numbers[b]
			if len(from) != v.shape()[0] || math.Abs(from[i%len(from)]) > 1<<20 {
				return "", false
			}
			d := want[b][i] - int(from[i%len(from)])
			if b > 0 && d != by[i] {
				return "", false
			}
			by[i] = d
		}
	}
	if g.opset < 7 {
		return "", false
	}
	if !slices.ContainsFunc(by, func(d int) bool { return d != 0 }) {
		return name, true
	}
	if g.yes(2) {
		return g.node("Add", []string{name, g.list(by)}), true
	}
	for i := range by {
		by[i] = -by[i]
	}
	return g.node("Sub", []string{name, g.list(by)}), true
}

// gathered joins numbers out of shapes and constants.
func (g *onnxGraph) gathered(want [][]int) string {
	var parts []string
	for i := range want[0] {
		part := ""
		for range 8 {
			v := g.values[g.IntN(len(g.values))]
			at := -1
			for d := range v.dims() {
				if len(v.shapes[1]) == v.dims() && v.shapes[0][d] == want[0][i] && v.shapes[1][d] == want[1][i] {
					at = d
				}
			}
			if at < 0 {
				continue
			}
			shape := g.node("Shape", []string{v.name})
			switch {
			case g.opset >= 15 && g.yes(2):
				part = g.node("Shape", []string{v.name}, onnxAttribute{"start", at - v.dims()*g.IntN(2)}, onnxAttribute{"end", at + 1})
			case g.yes(2):
				part = g.sliced(shape, []int{at}, []int{at + 1}, []int{0}, nil)
			case g.yes(2):
				part = g.node("Gather", []string{shape, g.list([]int{at})}, onnxAttribute{"axis", 0})
			default:
				one := g.node("Gather", []string{shape, g.scalar(int64Type, float64(at))}, onnxAttribute{"axis", 0})
				part = g.withAxes("Unsqueeze", one, 13, []int{0})
			}
			break
		}
		if part == "" {
			part = g.list([]int{want[0][i]}) // wrong at the other batch, perhaps
		}
		parts = append(parts, part)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return g.node("Concat", parts, onnxAttribute{"axis", 0})
}

// withAxes is an operator whose axes are an attribute, and from a version on an input.
func (g *onnxGraph) withAxes(kind, x string, since int, axes []int, a ...onnxAttribute) string {
	if g.opset < since {
		return g.node(kind, []string{x}, append(a, onnxAttribute{"axes", axes})...)
	}
	return g.node(kind, []string{x, g.ints(axes)}, a...)
}

func (g *onnxGraph) sliced(x string, starts, ends, axes, steps []int) string {
	if g.opset < 10 {
		a := []onnxAttribute{{"starts", starts}, {"ends", ends}}
		if axes != nil {
			a = append(a, onnxAttribute{"axes", axes})
		}
		return g.node("Slice", []string{x}, a...)
	}
	in := []string{x, g.list(starts), g.list(ends), "", ""}
	if axes != nil {
		in[3] = g.list(axes)
	}
	if steps != nil {
		in[4] = g.list(steps)
	}
	return g.node("Slice", in)
}

// each maps the shapes of a value at both batches.
func (v onnxValue) each(f func(shape []int) []int) [][]int {
	var all [][]int
	for _, s := range v.shapes {
		all = append(all, f(s))
	}
	return all
}

// other is a second operand: a value that broadcasts, or a constant that does.
func (g *onnxGraph) other(v onnxValue, exact bool) (name string, rounded bool) {
	for range 3 {
		o := g.values[g.IntN(len(g.values))]
		if o.elem == v.elem && (o.exact || !exact) && broadcasts(v.shapes, o.shapes) {
			return o.name, !o.exact
		}
	}
	shape := slices.Clone(v.shape())
	for i := range shape {
		if g.yes(3) || v.shapes[1][min(i, len(v.shapes[1])-1)] != shape[i] {
			shape[i] = 1
		}
	}
	if len(shape) > 0 {
		shape = shape[g.IntN(len(shape)+1):]
	}
	if g.yes(8) {
		shape = append([]int{1}, shape...)
	}
	if volume(shape) > 5000 {
		shape = nil
	}
	exact = exact || g.yes(2)
	return g.weights(v.elem, exact, shape...), !exact
}

func broadcasts(a, b [][]int) bool {
	for k := range a {
		for i := range min(len(a[k]), len(b[k])) {
			x, y := a[k][len(a[k])-1-i], b[k][len(b[k])-1-i]
			if x != y && x != 1 && y != 1 {
				return false
			}
		}
	}
	return true
}
