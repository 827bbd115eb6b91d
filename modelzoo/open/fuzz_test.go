package open

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/weights"
)

// FuzzOpen opens whatever comes as a model with a description beside it: a sound model or
// an error of one line that names the file, within the memory that the machine is said to
// have.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	n, err := graph.NewNetwork(net(), []int{3, 8, 9}, graph.Options{Seed: 1})
	if err != nil {
		f.Fatal(err)
	}
	own := weights.Model{Input: [3]int{3, 8, 9}, Classes: []string{"a", "b", "c"}, Tensors: n.Weights.Map()}
	if err := own.Save(filepath.Join(dir, ModelFile)); err != nil {
		f.Fatal(err)
	}
	file := exported(f, net(), onnx.Options{}, 3, 8, 9)
	seeds := []string{filepath.Join(dir, ModelFile), "../../graph/keras/testdata/small.keras", "../../graph/weights/testdata/numpy.npz", "../../graph/tfjs/testdata/layers/model.json"}
	for _, path := range seeds {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "")
	}
	f.Add(file, "range = [-1, 1]\nmean = [0, 0.5, 1]\ndeviation = [1, 2, 0]\nfit = \"crop\"\nshorter = 12\nfilter = \"linear\"\nclasses = [\"a\", \"b\", \"c\"]\n")
	f.Add(file, "input = [3, 8, 9]\norder = \"bgr\"\nlayout = \"nchw\"\noutput = \"output\"\nclasses = \"names.txt\"")
	for _, o := range others {
		f.Add(append(make([]byte, o.at), o.bytes...), "")
	}
	const most = 64 << 20
	f.Fuzz(func(t *testing.T, content []byte, description string) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x")
		write(t, dir, "x", content)
		write(t, dir, "x.toml", []byte(description))
		m, err := Options{}.openWith(path, func() (int, bool) { return most, true })
		if err != nil {
			if s := err.Error(); !strings.Contains(s, path) || strings.Contains(s, "\n") || len(s) > 4000 {
				t.Errorf("error %.5000q, want a line that names %s", s, path)
			}
			return
		}
		if m.Classifies && (len(m.Model.Classes) == 0 || m.Input[0] < 1 || m.Preprocessing.Check(m.Input[0], m.Input[1], m.Input[2]) != nil) {
			t.Errorf("a classifier of %d classes for images of %v with %+v", len(m.Model.Classes), m.Input, m.Preprocessing)
		}
	})
}
