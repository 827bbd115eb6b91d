package weights

import (
	"encoding/json"
	"fmt"
	"strconv"

	"gorgonia.org/tensor"

	"tapenet/graph/raster"
)

// Model is a trained network's weights and what is needed to use them.
//
// Its file is a safetensors file. Tensors are named by layer, as in
// "conv2d/weight" (filters,channels,height,width) and "dense/weight" (in,out).
// The metadata has the entries model, input and classes. Five more are optional:
// preprocessing, a JSON object, if it is not the zero value; epoch; thresholds, a JSON
// list, if images have several classes; temperature,
// if its probabilities are calibrated; and unknown, if it has a threshold for
// images of none of its classes, whose features, if it is about them, are the
// tensor "unknown/features". Older files have the entries normalise and pictures
// for preprocessing.
type Model struct {
	Name    string   // of the network in modelzoo, "" for one that is not there
	Input   [3]int   // channels, height, width of an image with pixels in 0..1
	Classes []string // the name of each output
	Tensors map[string]*tensor.Dense

	// Preprocessing is what a picture goes through on its way into the network.
	Preprocessing raster.Preprocessing

	// Thresholds are for a model whose images may have several classes, or none: those whose
	// probability, the Sigmoid of the logit, is at least theirs, in 0..1. nil is for one class each.
	Thresholds []float64
	// Temperature divides the logits before their SoftMax, fitted on images that
	// training has not seen; 0 means 1.
	Temperature float64
	// Unknown says when an image is none of the classes; nil is never.
	Unknown *Unknown

	Epoch int // the epoch of training after which it was saved; 0 if unknown
}

// Save writes the model to a file, atomically.
func (m Model) Save(path string) error {
	f, err := m.File()
	if err != nil {
		return err
	}
	return f.Save(path)
}

// File returns the content of the model's file.
func (m Model) File() (File, error) {
	classes, err := json.Marshal(m.Classes)
	if err != nil {
		return File{}, fmt.Errorf("weights: classes: %w", err)
	}
	f := File{Tensors: m.Tensors, Metadata: map[string]string{
		"model":   m.Name,
		"input":   fmt.Sprintf("%d,%d,%d", m.Input[0], m.Input[1], m.Input[2]),
		"classes": string(classes),
	}}
	if err := m.describe(f.Metadata); err != nil {
		return File{}, err
	}
	if m.Epoch != 0 {
		f.Metadata["epoch"] = strconv.Itoa(m.Epoch)
	}
	if err := m.calibrate(&f); err != nil {
		return File{}, err
	}
	return f, nil
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

// Model returns the model whose file has this content.
func (f File) Model() (Model, error) {
	m := Model{Name: f.Metadata["model"], Tensors: f.Tensors}
	var ok bool
	if m.Input, ok = parseInput(f.Metadata["input"]); !ok {
		return Model{}, fmt.Errorf("metadata input is %.64q, want channels,height,width as in 1,28,28", f.Metadata["input"])
	}
	if err := json.Unmarshal([]byte(f.Metadata["classes"]), &m.Classes); err != nil || len(m.Classes) == 0 {
		return Model{}, fmt.Errorf("metadata classes is %.64q, want a JSON list of names", f.Metadata["classes"])
	}
	if err := m.described(f.Metadata); err != nil {
		return Model{}, err
	}
	if text, ok := f.Metadata["epoch"]; ok {
		var err error
		if m.Epoch, err = strconv.Atoi(text); err != nil || m.Epoch < 1 {
			return Model{}, fmt.Errorf("metadata epoch is %.64q, want a number from 1, or none", text)
		}
	}
	if err := m.calibrated(f); err != nil {
		return Model{}, err
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
