package onnx

import (
	"encoding/json"
	"os"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// block is one of the networks that testdata/blocks.py writes.
type block struct {
	name          string
	file          []byte
	shape         []int // of a sample
	Input, Output []float32
}

// blocks are what PyTorch writes for parts of newer image networks.
func blocks(t *testing.T) (all []block) {
	t.Helper()
	raw, err := os.ReadFile("testdata/blocks.json")
	if err != nil {
		t.Fatal(err)
	}
	golden := map[string]block{}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	for name, b := range golden {
		b.name = name
		if b.file, err = os.ReadFile("testdata/block_" + name + ".onnx"); err != nil {
			t.Fatal(err)
		}
		m := load(t, b.file)
		b.shape = m.Input
		all = append(all, b)
	}
	return all
}

func load(t *testing.T, file []byte) *Model {
	t.Helper()
	m, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestBlocks compares with PyTorch, with a batch and with one sample, and once more
// after the network has been written and read again; ONNX Runtime computes the same.
func TestBlocks(t *testing.T) {
	var files []string
	var jobs []job
	all := t // whose files last until the end
	for _, b := range blocks(t) {
		t.Run(b.name, func(t *testing.T) {
			n := imported(t, load(t, b.file), b.shape...)
			shape, got, _ := n.run(t, b.Input)
			near(t, "a batch", got, b.Output, 2e-6)
			one := tensor.Shape(b.shape).TotalSize()
			_, first, _ := n.run(t, b.Input[:one])
			near(t, "one sample", first, b.Output[:len(first)], 2e-6)

			again := n.export(t, Options{Logits: true})
			_, got, _ = imported(t, load(t, again), b.shape...).run(t, b.Input)
			near(t, "written and read again", got, b.Output, 2e-6)
			j := newJob(all, b.name, again, shape, b.Input, b.Output)
			files, jobs = append(files, j.Model), append(jobs, j)
		})
	}
	t.Run("checked", func(t *testing.T) { checked(t, files...) })
	t.Run("run", func(t *testing.T) { runtimeAgrees(t, jobs) })
}

// TestBlockGradients checks the gradients of the blocks by their input, and that
// they are built for training.
func TestBlockGradients(t *testing.T) {
	for _, b := range blocks(t) {
		t.Run(b.name, func(t *testing.T) {
			m := load(t, b.file)
			gradientOf(t, m, b.name)
			g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Train, append([]int{2}, b.shape...)...)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Run(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
