package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/graph/raster"
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
	Batch         int               // the one batch size that the file is for; 0 means any
	Metadata      map[string]string // free text for the reader

	// Preprocessing puts all that a picture goes through in front of the network.
	// The file's input is then pictures, bytes (batch,height,width,3) of red, green
	// and blue in any size, and its operators are of version 18. nil leaves it out.
	Preprocessing *raster.Preprocessing
}

// Export writes a network for inference as an ONNX file. tensors are its
// weights, as a weights.File or graph.Weights.Map has them, and keep their
// names; input is the shape of one sample, as in 1,28,28. The file's input is
// (batch,…) float32, called input, its output is called output; the batch size is
// free. A network that cannot do with any batch size, such as one that mixes samples
// or computes with their number, is refused unless Options.Batch says one: then the
// file is for that one.
//
// Layers that consist of ops of package op can be written, your own layers too;
// another package's ops cannot.
func (o Options) Export(l graph.Layer, tensors map[string]*tensor.Dense, input ...int) ([]byte, error) {
	if n := bytesOf(tensors); n > mostBytes {
		return nil, fmt.Errorf("onnx: the weights have %d MB, want less than 2048, which is what an ONNX file can hold", n>>20)
	}
	g, err := o.graph(l, tensors, input)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	m := modelProto{IR: irVersion, Producer: "tapenet", Graph: g, Opsets: []opsetProto{{Version: int64(o.version())}}}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		m.Metadata = append(m.Metadata, entryProto{key, o.Metadata[key]})
	}
	return marshal(&m), nil
}

// mostBytes is what a message of protocol buffers can hold.
const mostBytes = math.MaxInt32

// bytesOf is the memory of tensors.
func bytesOf(tensors map[string]*tensor.Dense) (n int64) {
	for _, t := range tensors {
		n += int64(t.Shape().TotalSize()) * int64(t.Dtype().Size())
	}
	return n
}

// someBatch is the batch size of the graph that is read, if any will do. It is told
// from others by being first. The graph for otherBatch has to give the same file.
const (
	someBatch  = 2
	otherBatch = 3
)

// graph writes the graph of a file.
func (o Options) graph(l graph.Layer, tensors map[string]*tensor.Dense, input []int) (*graphProto, error) {
	if !o.Logits {
		l = graph.Sequential{l, graph.Probabilities(o.Temperature)}
	}
	if o.Batch > 0 {
		e, err := o.traced(l, tensors, o.Batch, input, false)
		if err != nil {
			return nil, err
		}
		for _, ends := range [][]valueProto{e.graph.Inputs, e.graph.Outputs} {
			ends[0].Type.Tensor.Shape.Dims[0] = dimProto{Value: int64(o.Batch)}
		}
		return &e.graph, nil
	}
	e, err := o.traced(l, tensors, someBatch, input, false)
	if err != nil {
		return nil, fmt.Errorf("%w; for one batch size alone, Options.Batch says it", err)
	}
	other, err := o.traced(l, tensors, otherBatch, input, true)
	if err != nil {
		return nil, fmt.Errorf("%w; for one batch size alone, Options.Batch says it", err)
	}
	if at := e.differs(other); at != "" {
		return nil, fmt.Errorf("%s is of one batch size alone, want Options.Batch to say it", at)
	}
	return &e.graph, nil
}

// traced writes the graph for a batch size. With sums alone it has no numbers of
// tensors, but sums of their bytes.
func (o Options) traced(l graph.Layer, tensors map[string]*tensor.Dense, batch int, input []int, sums bool) (*exporter, error) {
	root, err := graph.Trace(l, tensors, append([]int{batch}, input...)...)
	if err != nil {
		return nil, err
	}
	e := newExporter(o, root)
	e.size, e.sumsAlone = batch, sums
	in := describeValue(inputName, input)
	if o.Preprocessing != nil {
		in = describePictures()
		if err := e.preprocess(*o.Preprocessing, input); err != nil {
			return nil, err
		}
	}
	last := e.value(root)
	if e.err != nil {
		return nil, e.err
	}
	e.finish(last)
	e.graph.Name = o.Name
	if o.Name == "" {
		e.graph.Name = "tapenet"
	}
	e.graph.Inputs = []valueProto{in}
	e.graph.Outputs = []valueProto{describeValue(outputName, root.Shape()[1:])}
	return e, nil
}

// differs names the first node or tensor in which two files for different batch sizes
// are not the same, "" if there is none.
func (e *exporter) differs(other *exporter) string {
	for i := range e.graph.Nodes {
		if i >= len(other.graph.Nodes) || !reflect.DeepEqual(e.graph.Nodes[i], other.graph.Nodes[i]) {
			return e.graph.Nodes[i].title()
		}
	}
	for i, t := range e.graph.Initializers {
		if i >= len(other.graph.Initializers) || t.Name != other.graph.Initializers[i].Name || !slices.Equal(t.Dims, other.graph.Initializers[i].Dims) || e.sums[i] != other.sums[i] {
			return fmt.Sprintf("tensor %.64q", t.Name)
		}
	}
	return ""
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
	size  int                     // of the batch
	err   error

	sums      []uint64 // of the bytes of initializers
	sumsAlone bool
}

func newExporter(o Options, root *gorgonia.Node) *exporter {
	e := &exporter{
		Options: o,
		names:   map[*gorgonia.Node]string{},
		taken:   map[string]bool{inputName: true, outputName: true, picturesName: true},
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
	var raw []byte
	if !e.sumsAlone {
		raw = make([]byte, 0, 4*len(values))
	}
	sum := uint64(0)
	for _, v := range values {
		bits := math.Float32bits(v)
		if sum = sum*hashPrime + uint64(bits) + 1; !e.sumsAlone {
			raw = binary.LittleEndian.AppendUint32(raw, bits)
		}
	}
	e.initializer(tensorProto{Name: name, Type: typeFloat, Dims: int64s(shape), Raw: raw}, sum)
}

// hashPrime is FNV's, by which the sums of two lists of numbers differ.
const hashPrime = 1099511628211

// initializer adds a tensor, with the sum of its numbers.
func (e *exporter) initializer(t tensorProto, sum uint64) {
	e.graph.Initializers, e.sums = append(e.graph.Initializers, t), append(e.sums, sum)
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
	sum := uint64(0)
	for _, i := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(i))
		sum = sum*hashPrime + uint64(i) + 1
	}
	name := e.unique("shape")
	e.initializer(tensorProto{Name: name, Type: typeInt64, Dims: []int64{int64(len(v))}, Raw: raw}, sum)
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

func attributeText(name, v string) attributeProto {
	return attributeProto{Name: name, Type: attrString, String: v}
}

func attributeInt(name string, v int) attributeProto {
	return attributeProto{Name: name, Type: attrInt, Int: int64(v)}
}

func attributeFloat(name string, v float64) attributeProto {
	return attributeProto{Name: name, Type: attrFloat, Float: float32(v)}
}
