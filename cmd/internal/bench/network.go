package bench

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// network is what is measured: one of the zoo, of this command, or of a file.
type network struct {
	name    string
	layer   graph.Layer
	input   []int                    // of an image, as in (3,224,224)
	tensors map[string]*tensor.Dense // values of the weights; nil for the layer's own
	model   open.Model               // of a file

	asItIs bool   // in inference the output is used as it is
	output string // name of the output in an ONNX file, "" for others
}

// size is the height and width that the user asks for. 0 means the network's
// own, and openSize where a file leaves a dimension open.
type size struct{ height, width int }

// openSize is the side of ImageNet's photographs as most networks take them.
const openSize = 224

// open returns the network that a name or a path to a model stands for. All the
// time that it takes counts as loading.
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

// openFile opens a file. A foreign network is measured as the file has it: other
// engines run the file itself.
func (s size) openFile(path string) (network, error) {
	m, err := open.Options{Height: s.height, Width: s.width}.Open(path)
	if err != nil {
		return network{}, fmt.Errorf("bench: %w", err)
	}
	if w, ok := m.Whole(); ok {
		return network{name: m.Title(), layer: w.Layer, input: w.Sample, model: m, asItIs: true, output: w.Output}, nil
	}
	layer, err := m.Network()
	if err != nil {
		return network{}, fmt.Errorf("bench: %w", err)
	}
	return network{name: m.Title(), layer: layer, input: m.Sample, tensors: m.Tensors, model: m}, nil
}

// isFile reports whether a model is a path and not a name: by its ending, or as
// there is a file or a folder of that name.
func isFile(model string) bool {
	_, err := os.Stat(model)
	return err == nil || open.IsModel(model)
}

// label is what a table calls a network: a file that has the name of all of its kind,
// such as model.json, with its folder.
func label(model string) string {
	if !isFile(model) {
		return model
	}
	base := filepath.Base(model)
	if strings.HasPrefix(base, "model.") {
		return filepath.Join(filepath.Base(filepath.Dir(model)), base)
	}
	return base
}

// title is the name of a network: that of a file without folder and ending.
func title(model string) string {
	if !isFile(model) {
		return model
	}
	base := filepath.Base(model)
	return strings.TrimSuffix(base, filepath.Ext(base))
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
// a foreign file is left as it is; a network of the zoo has its SoftMax, as in infer.
func (n network) build(mode graph.Mode, batch int) (*graph.Model, error) {
	o := graph.Options{Seed: seed, Fixed: mode == graph.Infer}
	if n.asItIs && mode == graph.Infer {
		o.Loss = graph.MSE{}
	}
	if n.tensors != nil {
		o.Weights = &graph.Weights{From: n.tensors}
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
		return spec, 0, fmt.Errorf("%w, %s, or a file or folder with a model", err, ownNames())
	}
	return spec, zooClasses, nil
}
