package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"tapenet/graph"
	"tapenet/graph/tfjs"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// network is what is exported.
type network struct {
	weights.Model
	path      string
	input     []int       // shape of a sample; Model.Input if that is an image
	layer     graph.Layer // nil means modelzoo's, of the model's name
	noSoftMax bool        // the layer's output is not what a SoftMax takes
}

// load reads a run's folder, or a model file.
func load(path string) (network, error) {
	if s, err := os.Stat(path); err == nil && s.IsDir() {
		path = filepath.Join(path, "model.safetensors")
	}
	switch filepath.Ext(path) {
	case ".json":
		return loadKeras(path)
	case ".npz":
		f, err := weights.LoadNPZ(path)
		if err != nil {
			return network{}, err
		}
		m, err := f.Model()
		if err != nil {
			return network{}, fmt.Errorf("export: %s: %w, as export -to npz writes it; weights.LoadNPZ reads other files", path, err)
		}
		return network{Model: m, path: path, input: m.Input[:]}, nil
	}
	m, err := weights.LoadModel(path)
	return network{Model: m, path: path, input: m.Input[:]}, err
}

// loadKeras reads a model of TensorFlow.js, whose classes are called by their
// number.
func loadKeras(path string) (network, error) {
	m, err := tfjs.Load(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return network{}, err
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
	if err != nil {
		return network{}, err
	}
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		return network{}, err
	}
	n := network{path: path, input: m.Input, layer: m, noSoftMax: !m.SoftMax}
	n.Tensors = net.Weights.Map()
	if len(m.Input) == 3 {
		n.Input = [3]int(m.Input)
	}
	if s := one.OutputShape(); len(s) == 2 {
		for class := range s[1] {
			n.Classes = append(n.Classes, strconv.Itoa(class))
		}
	}
	return n, nil
}

// title is the network's name, or what its file is called.
func (n network) title() string {
	if n.Name != "" {
		return n.Name
	}
	return filepath.Base(n.path)
}

// build is the network's layer.
func (n network) build() (graph.Layer, error) {
	if n.layer != nil {
		return n.layer, nil
	}
	spec, err := modelzoo.Lookup(n.Name)
	if err != nil {
		return nil, err
	}
	return spec.New(len(n.Classes)), nil
}

// classifies returns an error unless the network takes images and gives what a
// SoftMax takes.
func (n network) classifies() error {
	if n.noSoftMax || len(n.input) != 3 || len(n.Classes) == 0 {
		return fmt.Errorf("export: %s is no classifier of images, its samples are %v and it ends in a SoftMax: %v; want -to onnx", n.path, n.input, !n.noSoftMax)
	}
	return nil
}

// file is the content of the model's file. One that is no classifier of images has
// its tensors alone.
func (n network) file() (weights.File, error) {
	if n.classifies() != nil {
		return weights.File{Tensors: n.Tensors}, nil
	}
	return n.Model.File()
}
