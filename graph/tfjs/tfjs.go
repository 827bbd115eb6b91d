// Package tfjs reads networks as TensorFlow.js saves them: model.json and the files
// of weights beside it. Layers models have Keras's layers, graph models the
// operations of a TensorFlow graph. TensorFlow.js writes the first, the program
// tensorflowjs_converter both.
//
//	m, err := tfjs.Open("model/model.json")
//	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
//
// The model is a graph.Layer like any other: it can be run, trained on, and
// written by package onnx. Package topology makes it from the file's layers or
// operations, and says which there may be.
package tfjs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tapenet/graph/keras/topology"
	"tapenet/graph/regular"
)

// maxTopology bounds the bytes of model.json.
const maxTopology = 64 << 20

// file is model.json.
type file struct {
	Format    string          `json:"format"`
	Topology  json.RawMessage `json:"modelTopology"`
	Manifest  []group         `json:"weightsManifest"`
	Signature signature       `json:"signature"`
	User      struct {
		Signature signature `json:"signature"`
	} `json:"userDefinedMetadata"`
}

// signature has the outputs of a graph model, by name.
type signature struct {
	Outputs named `json:"outputs"`
}

// named are outputs in the file's order.
type named []topology.Output

// UnmarshalJSON reads {"logits":{"name":"Identity:0",…},…}.
func (n *named) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return err // null
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var of struct {
			Name string `json:"name"`
		}
		if err := d.Decode(&of); err != nil {
			return err
		}
		name, _ := key.(string)
		*n = append(*n, topology.Output{Name: name, Node: of.Name})
	}
	return nil
}

// Open reads a model.json by its name. The files of weights that it names have to be in
// its folder or below, by whatever way their names lead there. See [Load].
func Open(path string) (*topology.Model, error) {
	dir, name := filepath.Split(path)
	text, err := regular.ReadIn(os.DirFS(filepath.Clean(dir)), name, maxTopology) // may be a link to elsewhere: its user names it
	if err != nil {
		return nil, fmt.Errorf("tfjs: %s: %w", path, err)
	}
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil, fmt.Errorf("tfjs: %w", err)
	}
	defer root.Close()
	m, err := load(text, root.FS(), name)
	if err != nil {
		return nil, fmt.Errorf("tfjs: %s: %w", path, err)
	}
	return m, nil
}

// Load reads a layers model, Sequential or functional, or a graph model. The files of weights lie where
// model.json says, within fsys. They are not trusted: Load takes memory in
// proportion to their size, and Build a bounded amount more.
func Load(fsys fs.FS, name string) (m *topology.Model, err error) {
	text, err := regular.ReadIn(fsys, name, maxTopology)
	if err == nil {
		m, err = load(text, fsys, name)
	}
	if err != nil {
		return nil, fmt.Errorf("tfjs: %s: %w", name, err)
	}
	return m, nil
}

func load(text []byte, fsys fs.FS, name string) (*topology.Model, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("not a TensorFlow.js model.json: %w", err)
	}
	if len(f.Topology) == 0 || string(f.Topology) == "null" {
		return nil, errors.New("no modelTopology, want a model as TensorFlow.js's save or tensorflowjs_converter writes it")
	}
	weights, err := f.weights(fsys, name)
	if err != nil {
		return nil, err
	}
	if !f.isGraph() {
		return topology.New(name, f.Topology, topology.Named(weights))
	}
	outputs := f.Signature.Outputs
	if len(outputs) == 0 {
		outputs = f.User.Signature.Outputs
	}
	return topology.NewGraph(name, f.Topology, outputs, weights)
}

// isGraph reports whether it is a graph model: older files do not say so.
func (f *file) isGraph() bool {
	var graph struct {
		Nodes json.RawMessage `json:"node"`
	}
	return f.Format == "graph-model" || json.Unmarshal(f.Topology, &graph) == nil && graph.Nodes != nil
}
