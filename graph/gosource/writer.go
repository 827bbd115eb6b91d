package gosource

import (
	"encoding/binary"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/arena"
	"tapenet/graph/op"
)

// writer turns nodes into statements. As in a graph.Scope the first error stays,
// and after it what methods return is of no use.
type writer struct {
	uses       map[*gorgonia.Node]int
	values     map[*gorgonia.Node]*value
	buffers    []*value // in the order in which they are first set
	statements []statement
	layer      string // of the statements to come
	products   []float32
	others     []float32
	err        error
}

// value is what a node computes, for one image, or memory that a statement needs.
// An image is channels last.
type value struct {
	name    string
	shape   []int      // without the batch, as it lies in memory
	pending int        // uses that are still to be written
	span    arena.Span // its place in the memory of a call; a step is a statement
}

func (v *value) size() int { return tensor.Shape(v.shape).TotalSize() }

// statement is one line of the source.
type statement struct {
	layer string
	text  string
	sets  []*value // for the first time
}

func newWriter(root *gorgonia.Node) *writer {
	w := &writer{uses: map[*gorgonia.Node]int{}, values: map[*gorgonia.Node]*value{}}
	w.count(root)
	return w
}

// count counts how often a node and those before it are used.
func (w *writer) count(n *gorgonia.Node) {
	if w.uses[n]++; w.uses[n] > 1 {
		return
	}
	if d, ok := op.Describe(n); ok {
		for _, operand := range d.Operands {
			w.count(operand)
		}
	}
}

// value is a node's; it writes what computes it, unless that is written.
func (w *writer) value(n *gorgonia.Node) *value {
	if v := w.values[n]; v != nil || w.err != nil {
		return v
	}
	d, _ := op.Describe(n)
	rule := rules[d.Kind]
	switch {
	case n.Op() == nil:
		w.fail("the tensor %.64q is an operand of an op that takes none, want it in a product or a normalisation", n.Name())
	case rule == nil:
		w.fail("the op %v of %v cannot be written as Go, want one of %s", n.Op(), n.Shape(), known())
	case n.Dims() == 0 || n.Shape()[0] != 1:
		w.fail("the op %v has the result %v, want (1,…), the batch first", n.Op(), n.Shape())
	}
	if w.err != nil {
		return nil
	}
	v := rule(w, n, d)
	if w.err == nil {
		w.values[n] = v
		v.pending += w.uses[n]
	}
	return v
}

// known lists the kinds of ops that can be written.
func known() string {
	var kinds []string
	for kind := range rules {
		kinds = append(kinds, string(kind))
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

// operand is the first operand of an op. The rule that asks for it reads it once.
func (w *writer) operand(d op.Description) *value { return w.read(d.Operands[0]) }

func (w *writer) read(n *gorgonia.Node) *value {
	v := w.value(n)
	if w.err != nil {
		return &value{}
	}
	v.pending--
	return v
}

// changed is the first operand, for an op that works in place: itself, or a copy
// if others are still to read it.
func (w *writer) changed(n *gorgonia.Node) *value {
	v := w.read(n)
	if w.err != nil || v.pending == 0 {
		return v
	}
	y := w.new(v.shape...)
	w.write([]*value{y, v}, "copy(%s, %s)", y.name, v.name)
	return y
}

// new makes memory for a value.
func (w *writer) new(shape ...int) *value {
	v := &value{name: fmt.Sprintf("v%d", len(w.buffers)), shape: shape, span: arena.Span{First: -1}}
	w.buffers = append(w.buffers, v)
	return v
}

// write appends a statement that takes part of the values.
func (w *writer) write(of []*value, format string, args ...any) {
	if w.err != nil {
		return
	}
	s := statement{layer: w.layer, text: fmt.Sprintf(format, args...)}
	for _, v := range of {
		if v.span.First < 0 {
			v.span.First = len(w.statements)
			s.sets = append(s.sets, v)
		}
		v.span.Last = len(w.statements)
	}
	w.statements = append(w.statements, s)
}

func (w *writer) fail(format string, args ...any) *value {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
	return &value{}
}

// weight returns the values of a node's tensor, or of what is made of tensors. The
// statements to come belong to the layer that the tensor's name begins with.
func (w *writer) weight(n *gorgonia.Node) []float32 {
	values, ok := op.Values(n)
	if !ok {
		w.fail("the weights %v are made of the input or not float32, want a tensor, or what ops make of tensors", n.Shape())
		return nil
	}
	w.layer = path.Dir(op.Leaf(n).Name())
	return values
}

// product stores weights in blocks of four; see plain.four.
func (w *writer) product(values []float32) (source string) {
	lo := len(w.products) / 4
	w.products = append(w.products, values...)
	return fmt.Sprintf("products[%d:%d]", lo, len(w.products)/4)
}

// other stores other weights.
func (w *writer) other(values []float32) (source string) {
	lo := len(w.others)
	w.others = append(w.others, values...)
	return fmt.Sprintf("others[%d:%d]", lo, len(w.others))
}

// blob is the file of weights.
func (w *writer) blob() []byte {
	b := make([]byte, 0, 4*(len(w.products)+len(w.others)))
	for _, values := range [][]float32{w.products, w.others} {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// network writes all of it, from the pixels to the result.
func (w *writer) network(o Options, root *gorgonia.Node, input [3]int) {
	c, h, width := input[0], input[1], input[2]
	x := w.new(h, width, c)
	w.layer = "input"
	w.write([]*value{x}, "transpose(%s, pixels, %d, %d)", x.name, c, h*width)
	if o.Preprocessing.Mean != nil {
		scale, shift := make([]float32, c), make([]float32, c)
		for i, a := range o.Preprocessing.Normalisation() {
			scale[i], shift[i] = a.Scale, a.Shift
		}
		w.write([]*value{x}, "affine(%s, %s, %s)", x.name, w.other(scale), w.other(shift))
	}
	w.bind(root, x)
	if y := w.read(root); w.err == nil {
		w.write([]*value{y}, "return slices.Clone(%s)", y.name)
	}
}

// bind makes x the value of the network's input.
func (w *writer) bind(n *gorgonia.Node, x *value) {
	if n.Op() == nil && n.Name() == "input" {
		w.values[n], x.pending = x, w.uses[n]
		return
	}
	if d, ok := op.Describe(n); ok {
		for _, operand := range d.Operands {
			w.bind(operand, x)
		}
	}
}

// place gives the values their places in the memory of a call, and returns its size.
func (w *writer) place() (size int) {
	spans := make([]*arena.Span, len(w.buffers))
	for i, v := range w.buffers {
		v.span.Size, spans[i] = v.size(), &v.span
	}
	return arena.Place(spans)
}

// comment is a shape, for people.
func (v *value) comment() string { return strings.ReplaceAll(fmt.Sprint(v.shape), " ", ",") }
