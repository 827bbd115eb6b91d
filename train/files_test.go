package train

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/train/data"
)

// A finished run's folder has these files and nothing else, such as a temporary one.
func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "blobs") // neither exists
	res := fit(t, smallNet(), blobSet(25, 5), Config{Epochs: 3, Batch: 10, Dir: dir, Model: "small"})
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{BestFile, CheckpointFile, CurvesFile, HistoryFile, ModelFile, PreviousFile}; !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
	checkHistoryFile(t, filepath.Join(dir, HistoryFile), res.History)
	checkCurves(t, filepath.Join(dir, CurvesFile), 3)
	m, err := weights.LoadModel(filepath.Join(dir, ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Network.Weights.Load(m.Tensors); err != nil {
		t.Errorf("the model does not fit its network: %v", err)
	}
}

// Every epoch replaces all files and rewrites none: whoever has one open keeps what it was, as a second name shows.
func TestFilesReplaced(t *testing.T) {
	dir, links := t.TempDir(), t.TempDir()
	names := []string{BestFile, CheckpointFile, CurvesFile, HistoryFile, ModelFile}
	var before []string
	fit(t, plainNet(), blobSet(25, 5), Config{Epochs: 2, Dir: dir, Callbacks: []Callback{onEpoch(func(e Epoch) {
		if e.Epoch > 1 {
			return
		}
		before = filesOf(t, dir)
		for _, name := range names {
			if err := os.Link(filepath.Join(dir, name), filepath.Join(links, name)); err != nil {
				t.Fatal(err)
			}
		}
	})}})
	after := filesOf(t, dir)
	for i, kept := range filesOf(t, links) {
		if kept != before[i] {
			t.Errorf("%s was written in place", names[i])
		}
		if after[i] == before[i] {
			t.Errorf("%s is still that of the first epoch", names[i])
		}
	}
}

// The model's file is the documented one: names, shapes in the usual order, and metadata.
func TestModelFile(t *testing.T) {
	dir := t.TempDir()
	d := data.Dataset{
		Name: "blobs", Shape: [3]int{1, 28, 28}, Classes: strings.Split("0123456789", ""),
		Train: &blobs{n: 4}, Test: &blobs{n: 2},
	}
	fit(t, modelzoo.CNN(10), d, Config{Epochs: 1, Dir: dir, Model: "cnn"})
	f := loadFile(t, dir, ModelFile)
	got := map[string]string{}
	for name, tensor := range f.Tensors {
		got[name] = fmt.Sprint(tensor.Dtype(), tensor.Shape())
	}
	want := map[string]string{
		"conv2d/weight": "float32 (32, 1, 3, 3)", "conv2d/bias": "float32 (32)",
		"dense/weight": "float32 (5408, 128)", "dense/bias": "float32 (128)",
		"dense_1/weight": "float32 (128, 10)", "dense_1/bias": "float32 (10)",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("tensors %v, want %v", got, want)
	}
	meta := map[string]string{"model": "cnn", "input": "1,28,28", "classes": `["0","1","2","3","4","5","6","7","8","9"]`, "epoch": "1"}
	if fmt.Sprint(f.Metadata) != fmt.Sprint(meta) {
		t.Errorf("metadata %q, want %q", f.Metadata, meta)
	}
}

// checkHistoryFile compares a history.csv with the history.
func checkHistoryFile(t *testing.T, path string, history []Epoch) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines[0], ","); got != "epoch,loss,accuracy,val_loss,val_accuracy,images_per_second,learning_rate" {
		t.Errorf("columns %s", got)
	}
	if len(lines) != 1+len(history) {
		t.Fatalf("%d lines, want a header and %d epochs", len(lines), len(history))
	}
	for i, e := range history {
		want := []float64{float64(e.Epoch), e.Loss, e.Accuracy, e.ValLoss, e.ValAccuracy, e.ImagesPerSecond, e.LearningRate}
		for k, field := range lines[i+1] {
			got, err := strconv.ParseFloat(field, 64)
			if err != nil || max(got-want[k], want[k]-got) > 1e-7*max(want[k], -want[k]) {
				t.Errorf("epoch %d: %s is %s, want %g", i+1, lines[0][k], field, want[k])
			}
		}
	}
}

