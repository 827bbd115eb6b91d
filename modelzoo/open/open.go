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

	// Gives is the shape of the output for one sample, nil for a file of ours.
	Gives []int

	options     Options
	most        int         // bytes that one sample may need
	whole       Whole       // of a foreign model
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

// Options say how a model is opened. The zero value is as [Open] does.
type Options struct {
	// Height and Width are those of images where a file leaves them open; 0 means the
	// description's, or 224. A file that has a size of its own refuses another one.
	Height, Width int

	// Output is the output of an ONNX file to use, or any other value of it, such as
	// the features before the last layer; "" means the description's, or the first.
	// The other formats have one output.
	Output string
}

// Open opens a model. A missing file satisfies errors.Is(err, fs.ErrNotExist). The
// memory that it takes is in proportion to the file's size, and Open refuses a file
// that is larger than what the machine has. So it does with a foreign network that needs
// more for one sample than the machine has, or than any network does: 8 GB.
func Open(path string) (Model, error) { return Options{}.Open(path) }

// Open opens a model, as the function Open does.
func (o Options) Open(path string) (Model, error) { return o.openWith(path, memory.Available) }

// openWith is Open on a machine with some memory.
func (o Options) openWith(path string, available func() (n int, known bool)) (Model, error) {
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
	if o.Output != "" && format != ONNX {
		return Model{}, fmt.Errorf("%s is a file of %s, which has one output: want no other for it", file, format)
	}
	m := Model{Path: file, Format: format, options: o, most: maxNeed}
	if n, known := available(); known {
		m.most = max(1, min(m.most, n))
	}
	switch format {
	case SafeTensors, NPZ:
		return m, m.openOwn()
	case ONNX:
		return m, m.openONNX()
	}
	return m, m.openKeras()
}

// Whole is the network of a foreign file as it is: it takes samples as the file has
// them, not always with channels first, and gives the file's own output, with the
// SoftMax if it ends in one.
type Whole struct {
	Layer  graph.Layer
	Sample []int
	Output string // name of the output in an ONNX file, "" for others
}

// Whole returns the network as the file has it; ok is false for a file of ours.
func (m Model) Whole() (w Whole, ok bool) { return m.whole, m.whole.Layer != nil }

// Classifier returns an error, which says what the model takes and gives, unless it
// classifies images.
func (m Model) Classifier() error {
	if m.Classifies {
		return nil
	}
	return fmt.Errorf("%s takes samples of %s and gives %s: want a classifier of images, from (channels,height,width) to a number for each of two or more classes",
		m.Path, Shape(m.Sample), Shape(m.Gives))
}

// Shape writes the shape of a sample, as in (3,224,224).
func Shape(s []int) string {
	return "(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(s), " ", ","), "[]") + ")"
}

// sized returns an error if the options ask for another size of images than a
// file has.
func (m *Model) sized(h, w int) error {
	if o := m.options; o.Height != 0 && o.Height != h || o.Width != 0 && o.Width != w {
		return fmt.Errorf("%s takes images of %d×%d: want that height and width, or none said", m.Path, h, w)
	}
	return nil
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

// maxNeed is the most bytes that a foreign network may need for one sample: a file of a
// hundred bytes can ask for as much as it likes.
const maxNeed = 8 << 30

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
