package onnx

import (
	"encoding/binary"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// imported is a model with the weights of its file.
func imported(t *testing.T, m *Model, input ...int) network {
	t.Helper()
	net, err := graph.NewNetwork(m, input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return network{m, net.Weights.Map(), input}
}

// TestImportExported: what we write we read, with the same results, and what was
// read can be written and read again.
func TestImportExported(t *testing.T) {
	networks := map[string]network{}
	for _, spec := range modelzoo.Specs() {
		networks[spec.Name] = random(t, spec.New(10), spec.Input[:]...)
	}
	for name, l := range layers {
		networks[name] = random(t, l.layer, l.input...)
	}
	var files []string
	for name, n := range networks {
		x := noise(2 * tensor.Shape(n.input).TotalSize())
		_, want, _ := n.run(t, x)
		file := n.export(t, Options{Logits: true})
		for range 2 {
			m, err := Load(file)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !slices.Equal(m.Input, n.input) {
				t.Errorf("%s: input %v, want %v", name, m.Input, n.input)
			}
			again := imported(t, m, n.input...)
			shape, got, _ := again.run(t, x)
			near(t, name, got, want, 2e-6)
			file = again.export(t, Options{Logits: true, FoldBatchNorm: true})
			files = append(files, newJob(t, name, file, shape, x, want).Model)
		}
	}
	checked(t, files...)
}

// TestImportPrediction: a file has the prediction unless it is to have logits.
func TestImportPrediction(t *testing.T) {
	n := random(t, modelzoo.CNN(10), 1, 28, 28)
	x := noise(28 * 28)
	_, _, want := n.run(t, x)
	m, err := Load(n.export(t, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := imported(t, m, n.input...).run(t, x)
	near(t, "prediction", got, want, 2e-6)
}

// TestImportKeepsNames: a network that comes back has the names and tensors it
// left with.
func TestImportKeepsNames(t *testing.T) {
	n := random(t, modelzoo.ResNet20(10), 3, 32, 32)
	m, err := Load(n.export(t, Options{Logits: true, Metadata: map[string]string{"model": "resnet20"}}))
	if err != nil {
		t.Fatal(err)
	}
	if m.Metadata["model"] != "resnet20" {
		t.Errorf("metadata %v, want the model's name", m.Metadata)
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range n.tensors {
		got := net.Weights.Get(name)
		if got == nil || !slices.Equal(got.Float32s(), want.Float32s()) {
			t.Errorf("%s is %v, want what was exported", name, got)
		}
	}
	if len(net.Weights.Names()) != len(n.tensors) {
		t.Errorf("tensors %v, want those of the network", net.Weights.Names())
	}
}

// TestReadme: README.md lists the operators that are read.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "\n## Operators\n\n")
	list, _, _ = strings.Cut(list, "\n## ")
	words := strings.FieldsFunc(list, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	for kind := range importRules {
		if !slices.Contains(words, kind) {
			t.Errorf("the README does not list %s", kind)
		}
	}
}

// TestHuge: a small file that asks for much is refused before it gets it.
func TestHuge(t *testing.T) {
	for name, file := range odd {
		if !strings.HasPrefix(name, "huge") {
			continue
		}
		m, err := Load(marshal(file()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = graph.Build(m, graph.Infer, append([]int{1}, m.Input...)...)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
			t.Errorf("%s: error %v after %d bytes, want one at once", name, err, took)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	// broken is a file with Relu, changed.
	broken := func(change func(m *modelProto, g *graphProto)) func() []byte {
		return func() []byte {
			m := single(nodeProto{Op: "Relu", Name: "act"}, 13, []int{3})
			change(m, m.Graph)
			return marshal(m)
		}
	}
	good := broken(func(*modelProto, *graphProto) {})()
	tests := []struct {
		name string
		file func() []byte
		want string
	}{
		{"empty", func() []byte { return nil }, "onnx: no graph: not an ONNX file"},
		{"text", func() []byte { return []byte("this is not an ONNX file") }, "onnx: "},
		{"cut off", func() []byte { return good[:len(good)-3] }, "onnx: a message is cut off"},
		{"nested", func() []byte {
			b := []byte{}
			for range 40 {
				b = append([]byte{7<<3 | kindBytes}, append(binary.AppendUvarint(nil, uint64(len(b))), b...)...)
			}
			return b
		}, "onnx: "},
		{"old", broken(func(m *modelProto, _ *graphProto) { m.Opsets = nil }), "operators of version 0, want 1 to 21"},
		{"new", broken(func(m *modelProto, _ *graphProto) { m.Opsets[0].Version = 99 }), "operators of version 99"},
		{"operator", broken(func(_ *modelProto, g *graphProto) { g.Nodes[0].Op = "StringSplit" }), `node "act": the operator "StringSplit"  is not supported`},
		{"other domain", broken(func(_ *modelProto, g *graphProto) { g.Nodes[0].Domain = "com.example" }), `node "act": the operator "Relu" com.example is not supported`},
		{"too few inputs", broken(func(_ *modelProto, g *graphProto) { g.Nodes[0].Op = "Conv" }), `node "act": 1 inputs and 1 outputs, want at least 2 and 1`},
		{"unknown input", broken(func(_ *modelProto, g *graphProto) { g.Nodes[0].Inputs[0] = "z" }), `node "act": there is no value "z" yet`},
		{"twice", broken(func(_ *modelProto, g *graphProto) { g.Nodes = append(g.Nodes, g.Nodes[0]) }), `node "act": the value "y" is there already`},
		{"no output", broken(func(_ *modelProto, g *graphProto) { g.Outputs[0].Name = "z" }), `no node computes the output "z"`},
		{"two inputs", broken(func(_ *modelProto, g *graphProto) {
			g.Inputs, g.Nodes[0].Op = append(g.Inputs, describeValue("z", nil)), "Add"
			g.Nodes[0].Inputs = append(g.Nodes[0].Inputs, "z")
		}), `2 inputs "x" of float32, "z" of float32, want one`},
		{"no outputs", broken(func(_ *modelProto, g *graphProto) { g.Outputs = nil }), "no outputs, want one or more"},
		{"a sequence", broken(func(_ *modelProto, g *graphProto) { g.Inputs[0].Type = &typeProto{Sequence: &anyProto{}} }), `input "x" is a sequence, want a tensor of numbers or truth`},
		{"a sequence as output", broken(func(_ *modelProto, g *graphProto) { g.Outputs[0].Type = &typeProto{Sequence: &anyProto{}} }), `output "y" is a sequence, want a tensor of numbers or truth`},
		{"no shape", broken(func(_ *modelProto, g *graphProto) { g.Inputs[0].Type = nil }), `input "x" has no shape`},
		{"text as input", broken(func(_ *modelProto, g *graphProto) { g.Inputs[0].Type.Tensor.Elem = 8 }), `input "x" is a tensor of strings, want a tensor of numbers or truth`},
		{"huge tensor", broken(func(_ *modelProto, g *graphProto) {
			g.Initializers = []tensorProto{{Name: "w", Type: typeFloat, Dims: []int64{1 << 30, 1 << 30}}}
		}), `tensor "w" has shape`},
		{"tensor of another size", broken(func(_ *modelProto, g *graphProto) {
			g.Initializers = []tensorProto{{Name: "w", Type: typeFloat, Dims: []int64{3}, Raw: make([]byte, 8)}}
		}), `tensor "w" has shape [3] and 2 elements`},
		{"tensor elsewhere", broken(func(_ *modelProto, g *graphProto) {
			g.Initializers = []tensorProto{{Name: "w", Type: typeFloat, Dims: []int64{3}, Place: 1}}
		}), `tensor "w" is in a file of its own`},
		{"text as weight", broken(func(_ *modelProto, g *graphProto) {
			g.Initializers = []tensorProto{{Name: "w", Type: 8, Dims: []int64{1}, Raw: make([]byte, 2)}}
		}), `tensor "w" has elements of type 8, want numbers`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Load(tt.file())
			if err == nil || !strings.Contains(err.Error(), tt.want) || m != nil {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// Build's errors name the node.
func TestBuildErrors(t *testing.T) {
	image := []int{2, 4, 4}
	tests := []struct {
		name string
		file *modelProto
		want string
	}{
		{"filters", single(nodeProto{Op: "Conv", Name: "c1", Inputs: []string{"w"}}, 13, image, filters(3, 5, 2, 2)),
			`graph: onnx: node "c1" (Conv): Conv2d: filters are (3, 5, 2, 2), want (F,2,KH,KW)`},
		{"broadcast", single(nodeProto{Op: "Add", Name: "a", Inputs: []string{"w"}}, 13, image, numbers(1, 2, 3)),
			`node "a" (Add): operands of (1, 2, 4, 4) and (3) do not go together`},
		{"axis", single(nodeProto{Op: "Softmax", Attributes: []attributeProto{attributeInt("axis", 4)}}, 13, image), `node of "y" (Softmax): axis 4 of 4 dimensions`},
		{"perm", single(nodeProto{Op: "Transpose", Attributes: []attributeProto{attributeInts("perm", 0, 0, 1, 2)}}, 13, image), "(Transpose): perm [0 0 1 2]"},
		{"reshape", single(nodeProto{Op: "Reshape", Inputs: []string{"s"}}, 13, image, whole(5, 7)), "(Reshape): (1, 2, 4, 4) to [5 7]"},
		{"pool", single(nodeProto{Op: "MaxPool"}, 13, image), "(MaxPool): kernel [], strides [1 1]"},
		{"slice", single(nodeProto{Op: "Slice", Inputs: []string{"s", "e"}}, 13, image, whole(0), whole(3)), "(Slice): cuts samples 0 to 3 out of any batch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Load(marshal(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := graph.Build(m, graph.Infer, append([]int{1}, image...)...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}
