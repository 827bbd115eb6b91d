// Package tfjs reads Keras networks as TensorFlow.js saves them: model.json,
// which has the layers, and the files of weights beside it. Python's Keras
// writes them by the program tensorflowjs_converter.
//
//	m, err := tfjs.Load(os.DirFS("model"), "model.json")
//	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
//
// The model is a graph.Layer like any other: it can be run, trained on, and
// written by package onnx. Package topology makes it from the file's layers.
package tfjs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"tapenet/graph/keras/topology"
)

// maxTopology bounds the bytes of model.json.
const maxTopology = 64 << 20

// file is model.json.
type file struct {
	Topology json.RawMessage `json:"modelTopology"`
	Manifest []group         `json:"weightsManifest"`
}

// Load reads a Sequential or functional model. The files of weights lie where
// model.json says, within fsys. They are not trusted: Load takes memory in
// proportion to their size, and Build a bounded amount more.
func Load(fsys fs.FS, name string) (*topology.Model, error) {
	m, err := load(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("tfjs: %s: %w", name, err)
	}
	return m, nil
}

func load(fsys fs.FS, name string) (*topology.Model, error) {
	text, err := read(fsys, name, maxTopology)
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("not a model.json: %w", err)
	}
	if len(f.Topology) == 0 || string(f.Topology) == "null" {
		return nil, errors.New("no modelTopology, want a layers model as Keras's model.save or tensorflowjs_converter writes it")
	}
	weights, err := f.weights(fsys, name)
	if err != nil {
		return nil, err
	}
	return topology.New(name, f.Topology, topology.Named(weights))
}

// read reads a file of a bounded size.
func read(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return b, err
}
