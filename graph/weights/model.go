package weights

import (
	"encoding/json"
	"fmt"

	"gorgonia.org/tensor"
)

// Model is a trained network's weights and what is needed to use them. Its
// file is a safetensors file whose tensors are named by layer, as in
// "conv2d/weight" (filters,channels,height,width) and "dense/weight" (in,out),
// and whose metadata has three entries: model, input and classes.
type Model struct {
	Name    string   // of the network in modelzoo, "" for one that is not there
	Input   [3]int   // channels, height, width of an image with pixels in 0..1
	Classes []string // the name of each output
	Tensors map[string]*tensor.Dense
}

// Save writes the model to a file, atomically.
func (m Model) Save(path string) error {
	f, err := m.File()
	if err != nil {
		return err
	}
	return f.Save(path)
}

// File is the content of the model's file.
func (m Model) File() (File, error) {
	classes, err := json.Marshal(m.Classes)
	if err != nil {
		return File{}, fmt.Errorf("weights: classes: %w", err)
	}
	return File{Tensors: m.Tensors, Metadata: map[string]string{
		"model":   m.Name,
		"input":   fmt.Sprintf("%d,%d,%d", m.Input[0], m.Input[1], m.Input[2]),
		"classes": string(classes),
	}}, nil
}

// maxInput bounds the values of one image.
const maxInput = 1 << 24

// LoadModel reads what Save wrote.
func LoadModel(path string) (Model, error) {
	f, err := Load(path)
	if err != nil {
		return Model{}, err
	}
	m, err := f.Model()
	if err != nil {
		return Model{}, fmt.Errorf("weights: %s: %w", path, err)
	}
	return m, nil
}

// Model is the model whose file has the content.
func (f File) Model() (Model, error) {
	m := Model{Name: f.Metadata["model"], Tensors: f.Tensors}
	var ok bool
	if m.Input, ok = parseInput(f.Metadata["input"]); !ok {
		return Model{}, fmt.Errorf("metadata input is %.64q, want channels,height,width as in 1,28,28", f.Metadata["input"])
	}
	if err := json.Unmarshal([]byte(f.Metadata["classes"]), &m.Classes); err != nil || len(m.Classes) == 0 {
		return Model{}, fmt.Errorf("metadata classes is %.64q, want a JSON list of names", f.Metadata["classes"])
	}
	return m, nil
}

func parseInput(s string) (in [3]int, ok bool) {
	n, _ := fmt.Sscanf(s, "%d,%d,%d", &in[0], &in[1], &in[2])
	size := 1
	for _, d := range in {
		if n != 3 || d < 1 || d > maxInput/size {
			return in, false
		}
		size *= d
	}
	return in, true
}
