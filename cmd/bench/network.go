package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/modelzoo"
)

// network is what is measured: one of the zoo, of this command, or of a file.
type network struct {
	name  string
	layer graph.Layer
	input []int // of an image, as in (3,224,224)
	file  bool  // from a file, whose output is used as it is
}

// size is the height and width that the user asks for. 0 means the network's
// own, and openSize where a file leaves a dimension open.
type size struct{ height, width int }

// openSize is the side of ImageNet's photographs as most networks take them.
const openSize = 224

// open returns the network that a name or a path to an ONNX file stands for. All
// the time that it takes counts as loading.
func (s size) open(model string) (network, error) {
	if isFile(model) {
		return s.openFile(model)
	}
	spec, classes, err := lookup(model)
	if err != nil {
		return network{}, err
	}
	input := slices.Clone(spec.Input[:])
	input[1], input[2] = cmp.Or(s.height, input[1]), cmp.Or(s.width, input[2])
	return network{name: model, layer: spec.New(classes), input: input}, nil
}

func (s size) openFile(path string) (network, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return network{}, fmt.Errorf("bench: %s: %w", path, err)
	}
	input, err := s.complete(m.Input)
	if err != nil {
		return network{}, fmt.Errorf("bench: %s: %w", path, err)
	}
	return network{name: title(path), layer: m, input: input, file: true}, nil
}

// complete fills in the dimensions that a file leaves open: only the height and
// the width of images can be.
func (s size) complete(input []int) ([]int, error) {
	input = slices.Clone(input)
	sides := []int{s.height, s.width}
	for i, d := range input {
		side := i - (len(input) - len(sides))
		image := len(input) == 3 && side >= 0
		switch {
		case d > 0 && image && sides[side] > 0 && sides[side] != d:
			return nil, fmt.Errorf("images of (%s), want -height and -width to be those or left out", dimensions(input))
		case d > 0:
		case !image:
			return nil, fmt.Errorf("dimension %d of a sample is open, want an open height or width of images at most", i+1)
		default:
			input[i] = cmp.Or(sides[side], openSize)
		}
	}
	return input, nil
}

// isFile reports whether a model is a path and not a name.
func isFile(model string) bool { return filepath.Ext(model) == ".onnx" }

// label is what a table calls a network.
func label(model string) string {
	if isFile(model) {
		return filepath.Base(model)
	}
	return model
}

// title is the name of a network: that of a file without folder and ending.
func title(model string) string {
	if !isFile(model) {
		return model
	}
	return strings.TrimSuffix(filepath.Base(model), ".onnx")
}

// dimensions writes a shape as in 3,224,224; an open dimension is a question
// mark.
func dimensions(shape []int) string {
	var b strings.Builder
	for i, d := range shape {
		if i > 0 {
			b.WriteByte(',')
		}
		if d == 0 {
			b.WriteByte('?')
			continue
		}
		fmt.Fprint(&b, d)
	}
	return b.String()
}

// build makes the graph for a mode and a batch size. In inference the output of
// a file is left as it is; a network of the zoo has its SoftMax, as in infer.
func (n network) build(mode graph.Mode, batch int) (*graph.Model, error) {
	o := graph.Options{Seed: seed, Fixed: mode == graph.Infer}
	if n.file && mode == graph.Infer {
		o.Loss = graph.MSE{}
	}
	return o.Build(n.layer, mode, append([]int{batch}, n.input...)...)
}

// lookup returns a network of this command or of the zoo, and how many classes
// it is to have.
func lookup(name string) (spec modelzoo.Spec, classes int, err error) {
	for _, s := range own() {
		if s.Name == name {
			return s.Spec, s.classes, nil
		}
	}
	if spec, err = modelzoo.Lookup(name); err != nil {
		return spec, 0, fmt.Errorf("%w, %s, or a file ending in .onnx", err, ownNames())
	}
	return spec, zooClasses, nil
}
