package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// Versions of the files that are written: the newest that the checker of Debian
// 12 can judge, and that has LayerNormalization.
const (
	irVersion = 8
	opset     = 17
)

// Names of a written file's input and output.
const (
	inputName  = "input"
	outputName = "output"
)

// Options say how a network is written. The zero value writes its prediction
// and every layer as it is.
type Options struct {
	Name          string            // of the graph; "" means tapenet
	Logits        bool              // the network's own output, without the SoftMax behind it
	Temperature   float64           // what the logits are divided by before the SoftMax; 0 means 1
	FoldBatchNorm bool              // into the weights of the convolution or dense layer before it, where there is one
	Metadata      map[string]string // free text for the reader
}

// Export writes a network for inference as an ONNX file. tensors are its
// weights, as a weights.File or graph.Weights.Map has them, and keep their
// names; input is the shape of one sample, as in 1,28,28. The file's input is
// (batch,…) float32, called input, its output is called output; the batch size is
// free.
//
// Layers that consist of ops of package op can be written, your own layers too;
// another package's ops cannot.
func (o Options) Export(l graph.Layer, tensors map[string]*tensor.Dense, input ...int) ([]byte, error) {
	root, err := o.build(l, tensors, input)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	e := newExporter(o, root)
	last := e.value(root)
	if e.err != nil {
		return nil, fmt.Errorf("onnx: %w", e.err)
	}
	e.finish(last)
	e.graph.Name = o.Name
	if o.Name == "" {
		e.graph.Name = "tapenet"
	}
	e.graph.Inputs = []valueProto{describeValue(inputName, input)}
	e.graph.Outputs = []valueProto{describeValue(outputName, root.Shape()[1:])}
	m := modelProto{IR: irVersion, Producer: "tapenet", Graph: &e.graph, Opsets: []opsetProto{{Version: opset}}}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		m.Metadata = append(m.Metadata, entryProto{key, o.Metadata[key]})
	}
	return marshal(&m), nil
}

// someBatch is the batch size of the graph that is read. It is told from others
// by being first.
const someBatch = 2

// build makes the graph and returns the node to write.
func (o Options) build(l graph.Layer, tensors map[string]*tensor.Dense, input []int) (*gorgonia.Node, error) {
	if !o.Logits {
		l = graph.Sequential{l, graph.Probabilities(o.Temperature)}
	}
	return graph.Trace(l, tensors, append([]int{someBatch}, input...)...)
}

// exporter writes one graph. As in a graph.Scope the first error stays, and
// after it every method returns nothing of use.
type exporter struct {
	Options
	graph graphProto
	names map[*gorgonia.Node]string // of the values that are written
	taken map[string]bool
	uses  map[*gorgonia.Node]int
	batch map[*gorgonia.Node]bool // see batched
	err   error
}

func newExporter(o Options, root *gorgonia.Node) *exporter {
	e := &exporter{
		Options: o,
		names:   map[*gorgonia.Node]string{},
		taken:   map[string]bool{inputName: true, outputName: true},
		uses:    map[*gorgonia.Node]int{},
		batch:   map[*gorgonia.Node]bool{},
	}
	e.count(root)
	return e
}

// count counts how often a node and those before it are used.
func (e *exporter) count(n *gorgonia.Node) {
	if e.uses[n]++; e.uses[n] > 1 {
		return
	}
	if n.Op() == nil {
		e.taken[n.Name()] = true
	}
	if d, ok := op.Describe(n); ok {
		for _, operand := range d.Operands {
			e.count(operand)
		}
	}
}

// value writes what computes a node, unless it is written, and returns the
// name of its value.
func (e *exporter) value(n *gorgonia.Node) string {
	if name, ok := e.names[n]; ok || e.err != nil {
		return name
	}
	name := n.Name()
	if n.Op() != nil {
		name = e.apply(n)
	} else if name != inputName {
		if name == outputName {
			name = e.unique(name)
		}
		e.weight(name, n.Shape(), n.Value().(*tensor.Dense).Float32s())
	}
	e.names[n] = name
	return name
}

