package onnx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph"
)

// sketch is a file in short: nodes "a=Concat[axis:1](x,w) y=Split[axis:0;num_outputs:2](a)"
// from x to the last value, or to more outputs. Attributes are integers, lists of them, floats with a
// point, or text.
type sketch struct {
	nodes   string
	elem    int64 // of the input
	input   []int // a batch and a sample; a batch of 0 is free
	weights map[string]tensorProto
	outputs []string
	opset   int64 // 0 means 17
}

func (s sketch) proto(t testing.TB) *modelProto {
	t.Helper()
	g := &graphProto{Name: "g", Nodes: sketchedNodes(t, s.nodes)}
	if s.elem == 0 {
		s.elem = typeFloat
	}
	x := describeValue("x", s.input[1:])
	if x.Type.Tensor.Elem = s.elem; s.input[0] > 0 {
		x.Type.Tensor.Shape.Dims[0] = dimProto{Value: int64(s.input[0])}
	}
	g.Inputs = []valueProto{x}
	if s.outputs == nil {
		s.outputs = []string{g.Nodes[len(g.Nodes)-1].Outputs[0]}
	}
	for _, name := range s.outputs {
		g.Outputs = append(g.Outputs, valueProto{Name: name})
	}
	for name, w := range s.weights {
		w.Name = name
		g.Initializers = append(g.Initializers, w)
	}
	slices.SortFunc(g.Initializers, func(a, b tensorProto) int { return strings.Compare(a.Name, b.Name) })
	if s.opset == 0 {
		s.opset = 17
	}
	return &modelProto{IR: irVersion, Opsets: []opsetProto{{Version: s.opset}}, Graph: g}
}

func (s sketch) file(t testing.TB) []byte { return marshal(s.proto(t)) }

// model loads the sketch.
func (s sketch) model(t testing.TB) *Model {
	t.Helper()
	m, err := Load(s.file(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// job is the sketch for ONNX Runtime: its outputs have to have types for that.
func (s sketch) job(t *testing.T, name string, out int64, fetch string, x, want []float32) job {
	t.Helper()
	p := s.proto(t)
	for i := range p.Graph.Outputs {
		p.Graph.Outputs[i].Type = &typeProto{Tensor: &tensorTypeProto{Elem: out}}
	}
	shape := slices.Clone(s.input)
	shape[0] = len(x) / max(1, product(shape[1:]))
	j := newJob(t, name, marshal(p), shape, x, want)
	j.Type, j.Fetch = elementName(max(s.elem, typeFloat)), fetch
	return j
}

func sketchedNodes(t testing.TB, text string) (nodes []nodeProto) {
	t.Helper()
	for _, part := range strings.Fields(text) {
		out, call, _ := strings.Cut(part, "=")
		kind, inputs, _ := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		kind, attributes, _ := strings.Cut(strings.TrimSuffix(kind, "]"), "[")
		n := nodeProto{Op: kind, Name: strings.Split(out, ",")[0], Outputs: strings.Split(out, ",")}
		if inputs != "" {
			n.Inputs = strings.Split(inputs, ",")
		}
		for _, a := range strings.Split(attributes, ";") {
			if a != "" {
				n.Attributes = append(n.Attributes, sketchedAttribute(t, a))
			}
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func sketchedAttribute(t testing.TB, text string) attributeProto {
	t.Helper()
	name, value, _ := strings.Cut(text, ":")
	if f, err := strconv.ParseFloat(value, 32); err == nil && strings.ContainsAny(value, ".e") {
		return attributeFloat(name, f)
	}
	var ints []int
	for _, v := range strings.Split(value, ",") {
		i, err := strconv.Atoi(v)
		if err != nil {
			return attributeProto{Name: name, Type: attrString, String: value}
		}
		ints = append(ints, i)
	}
	if len(ints) == 1 && !slices.Contains([]string{"axes", "perm", "pads", "split", "kernel_shape"}, name) {
		return attributeInt(name, ints[0])
	}
	return attributeInts(name, ints...)
}

// computed runs a model on one batch, as it is.
func computed(t testing.TB, m *Model, shape []int, x []float32) (y []float32, to []int) {
	t.Helper()
	g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, shape...)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(g.Output().Float32s()), g.OutputShape()
}

// equalFloats compares values exactly; NaN is itself.
func equalFloats(t testing.TB, what string, got, want []float32) {
	t.Helper()
	same := func(a, b float32) bool { return a == b || a != a && b != b }
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("%s: got %v, want %v", what, short(got), short(want))
	}
}

func short(v []float32) string {
	if len(v) > 16 {
		return fmt.Sprint(v[:16], "…")
	}
	return fmt.Sprint(v)
}
