package main

import (
	"fmt"

	"tapenet/graph/weights"
	"tapenet/modelzoo/open"
)

// opened is what is exported.
type opened struct{ open.Model }

func load(path string) (opened, error) {
	m, err := open.Open(path)
	if err != nil {
		return opened{}, fmt.Errorf("export: %w", err)
	}
	return opened{m}, nil
}

// classifies returns an error unless the network takes images and gives what a
// SoftMax takes.
func (n opened) classifies() error {
	if n.Classifies && n.SoftMax {
		return nil
	}
	return fmt.Errorf("export: %s is no classifier of images that ends in a SoftMax, it takes samples of %s and gives %s: want -to onnx",
		n.Path, open.Shape(n.Sample), open.Shape(n.Gives))
}

// file is the content of the model's file. One that is no classifier of images has
// its tensors alone.
func (n opened) file() (weights.File, error) {
	if n.classifies() != nil {
		return weights.File{Tensors: n.Tensors}, nil
	}
	return n.Model.Model.File()
}
