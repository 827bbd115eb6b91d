package graph_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// paths lists the layers of a built network.
func paths(m *graph.Model) []string {
	var names []string
	for _, l := range m.Layers() {
		names = append(names, l.Path)
	}
	return names
}

func TestScopeNames(t *testing.T) {
	conv := graph.Conv2D{Filters: 1, Kernel: 1, NoBias: true}
	m := build(t, graph.Options{}, graph.Sequential{
		conv, conv,
		graph.Residual{Body: conv, Shortcut: conv},
		graph.Residual{Body: graph.Sequential{conv, graph.Residual{Body: conv}}},
		graph.Flatten{},
	}, graph.Train, 1, 1, 2, 2)
	want := []string{
		"conv2d", "conv2d_1",
		"residual/conv2d", "residual/shortcut/conv2d", "residual",
		"residual_1/conv2d", "residual_1/residual/conv2d", "residual_1/residual", "residual_1",
		"flatten",
	}
	if got := paths(m); !slices.Equal(got, want) {
		t.Errorf("layers: got %q, want %q", got, want)
	}
	var params []string
	for _, p := range m.Params() {
		params = append(params, p.Name)
	}
	wantParams := []string{
		"conv2d/weight", "conv2d_1/weight", "residual/conv2d/weight", "residual/shortcut/conv2d/weight",
		"residual_1/conv2d/weight", "residual_1/residual/conv2d/weight",
	}
	if !slices.Equal(params, wantParams) {
		t.Errorf("parameters: got %q, want %q", params, wantParams)
	}
}

// One layer value built twice has parameters of its own each time.
func TestLayerBuiltTwice(t *testing.T) {
	dense := graph.Dense{Units: 2}
	m := build(t, graph.Options{}, graph.Sequential{dense, dense}, graph.Train, 1, 2)
	if n := len(m.Params()); n != 4 {
		t.Fatalf("got %d parameters, want 4", n)
	}
	first, second := m.Params()[0], m.Params()[2]
	if first.Value == second.Value || slices.Equal(first.Value.Float32s(), second.Value.Float32s()) {
		t.Errorf("%s and %s are alike", first.Name, second.Name)
	}
}

func TestScopeFirstErrorSticks(t *testing.T) {
	sentinel := errors.New("the first")
	var after []*gorgonia.Node
	ran := false
	_, err := graph.Build(graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		if s.Err() != nil {
			t.Errorf("error before there was one: %v", s.Err())
		}
		bad := s.Sub("bad")
		bad.Errorf("%w of two", sentinel)
		bad.Errorf("the second")
		unary := func(*gorgonia.Node) (*gorgonia.Node, error) { ran = true; return x, nil }
		other := s.Sub("other")
		after = []*gorgonia.Node{
			other.Param("p", graph.Ones, 1),
			other.State("q", graph.Ones, 1),
			other.Unary(unary, x),
			other.Binary(binary, x, x),
			other.Node(x, nil),
			other.Node(nil, errors.New("the fourth")),
			other.Op(nil, x),
			other.Node(x, nil),
			other.Node(nil, errors.New("the fourth")),
			other.Errorf("the third"),
			other.Apply(graph.Dense{Units: 1}, x),
			other.Apply(nil, x),
		}
		return x
	}), graph.Train, 1, 2)
	if want := "graph: bad: the first of two"; err == nil || err.Error() != want {
		t.Errorf("error: got %v, want %s", err, want)
	}
	if !errors.Is(err, sentinel) {
		t.Errorf("%v does not wrap its cause", err)
	}
	for i, n := range after {
		if n != nil {
			t.Errorf("call %d after the error returned a node", i)
		}
	}
	if ran {
		t.Error("Unary called its function after the error")
	}
}

// TestScopeNode: it records a node under its layer, and its error is the scope's.
func TestScopeNode(t *testing.T) {
	cause := errors.New("no such thing")
	tests := []struct {
		name string
		node func(x *gorgonia.Node) (*gorgonia.Node, error)
		want string // the error, "" for none
	}{
		{"a node", func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.ReLU(x) }, ""},
		{"an error", func(*gorgonia.Node) (*gorgonia.Node, error) { return nil, cause }, "graph: curve: no such thing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := graph.Build(graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				return s.Sub("curve").Node(tt.node(x))
			}), graph.Infer, 1, 2)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l := m.Layers(); len(l) != 1 || l[0].Path != "curve" || !slices.Equal(l[0].Ops, []string{"ReLU"}) {
				t.Errorf("layers %+v, want curve with a ReLU", l)
			}
		})
	}
}

// No layer of the package trips over the nil that an earlier error leaves.
func TestLayersAfterError(t *testing.T) {
	layers := []graph.Layer{
		graph.Conv2D{Filters: 1, Kernel: 1}, graph.DepthwiseConv2D{Kernel: 1}, graph.MaxPool2D{}, graph.AvgPool2D{},
		graph.GlobalAvgPool2D{}, graph.Dense{Units: 1}, graph.Flatten{}, graph.Patches{Size: 1}, graph.BatchNorm{},
		graph.Dropout{Rate: 0.5}, graph.ReLU, graph.LeakyReLU(1), graph.Sequential{graph.Flatten{}},
		graph.Residual{Body: graph.ReLU, Shortcut: graph.ReLU}, graph.Concat{graph.ReLU},
	}
	_, err := graph.Build(graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		s.Errorf("enough")
		for _, l := range layers {
			if y := l.Build(s, nil); y != nil {
				t.Errorf("%T returned a node after an error", l)
			}
		}
		return nil
	}), graph.Train, 1, 1, 2, 2)
	if err == nil || err.Error() != "graph: enough" {
		t.Errorf("error: got %v, want graph: enough", err)
	}
}

