package onnx

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// several is a file with three outputs, of which the last needs an operator that is
// not read.
func several() sketch {
	return sketch{
		nodes:   "h=Gemm[transB:1](x,w) r=Relu(h) y=Softmax(r) top=ArgMax[axis:1;keepdims:0](r) odd=StringSplit(h)",
		input:   []int{0, 4},
		weights: map[string]tensorProto{"w": filters(3, 4)},
		outputs: []string{"y", "top", "odd"},
	}
}

// TestOutputs: a file with several outputs computes the first, and with With any
// other value, without the nodes that it does not need.
func TestOutputs(t *testing.T) {
	s := several()
	p := s.proto(t)
	p.Graph.Outputs[0] = describeValue("y", []int{3})
	p.Graph.Outputs[1] = valueProto{Name: "top", Type: &typeProto{Tensor: &tensorTypeProto{Elem: typeInt64, Shape: &shapeProto{[]dimProto{{Param: "batch"}}}}}}
	m, err := Load(marshal(p))
	if err != nil {
		t.Fatal(err)
	}
	want := []Output{{"y", []int{3}, "float32"}, {"top", nil, "int64"}, {"odd", nil, ""}}
	if got := m.Outputs(); !reflect.DeepEqual(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
	if got := m.Output(); !reflect.DeepEqual(got, want[0]) {
		t.Errorf("output %v, want %v", got, want[0])
	}
	x := noise(8)
	var jobs []job
	for _, name := range []string{"y", "r", "h", "top"} {
		other, err := m.With(name)
		if err != nil {
			t.Fatal(err)
		}
		if other.Output().Name != name {
			t.Errorf("output %v, want %s", other.Output(), name)
		}
		got, _ := computed(t, other, []int{2, 4}, x)
		alone := several()
		alone.nodes, alone.outputs = strings.Split(alone.nodes, " odd=")[0], []string{name}
		kind := int64(typeFloat)
		if name == "top" {
			kind = typeInt64
		}
		jobs = append(jobs, alone.job(t, name, kind, name, x, got))
	}
	for name, want := range map[string]string{
		"odd":  `onnx: output "odd": node "odd": the operator "StringSplit"  is not supported`,
		"w":    `onnx: no node computes a value "w", want an output ("y", "top", "odd")`,
		"none": `onnx: no node computes a value "none"`,
	} {
		if other, err := m.With(name); err == nil || !strings.Contains(err.Error(), want) || other != nil {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	runtimeAgrees(t, jobs)
}

// TestOutputsShareWeights: of a weight that is wanted as it is by one output and
// transposed by another there are two.
func TestOutputsShareWeights(t *testing.T) {
	s := sketch{
		nodes: "h=Gemm[transB:1](x,w) v=MatMul(h,w) z=Relu(h)", input: []int{0, 3},
		weights: map[string]tensorProto{"w": filters(3, 3)}, outputs: []string{"h", "v"},
	}
	first := s.model(t)
	second, err := first.With("v")
	if err != nil {
		t.Fatal(err)
	}
	third, err := second.With("z")
	if err != nil {
		t.Fatal(err)
	}
	x := noise(6)
	var jobs []job
	for _, m := range []*Model{second, first, third} {
		y, _ := computed(t, m, []int{2, 3}, x)
		s.outputs = []string{m.Output().Name}
		jobs = append(jobs, s.job(t, m.Output().Name, typeFloat, "", x, y))
	}
	runtimeAgrees(t, jobs)
}

// TestUnusedInput: an input that the output does not need does not count.
func TestUnusedInput(t *testing.T) {
	p := sketch{nodes: "y=Relu(x) z=Add(y,size)", input: []int{0, 3}, outputs: []string{"y", "z"}}.proto(t)
	p.Graph.Inputs = append(p.Graph.Inputs, valueProto{Name: "size", Type: &typeProto{Tensor: &tensorTypeProto{Elem: typeInt64}}})
	m, err := Load(marshal(p))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.With("z"); err == nil || !strings.Contains(err.Error(), `2 inputs "x" of float32, "size" of int64, want one`) {
		t.Errorf("error %v, want one about two inputs", err)
	}
}

// TestSummary: a line for each node that adds an op, with its name or that of its
// output, and no new names of weights; a tied bias is counted where it is read.
func TestSummary(t *testing.T) {
	s := sketch{
		nodes:   "tied=Identity(b) c=Conv(x,w,tied) r=Relu(c) s=Shape(r) f=Flatten(r) y=Gemm[transB:1](f,v)",
		input:   []int{0, 1, 4, 4},
		weights: map[string]tensorProto{"w": filters(2, 1, 3, 3), "b": filters(2), "v": filters(3, 8)},
	}
	p := s.proto(t)
	p.Graph.Nodes[2].Name = "/act/Relu"
	m, err := Load(marshal(p))
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(net.Weights.Names())); !slices.Equal(got, []string{"b", "v", "w"}) {
		t.Errorf("weights %q, want the file's b, v, w", got)
	}
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		t.Fatal(err)
	}
	const want = `layer      operator  output        parameters  multiply-adds per sample
input                (1, 1, 4, 4)  0           0
c          Conv      (1, 2, 2, 2)  20          72
/act/Relu  Relu      (1, 2, 2, 2)  0           0
y          Gemm      (1, 3)        24          24
total                              44          96
c, /act/Relu run as Conv2d+ReLU
`
	if got := one.Summary(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
