package export

import (
	"fmt"
	"maps"
	"slices"

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
	return opened{m}, finite(m)
}

// finite returns an error for weights that are NaN or infinite, of training that went off
// or of a damaged file. A network from elsewhere may have infinite constants.
func finite(m open.Model) error {
	for _, name := range slices.Sorted(maps.Keys(m.Tensors)) {
		values, _ := m.Tensors[name].Data().([]float32)
		i := slices.IndexFunc(values, func(v float32) bool { return v != v || m.Name != "" && v-v != 0 })
		if i >= 0 {
			return fmt.Errorf("export: %s: %.64q has %v among its numbers, want finite ones", m.Path, name, values[i])
		}
	}
	return nil
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