func (e *exporter) values(nodes gorgonia.Nodes) []string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = e.value(n)
	}
	return names
}

// weighted writes the first operand of an op, and the others as weights: those that
// ops make of weights, such as a layer's turned filters, are computed here, as other
// programs want numbers in their place.
func (e *exporter) weighted(d op.Description) []string {
	names := []string{e.value(d.Operands[0])}
	for _, n := range d.Operands[1:] {
		if values, ok := op.Values(n); ok && n.Op() != nil && e.names[n] == "" {
			e.names[n] = e.renamed(n, e.nameOf(n))
			e.weight(e.names[n], n.Shape(), values)
		}
		names = append(names, e.value(n))
	}
	return names
}

// apply writes an op by its rule.
func (e *exporter) apply(n *gorgonia.Node) string {
	d, ok := op.Describe(n)
	rule := exportRules[d.Kind]
	if !ok || rule == nil {
		return e.fail("the op %v of %v has no translation, want one of package op", n.Op(), n.Shape())
	}
	return rule(e, n, d)
}

func (e *exporter) fail(format string, args ...any) string {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
	return ""
}

// emit writes one ONNX node and returns the name of its output.
func (e *exporter) emit(kind string, inputs []string, attributes ...attributeProto) string {
	out := e.unique(strings.ToLower(kind))
	e.graph.Nodes = append(e.graph.Nodes, nodeProto{Op: kind, Name: out, Inputs: inputs, Outputs: []string{out}, Attributes: attributes})
	return out
}

// unique returns a name that nothing else has.
func (e *exporter) unique(name string) string {
	unique := name
	for i := 1; e.taken[unique]; i++ {
		unique = name + "_" + strconv.Itoa(i)
	}
	e.taken[unique] = true
	return unique
}

// finish gives the last value the output's name.
func (e *exporter) finish(last string) {
	if i := len(e.graph.Nodes) - 1; i >= 0 && e.graph.Nodes[i].Outputs[0] == last {
		e.graph.Nodes[i].Outputs[0] = outputName
		return
	}
	e.graph.Nodes = append(e.graph.Nodes, nodeProto{Op: "Identity", Name: outputName, Inputs: []string{last}, Outputs: []string{outputName}})
}

// weight writes a tensor.
func (e *exporter) weight(name string, shape []int, values []float32) {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	e.graph.Initializers = append(e.graph.Initializers, tensorProto{Name: name, Type: typeFloat, Dims: int64s(shape), Raw: raw})
}

// scalar writes a number and returns its name.
func (e *exporter) scalar(v float64) string {
	name := e.unique("constant")
	e.weight(name, nil, []float32{float32(v)})
	return name
}

// shape writes a vector of integers and returns its name.
func (e *exporter) shape(v ...int) string {
	var raw []byte
	for _, i := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(i))
	}
	name := e.unique("shape")
	e.graph.Initializers = append(e.graph.Initializers, tensorProto{Name: name, Type: typeInt64, Dims: []int64{int64(len(v))}, Raw: raw})
	return name
}

// reshape writes a reshape of samples.
func (e *exporter) reshape(x string, sample ...int) string {
	return e.emit("Reshape", []string{x, e.shape(append([]int{-1}, sample...)...)})
}

func describeValue(name string, sample []int) valueProto {
	dims := []dimProto{{Param: "batch"}}
	for _, d := range sample {
		dims = append(dims, dimProto{Value: int64(d)})
	}
	return valueProto{Name: name, Type: &typeProto{Tensor: &tensorTypeProto{Elem: typeFloat, Shape: &shapeProto{dims}}}}
}

func int64s(v []int) []int64 {
	s := make([]int64, len(v))
	for i, x := range v {
		s[i] = int64(x)
	}
	return s
}

func attributeInts(name string, v ...int) attributeProto {
	return attributeProto{Name: name, Type: attrInts, Ints: int64s(v)}
}

func attributeInt(name string, v int) attributeProto {
	return attributeProto{Name: name, Type: attrInt, Int: int64(v)}
}

func attributeFloat(name string, v float64) attributeProto {
	return attributeProto{Name: name, Type: attrFloat, Float: float32(v)}
}
