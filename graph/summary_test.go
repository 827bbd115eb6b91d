package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

func TestSummaryGolden(t *testing.T) {
	m := build(t, graph.Options{}, smallCNN(), graph.Train, 2, 1, 8, 8)
	graphtest.Golden(t, *update, "small_cnn.txt", m.Summary())
}

func TestSummaryWithoutState(t *testing.T) {
	m := build(t, graph.Options{}, graph.Dense{Units: 100}, graph.Infer, 64, 1000)
	const want = `layer  output      parameters  multiply-adds per sample
input  (64, 1000)  0           0
dense  (64, 100)   100,100     100,000
total              100,100     100,000
`
	if got := m.Summary(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The list of nodes has each op of each layer, all under names of their own,
// and operands before those that read them.
func TestNodes(t *testing.T) {
	named := func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { // an op twice, and one whose text is no name
		s = s.Sub("named")
		return s.Binary(gorgonia.Add, s.Unary(gorgonia.Tanh, s.Unary(gorgonia.Tanh, x)), x)
	}
	for _, l := range []graph.Layer{smallCNN(), graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}, graph.LayerFunc(named)}} {
		for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
			checkOrder(t, build(t, graph.Options{}, l, mode, 2, 1, 8, 8))
			unfused := build(t, graph.Options{NoFusion: true}, l, mode, 2, 1, 8, 8)
			checkOrder(t, unfused)
			ops := map[string][]string{}
			for _, n := range unfused.Nodes() {
				if n.Op != "" {
					ops[n.Layer] = append(ops[n.Layer], n.Op)
				}
			}
			for _, l := range unfused.Layers() {
				if !slices.Equal(ops[l.Path], l.Ops) {
					t.Errorf("%v: the nodes of layer %q are %q, want its ops %q", mode, l.Path, ops[l.Path], l.Ops)
				}
			}
		}
	}
}

// checkOrder demands names that differ, operands first, and that only results
// are read by no other node.
func checkOrder(t *testing.T, m *graph.Model) {
	t.Helper()
	before, unread := map[string]graph.Node{}, map[string]bool{}
	for _, n := range m.Nodes() {
		if _, twice := before[n.Name]; twice || n.Name == "" || strings.ContainsAny(n.Name, " +") {
			t.Errorf("%v: name %q, want another", m.Mode, n.Name)
		}
		if !strings.HasPrefix(n.Name, n.Layer) {
			t.Errorf("%v: name %q, want it to begin with its layer's path %q", m.Mode, n.Name, n.Layer)
		}
		if (n.Op != "") != (len(n.Inputs) > 0) {
			t.Errorf("%v: %+v, want an op that reads something or a tensor that does not", m.Mode, n)
		}
		for _, in := range n.Inputs {
			if _, ok := before[in]; !ok {
				t.Errorf("%v: %s reads %q, want a node before it", m.Mode, n.Name, in)
			}
			delete(unread, in)
		}
		before[n.Name], unread[n.Name] = n, true
	}
	want := 1 // the loss, or the prediction
	if m.Mode == graph.Eval {
		want = 2
	}
	if len(unread) != want || before["input"].Op != "" || before["input"].Shape == nil {
		t.Errorf("%v: nobody reads %v, want %d results; the input is %+v", m.Mode, unread, want, before["input"])
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567", -999: "-999", -123456: "-123,456"} {
		if got := graph.Thousands(n); got != want {
			t.Errorf("Thousands(%d) is %s, want %s", n, got, want)
		}
	}
}

// parts is a layer of a file's operators: a convolution whose bias comes from an
// operator of its own that adds no op, an activation, the same once more, which is no
// new node, and a Dense that is a layer of ours.
var parts = graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	defer s.Part("", "")
	s.Part("bias", "Identity")
	bias := s.Param("b", graph.Zeros, 4)
	s.Part("conv", "Conv")
	x = s.Node(op.Conv2d(x, s.Param("w", graph.HeNormal, 4, 1, 3, 3), bias, op.Conv{}))
	s.Part("act", "Relu")
	y := s.Node(op.ReLU(x))
	s.Part("same", "Identity")
	y = s.Node(y, nil)
	s.Part("conv", "Flatten") // the name once more
	y = s.Node(op.Reshape(y, y.Shape()[0], 4*36))
	s.Part("inner", "Gemm")
	y = s.Apply(graph.Dense{Units: 3}, y)
	return y
})

// TestParts: the parts of a layer have lines of their own, and the tensors the names
// that they have without parts.
func TestParts(t *testing.T) {
	net, err := graph.NewNetwork(parts, []int{1, 8, 8}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := net.Weights.Names(); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"b", "dense/bias", "dense/weight", "w"}) {
		t.Errorf("weights %q", got)
	}
	m := build(t, graph.Options{}, parts, graph.Infer, 2, 1, 8, 8)
	const want = `layer   operator  output        parameters  multiply-adds per sample
input             (2, 1, 8, 8)  0           0
conv    Conv      (2, 4, 6, 6)  40          1,296
act     Relu      (2, 4, 6, 6)  0           0
conv_1  Flatten   (2, 144)      0           0
inner   Gemm      (2, 3)        435         432
total                           475         1,728
conv, act run as Conv2d+ReLU
`
	if got := m.Summary(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	watched := build(t, graph.Options{Watch: "conv"}, parts, graph.Infer, 2, 1, 8, 8)
	if err := watched.Run(); err != nil {
		t.Fatal(err)
	}
	if got := watched.Watched().Shape(); !slices.Equal(got, []int{2, 4, 6, 6}) {
		t.Errorf("watched %v, want the convolution's (2,4,6,6)", got)
	}
}

// TestUnreadParts: a tensor that no op reads is the layer's.
func TestUnreadParts(t *testing.T) {
	m := build(t, graph.Options{}, graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		s = s.Sub("file")
		s.Part("unused", "Identity")
		s.Param("w", graph.Zeros, 5)
		s.Part("act", "Relu")
		x = s.Node(op.ReLU(x))
		s.Part("", "")
		return x
	}), graph.Infer, 2, 3)
	var got []string
	for _, l := range m.Layers() {
		got = append(got, fmt.Sprint(l.Path, l.Kind, l.Params))
	}
	if want := []string{"file/actRelu0", "file5"}; !slices.Equal(got, want) {
		t.Errorf("layers %q, want %q", got, want)
	}
}