// checkCurves reads an SVG to its end and looks for both charts, and in each for both curves: a dot for each epoch and, for
// more than one, a line.
func checkCurves(t *testing.T, path string, epochs int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	elements, text := map[string]int{}, map[string]int{}
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
		case xml.CharData:
			text[strings.TrimSpace(string(token))]++
		}
	}
	for name, want := range map[string]int{"loss": 1, "accuracy": 1, "training": 2, "test": 2} {
		if text[name] != want {
			t.Errorf("the text %q appears %d times, want %d; all: %v", name, text[name], want, text)
		}
	}
	lines, dots := 4*min(epochs-1, 1), 4*epochs
	if epochs > 60 {
		dots = 0
	}
	if elements["svg"] != 1 || elements["polyline"] < lines || elements["circle"] < dots {
		t.Errorf("%v, want %d lines and %d dots", elements, lines, dots)
	}
}

// Histories that a plot could trip over.
func TestCurves(t *testing.T) {
	flat := make([]Epoch, 300)
	for i := range flat {
		flat[i] = Epoch{Epoch: i + 1}
	}
	for _, tt := range []struct {
		name    string
		history []Epoch
	}{
		{"one epoch", []Epoch{{Epoch: 1, Loss: 2.3, ValLoss: 2.2, Accuracy: 0.1, ValAccuracy: 0.2}}},
		{"all zero, many epochs", flat},
		{"extreme", []Epoch{{Epoch: 1, Loss: 3e38, ValLoss: -3e38}, {Epoch: 2, Loss: 1e-300, ValLoss: 3e38}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeCurves(&b, "test", tt.history); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), CurvesFile)
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			checkCurves(t, path, len(tt.history))
			if b.Len() > 1<<18 {
				t.Errorf("a file of %d bytes", b.Len())
			}
		})
	}
}

// Each of the four numbers is drawn.
func TestCurvesShow(t *testing.T) {
	drawn := func(change func(e *Epoch)) string {
		history := []Epoch{{Epoch: 1, Loss: 2, ValLoss: 1, Accuracy: 0.1, ValAccuracy: 0.4}, {Epoch: 2, Loss: 1, ValLoss: 2, Accuracy: 0.2, ValAccuracy: 0.1}, {Epoch: 3}}
		change(&history[1])
		var b bytes.Buffer
		if err := writeCurves(&b, "test", history); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	same := drawn(func(*Epoch) {})
	if drawn(func(e *Epoch) { e.ImagesPerSecond = 9 }) != same {
		t.Error("equal curves, other drawing")
	}
	for name, change := range map[string]func(e *Epoch){
		"loss":              func(e *Epoch) { e.Loss = 0.7 },
		"test loss":         func(e *Epoch) { e.ValLoss = 0.7 },
		"training accuracy": func(e *Epoch) { e.Accuracy = 0.3 },
		"test accuracy":     func(e *Epoch) { e.ValAccuracy = 0.3 },
	} {
		if drawn(change) == same {
			t.Errorf("another %s, equal drawing", name)
		}
	}
}

// A folder that cannot be made is found before anything is trained.
func TestFitNoDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "run")} {
		d := blobSet(20, 5)
		failing(t, plainNet(), d, Config{Dir: dir}, "train: the run's folder: ", file, "not a directory")
		if reads := len(d.Train.(*blobs).reads); reads > 0 {
			t.Errorf("%d samples were read", reads)
		}
	}
}

// Fit leaves nothing on the disk without a folder.
func TestFitWithoutDir(t *testing.T) {
	t.Chdir(t.TempDir())
	fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 1})
	if files := filesOf(t, "."); len(files) > 0 {
		t.Errorf("the folder has %.40q", files)
	}
}
