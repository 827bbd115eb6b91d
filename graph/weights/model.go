package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gorgonia.org/tensor"
)

// Model is a trained network's weights and what is needed to use them.
//
// Its file is a safetensors file. Tensors are named by layer, as in
// "conv2d/weight" (filters,channels,height,width) and "dense/weight" (in,out).
// The metadata has the entries model, input and classes. Five more are
// optional: normalise, if the network does not take pixels in 0..1 as they are;
// pictures, if a picture is not prepared as MNIST was; epoch; temperature, if its
// probabilities are calibrated; and unknown, if it has a threshold for images of
// none of its classes, whose features, if it is about them, are the tensor
// "unknown/features".
type Model struct {
	Name    string   // of the network in modelzoo, "" for one that is not there
	Input   [3]int   // channels, height, width of an image with pixels in 0..1
	Classes []string // the name of each output
	Tensors map[string]*tensor.Dense

	// Mean and Deviation have a number for each channel if the network takes
	// (pixel-Mean)/Deviation, where a Deviation of 0 means 1. They are nil if
	// it takes the pixels themselves.
	Mean, Deviation []float64
	// Scaled says how a picture becomes pixels: drawn on white and scaled as a
	// whole, in grey or colour. Otherwise a grey one is prepared as MNIST was.
	Scaled bool

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
	if m.Mean != nil {
		n, err := json.Marshal(normalise{m.Mean, m.Deviation})
		if err != nil {
			return File{}, fmt.Errorf("weights: normalise: %w", err)
		}
		f.Metadata["normalise"] = string(n)
	}
	if m.Scaled {
		f.Metadata["pictures"] = scaled
	}
	if m.Epoch != 0 {
		f.Metadata["epoch"] = strconv.Itoa(m.Epoch)
	}
	if err := m.calibrate(&f); err != nil {
		return File{}, err
	}
	return f, nil
}

// normalise is the JSON of the metadata entry normalise.
type normalise struct {
	Mean      []float64 `json:"mean"`
	Deviation []float64 `json:"deviation"`
}

// scaled is the metadata entry pictures of a model that is Scaled.
const scaled = "scaled"

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
	if text, ok := f.Metadata["normalise"]; ok {
		var err error
		if m.Mean, m.Deviation, err = parseNormalise(text, m.Input[0]); err != nil {
			return Model{}, fmt.Errorf("metadata normalise is %.64q, want mean and deviation with a number for each of %d channels", text, m.Input[0])
		}
	}
	if how, ok := f.Metadata["pictures"]; ok && how != scaled {
		return Model{}, fmt.Errorf("metadata pictures is %.64q, want %q or none", how, scaled)
	} else if ok {
		m.Scaled = true
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

// parseNormalise reads the mean and the deviation of each channel.
func parseNormalise(text string, channels int) (mean, deviation []float64, err error) {
	var n normalise
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return nil, nil, err
	}
	negative := slices.ContainsFunc(n.Deviation, func(d float64) bool { return d < 0 })
	if len(n.Mean) != channels || len(n.Deviation) != channels || negative {
		return nil, nil, errors.New("not of these channels")
	}
	return n.Mean, n.Deviation, nil
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
