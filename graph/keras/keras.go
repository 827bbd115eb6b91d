// Package keras reads the files of Python's Keras: .keras, as Keras 3 writes
// it, and .h5, the format of Keras 2, which Keras 3 writes too.
//
//	m, err := keras.Load("model.keras")
//	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
//
// The model is a graph.Layer like any other: it can be run, trained on, and
// written by package onnx. Package topology makes it from the file's layers and
// says which there may be; package hdf5 reads the weights. Optimizer, loss and
// metrics are passed over.
package keras

import (
	"errors"
	"fmt"
	"io"

	"tapenet/graph/keras/hdf5"
	"tapenet/graph/keras/topology"
	"tapenet/graph/regular"
)

// maxTopology bounds the bytes of the JSON that says which layers there are.
const maxTopology = 64 << 20

// Load reads a file. Its first bytes say which format it has, not its name. The
// file is not trusted: Load takes memory in proportion to its size, and Build a
// bounded amount more.
func Load(path string) (*topology.Model, error) {
	f, size, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keras: %w", err)
	}
	defer f.Close()
	return Read(path, f, size)
}

// Read is [Load] for a file of a name that is open, or in memory.
func Read(name string, r io.ReaderAt, size int64) (*topology.Model, error) {
	start := make([]byte, 4)
	if n, err := r.ReadAt(start, 0); n < len(start) && err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("keras: %s: %w", name, err)
	}
	read := readH5
	if string(start) == "PK\x03\x04" {
		read = readArchive
	}
	m, err := read(name, r, size)
	if err != nil {
		return nil, fmt.Errorf("keras: %s: %w", name, err)
	}
	return m, nil
}

// readH5 reads a .h5 file: the layers are an attribute, model_config, the weights
// are in the group model_weights.
func readH5(name string, r io.ReaderAt, size int64) (*topology.Model, error) {
	f, err := hdf5.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w; want a .keras or .h5 file as Keras's model.save writes it", err)
	}
	config, err := f.Root().Strings("model_config")
	if err != nil {
		return nil, err
	}
	group, err := f.Root().Find("model_weights")
	if err != nil {
		return nil, err
	}
	if len(config) != 1 || group == nil {
		return nil, errors.New("an HDF5 file without model_config or model_weights: want a whole model as model.save writes it, not its weights alone")
	}
	if len(config[0]) > maxTopology {
		return nil, fmt.Errorf("model_config has %d bytes, want at most %d", len(config[0]), maxTopology)
	}
	weights, err := newGroups(group)
	if err != nil {
		return nil, err
	}
	return topology.New(name, []byte(config[0]), weights)
}
