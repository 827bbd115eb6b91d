// Package open opens a model by whatever its user calls it: a run's folder, a
// file of ours (.safetensors, .npz), an ONNX file, a Keras file (.keras, .h5), or
// a TensorFlow.js model.json.
//
//	m, err := open.Open("resnet50.onnx")
//	p, err := infer.New(m.Layer, m.Model)
//
// What a file is its content says, not its name. What a foreign file does not
// say, how a picture becomes its input and what its classes are called, is read
// from a file beside it, x.onnx.toml for x.onnx: see [Description]. What that does
// not say either has a default, and Model.Notes says which was taken.
package open

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// ModelFile is the file in a run's folder that has its model.
const ModelFile = "model.safetensors"

// NetworkFile is the ONNX file beside a model of ours whose network is not in
// modelzoo: it has the network, with the names of its weights.
const NetworkFile = "network.onnx"

// checkpointFile is the one to go on training from.
const checkpointFile = "checkpoint.safetensors"

// The formats of models.
const (
	SafeTensors  = "safetensors"
	NPZ          = "npz"
	ONNX         = "ONNX"
	Keras        = "Keras"
	TensorFlowJS = "TensorFlow.js"
)

// Model is a network with its weights, and what is needed to use it.
type Model struct {
	// Model has the weights, the classes and the preprocessing. Its Input is that
	// of an image, and zero if the network takes something else. Its Name is the
	// network's in modelzoo, and "" for others.
	weights.Model

	// Layer is the network, whose output are logits if it classifies; nil for a
	// file of ours whose network is not in modelzoo. See Network.
	Layer  graph.Layer
	Path   string // of the file
	Format string // one of the constants
	Sample []int  // the shape of one sample: Input if that is an image

	// Classifies says that the network takes images and that its output are the
	// logits of Classes. One that does something else has no Classes.
	Classifies bool
	SoftMax    bool // the file's own network has a SoftMax behind the logits

	// Notes say, a line each, what the file left open and what was taken for it.
	Notes []string

	description Description // of a foreign model, with the defaults that were taken
	outputs     []string    // of an ONNX file
	output      string      // the one that is used
}

// Title is the network's name, or that of its file without folder and ending.
func (m Model) Title() string {
	if m.Name != "" {
		return m.Name
	}
	name := strings.TrimSuffix(filepath.Base(m.Path), filepath.Ext(m.Path))
	if name == "model" { // in a folder that says which
		return filepath.Base(filepath.Dir(m.Path))
	}
	return name
}

// endings are those of the files that Open reads, in the order in which it looks
// for model.* in a folder.
var endings = []string{".safetensors", ".onnx", ".keras", ".h5", ".json", ".npz"}

// IsModel reports whether a file may be a model, by the ending of its name. Every
// model.json is one, and no other .json.
func IsModel(name string) bool {
	name = filepath.Base(name)
	return slices.Contains(endings, filepath.Ext(name)) && (filepath.Ext(name) != ".json" || name == "model.json")
}

// File returns the file that Open reads for a path: the path itself, or in a folder
// model.safetensors, or model.onnx, model.keras and so on. Whoever looks for changes
// of a model looks at that file.
func File(path string) string {
	if s, err := os.Stat(path); err != nil || !s.IsDir() {
		return path
	}
	for _, ending := range endings {
		file := filepath.Join(path, "model"+ending)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return filepath.Join(path, ModelFile)
}

// Open opens a model. A missing file satisfies errors.Is(err, fs.ErrNotExist). The
// memory that it takes is in proportion to the file's size, and Open refuses a file
// that is larger than what the machine has.
func Open(path string) (Model, error) { return openWith(path, memory.Available) }

// openWith is Open on a machine with some memory.
func openWith(path string, available func() (n int, known bool)) (Model, error) {
	file := File(path)
	if filepath.Base(file) == checkpointFile {
		return Model{}, fmt.Errorf("%s is a run's checkpoint, for training to go on from: want %s, which lies beside it after the first epoch", file, ModelFile)
	}
	s, err := os.Stat(file)
	if err != nil {
		return Model{}, missing(path, file, err)
	}
	if !s.Mode().IsRegular() {
		return Model{}, fmt.Errorf("%s is not a regular file, want a model", file)
	}
	if err := afford(file, s.Size(), available); err != nil {
		return Model{}, err
	}
	format, err := formatOf(file)
	if err != nil {
		return Model{}, err
	}
	m := Model{Path: file, Format: format}
	switch format {
	case SafeTensors, NPZ:
		return m, m.openOwn()
	case ONNX:
		return m, m.openONNX()
	}
	return m, m.openKeras()
}

// missing says why there is no model file.
func missing(path, file string, err error) error {
	dir := filepath.Dir(file)
	if _, e := os.Stat(filepath.Join(dir, checkpointFile)); e == nil && filepath.Base(file) == ModelFile {
		return fmt.Errorf("%s has no model yet, only %s: %s comes with its first whole epoch; its command with -resume goes on", dir, checkpointFile, ModelFile)
	}
	if _, e := modelzoo.Lookup(path); e == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a network of the zoo, which has no weights: want a trained one; go run ./cmd/train -model %[1]s makes it", path)
	}
	return fmt.Errorf("no model: %w; want a run's folder with %s (go run ./cmd/train makes one), or a file: %s", err, ModelFile, wanted)
}

// afford returns an error if the machine has less memory than a file has bytes.
func afford(path string, size int64, available func() (n int, known bool)) error {
	if n, known := available(); known && size > int64(n) {
		return fmt.Errorf("%s has %s, which its weights need of memory at least; available are %s: want a machine with more, or a smaller network",
			path, memory.Text(int(size)), memory.Text(n))
	}
	return nil
}

// notef adds a note.
func (m *Model) notef(format string, args ...any) {
	m.Notes = append(m.Notes, filepath.Base(m.Path)+": "+fmt.Sprintf(format, args...))
}