func TestScopeModeAndRand(t *testing.T) {
	streams := map[uint64]bool{}
	for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
		w := &graph.Weights{Step: 7}
		build(t, graph.Options{Seed: 3, Weights: w}, graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			if got, want := s.Training(), mode == graph.Train; got != want {
				t.Errorf("%v: Training() = %v, want %v", mode, got, want)
			}
			a, b := s.Sub("a").Rand(), s.Sub("b").Rand()
			streams[a.Seed], streams[b.Seed] = true, true
			if a.Step != &w.Step {
				t.Errorf("%v: Rand does not follow the weights' step", mode)
			}
			return x
		}), mode, 1, 2)
	}
	if len(streams) != 2 {
		t.Errorf("two scopes have %d streams over three builds, want 2", len(streams))
	}
}

func TestLayerInfo(t *testing.T) {
	m := build(t, graph.Options{}, graph.Sequential{
		graph.Conv2D{Filters: 2, Kernel: 3, Activation: graph.ReLU}, graph.BatchNorm{}, graph.Flatten{}, graph.Dense{Units: 3},
	}, graph.Infer, 2, 1, 5, 5)
	tests := []struct {
		path                   string
		output                 tensor.Shape
		ops                    string
		params, state, mulAdds int
	}{
		{"conv2d", tensor.Shape{2, 2, 3, 3}, "Conv2d stride 1x1, ReLU", 2*9 + 2, 0, 2 * 2 * 9 * 9},
		{"batchnorm", tensor.Shape{2, 2, 3, 3}, "BatchNorm inference", 4, 4, 0},
		{"flatten", tensor.Shape{2, 18}, "Reshape", 0, 0, 0},
		{"dense", tensor.Shape{2, 3}, "Mul", 18*3 + 3, 0, 2 * 18 * 3},
	}
	layers := m.Layers()
	if len(layers) != len(tests) {
		t.Fatalf("got %d layers, want %d", len(layers), len(tests))
	}
	for i, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			got := layers[i]
			if got.Path != tt.path || !got.Output.Eq(tt.output) || strings.Join(got.Ops, ", ") != tt.ops {
				t.Errorf("got %s %v %q, want %s %v %q", got.Path, got.Output, got.Ops, tt.path, tt.output, tt.ops)
			}
			if got.Params != tt.params || got.State != tt.state || got.MulAdds != tt.mulAdds {
				t.Errorf("got %d parameters, %d state, %d multiply-adds, want %d, %d, %d", got.Params, got.State, got.MulAdds, tt.params, tt.state, tt.mulAdds)
			}
		})
	}
}

// A function may return its operand: there is no node to record, not even for
// the input, which no op has made.
func TestIdentityFunction(t *testing.T) {
	identity := graph.Activation(func(x *gorgonia.Node) (*gorgonia.Node, error) { return x, nil })
	m := build(t, graph.Options{}, graph.Sequential{identity, graph.Dense{Units: 2}, identity}, graph.Infer, 1, 3)
	for _, l := range m.Layers() {
		if l.Path != "dense" && (l.MulAdds != 0 || len(l.Ops) != 0) {
			t.Errorf("%s has %d multiply-adds and ops %q, want none", l.Path, l.MulAdds, l.Ops)
		}
	}
	run(t, m)
}

// Equal calls of a Gorgonia op are one node, which is the first caller's.
func TestMergedNodes(t *testing.T) {
	m := build(t, graph.Options{}, graph.Concat{graph.Activation(gorgonia.Tanh), graph.Activation(gorgonia.Tanh)}, graph.Infer, 1, 2)
	layers := m.Layers()
	if n := len(layers[0].Ops) + len(layers[1].Ops); n != 1 {
		t.Errorf("the merged node is listed %d times, want once", n)
	}
	copy(m.Input.Float32s(), []float32{0, 0})
	run(t, m)
	if got := m.Output().Float32s(); len(got) != 4 {
		t.Errorf("output %v, want 4 values", got)
	}
}

func TestScopeOp(t *testing.T) {
	m := build(t, graph.Options{Loss: graph.MSE{}}, graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Sub("double").Op(&double{}, s.Apply(graph.Sequential{}, x))
	}), graph.Infer, 1, 2)
	copy(m.Input.Float32s(), []float32{1, -3})
	run(t, m)
	close32(t, "output", m.Output().Float32s(), []float32{2, -6}, 0)
	if got := m.Layers()[0].Ops[0]; got != "Double" {
		t.Errorf("op is listed as %q, want Double", got)
	}
}

// The output never shares the memory of a tensor that the user fills.
func TestFlattenCopies(t *testing.T) {
	m := build(t, graph.Options{}, graph.Flatten{}, graph.Infer, 1, 1, 1, 2)
	copy(m.Input.Float32s(), []float32{1, 2})
	run(t, m)
	m.Output().Float32s()[0] = 9
	if m.Input.Float32s()[0] != 1 {
		t.Error("Flatten's output shares the input's memory")
	}
}
