package onnx

import (
	"slices"
	"testing"

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
		x := noise(3 * tensor.Shape(n.input).TotalSize())
		_, want, predictions := n.run(t, x)
		for _, o := range []Options{{Logits: true}, {Logits: true, FoldBatchNorm: true}} {
			file := n.export(t, o)
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
				file = again.export(t, Options{Logits: true})
				files = append(files, newJob(t, name, file, shape, x, want).Model)
			}
		}
		m, err := Load(n.export(t, Options{}))
		if err != nil {
			t.Fatal(err)
		}
		_, got, _ := imported(t, m, n.input...).run(t, x)
		near(t, name+"'s prediction", got, predictions, 2e-6)
	}
	checked(t, files...)
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
