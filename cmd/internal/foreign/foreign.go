// Package foreign has files that users name as models and that the commands do not
// take for classifiers of images: the commands' tests hold that each says so in one line.
package foreign

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tapenet/graph"
	"tapenet/graph/onnx"
)

// File is such a file.
type File struct {
	Path string
	Want string // what the error says behind the path

	// Opens says that it is a network all the same, only no classifier of images.
	Opens bool
}

// Files writes them into a folder.
func Files(dir string) ([]File, error) {
	vector, err := exported(graph.Dense{Units: 3}, 4)
	if err != nil {
		return nil, err
	}
	tensor, text := value("x", 1), value("x", 8)
	all := []struct {
		name, want string
		opens      bool
		content    []byte
	}{
		{"vector.onnx", " takes samples of (4) and gives (3): want a classifier of images", true, vector},
		{"one/model.json", " takes samples of (1,4,4) and gives (1): want a classifier of images", true, []byte(oneOutput)},
		{"two.onnx", `: 2 inputs "x" of float32, "y" of float32, want one`, false, file([][]byte{tensor, value("y", 1)}, node("Add", "x", "y"))},
		{"text.onnx", `: input "x" is a tensor of strings, want a tensor of numbers or truth`, false, file([][]byte{text}, node("Identity", "x"))},
		{"empty.onnx", " is empty; read are", false, nil},
		{"photo.png", " is a PNG picture; read are", false, []byte("\x89PNG\r\n\x1a\n")},
	}
	var files []File
	for _, f := range all {
		path := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, f.content, 0o644); err != nil {
			return nil, err
		}
		files = append(files, File{path, f.want, f.opens})
	}
	return files, nil
}

// Check returns an error unless a command's error is one line that says of a file
// what it is.
func (f File) Check(err error) error {
	if want := f.Path + f.Want; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		return fmt.Errorf("got error %v, want one line with %s", err, want)
	}
	return nil
}

func exported(l graph.Layer, input ...int) ([]byte, error) {
	net, err := graph.NewNetwork(l, input, graph.Options{})
	if err != nil {
		return nil, err
	}
	return onnx.Options{Logits: true}.Export(l, net.Weights.Map(), input...)
}

// oneOutput is a network that gives one number, and no probability.
const oneOutput = `{"format":"layers-model","modelTopology":{"class_name":"Sequential","config":{"name":"s","layers":[
{"class_name":"GlobalAveragePooling2D","config":{"name":"mean","batch_input_shape":[null,4,4,1]}},
{"class_name":"Activation","config":{"name":"how much","activation":"tanh"}}]}},"weightsManifest":[]}`

// The ONNX files that this module's exporter does not write are put together from
// protobuf's wire format: fields of less than 128 bytes with numbers below 16.

func field(number byte, content []byte) []byte {
	return append([]byte{number<<3 | 2, byte(len(content))}, content...)
}

func number(field, v byte) []byte { return []byte{field << 3, v} }

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// value is an input (1,4) of elements of an ONNX type: 1 is float32, 8 is text.
func value(name string, element byte) []byte {
	shape := join(field(1, number(1, 1)), field(1, number(1, 4)))
	return join(field(1, []byte(name)), field(2, field(1, join(number(1, element), field(2, shape)))))
}

// node computes z.
func node(operator string, inputs ...string) (b []byte) {
	for _, in := range inputs {
		b = append(b, field(1, []byte(in))...)
	}
	return join(b, field(2, []byte("z")), field(4, []byte(operator)))
}

// file is a graph of one node.
func file(inputs [][]byte, node []byte) []byte {
	g := join(field(1, node), field(2, []byte("g")))
	for _, in := range inputs {
		g = append(g, field(11, in)...)
	}
	g = append(g, field(12, field(1, []byte("z")))...)
	return join(number(1, 8), field(7, g), field(8, number(2, 17)))
}
