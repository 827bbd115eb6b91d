// Package gosource writes networks as Go source that needs nothing but the
// standard library: for small programs, and for WebAssembly.
//
//	m, err := weights.LoadModel("runs/cnn/model.safetensors")
//	files, err := gosource.Options{Package: "digits", Classes: m.Classes}.Export(modelzoo.CNN(10), m.Tensors, m.Input)
//
// The source is written from the nodes of the network's graph for inference, one
// image at a time, channels last, each BatchNorm folded into the weights before
// it. Its loops are copied from package plain: this package adds only a list of
// calls. One table has a rule for each op, rules.
package gosource

import (
	"fmt"
	"go/format"
	"go/token"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/raster"
)

// Options say what is written besides the network.
type Options struct {
	Package string   // its name; "main" for a program, of which it has all but the function main
	Name    string   // of the network, for comments; "" means network
	Classes []string // their names

	// Preprocessing has the mean and the deviation that the network takes pixels
	// by. How a picture becomes pixels is not written: it is for the caller.
	Preprocessing raster.Preprocessing

	Temperature float64 // what the logits are divided by before the SoftMax; 0 means 1
}

// File is one to write.
type File struct {
	Name    string
	Content []byte
}

// Export writes a network whose logits are (N,classes): model.go, weights.bin,
// which it embeds. tensors are its weights by name; input is channels, height and
// width of an image.
//
// Layers of most ops of package op can be written; another one is an error that
// names it.
func (o Options) Export(l graph.Layer, tensors map[string]*tensor.Dense, input [3]int) ([]File, error) {
	if o.Name == "" {
		o.Name = "network"
	}
	if !token.IsIdentifier(o.Package) || o.Package == "_" {
		return nil, fmt.Errorf("gosource: package %.64q, want a name as in digits", o.Package)
	}
	if err := o.Preprocessing.Check(input[0], input[1], input[2]); err != nil {
		return nil, fmt.Errorf("gosource: %w", err)
	}
	root, err := graph.Trace(graph.Sequential{l, graph.Probabilities(o.Temperature)}, tensors, 1, input[0], input[1], input[2])
	if err != nil {
		return nil, fmt.Errorf("gosource: %w", err)
	}
	if s := root.Shape(); len(s) != 2 || s[1] != len(o.Classes) {
		return nil, fmt.Errorf("gosource: the network's output is %v, want (1,%d) for the classes %.64q", s, len(o.Classes), o.Classes)
	}
	w := newWriter(root)
	w.network(o, root, input)
	if w.err != nil {
		return nil, fmt.Errorf("gosource: %w", w.err)
	}
	source, err := format.Source([]byte(w.source(o, input)))
	if err != nil {
		return nil, fmt.Errorf("gosource: %w", err)
	}
	return []File{{"model.go", source}, {"weights.bin", w.blob()}}, nil
}
