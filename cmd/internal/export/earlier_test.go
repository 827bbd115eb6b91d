package export

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tapenet/cmd/internal/earlier"
	"tapenet/graph"
	"tapenet/graph/onnx"
)

// TestEarlierONNX: the model of an earlier commit goes to ONNX, and what comes back
// gives the probabilities that the commit gave.
func TestEarlierONNX(t *testing.T) {
	r, err := earlier.Copy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "m.onnx")
	if _, err := export(t, "-model", r.Dir, "-to", "onnx", "-out", file); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Load(content)
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range r.Images {
		copy(one.Input.Float32s(), x)
		if err := one.Run(); err != nil {
			t.Fatal(err)
		}
		got := one.Output().Float32s()
		if len(got) != len(r.OfImages[i]) {
			t.Fatalf("image %d: %d probabilities, want %d", i, len(got), len(r.OfImages[i]))
		}
		for class, want := range r.OfImages[i] {
			if !(math.Abs(float64(got[class]-want)) <= 1e-5) {
				t.Errorf("image %d, class %d: probability %v, of the earlier commit %v", i, class, got[class], want)
			}
		}
	}
}

// TestEarlierProgram: the Go program that is made of the model says of pictures what
// the commit said.
func TestEarlierProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	r, err := earlier.Copy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program, dir := source(t, r.Dir, "", ""), t.TempDir()
	for i, picture := range r.Pictures {
		path := filepath.Join(dir, strconv.Itoa(i)+".png")
		writePNG(t, path, picture)
		out, err := exec.Command(program, path).Output()
		if err != nil {
			t.Fatal(err)
		}
		label, percent, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), path+": "), " (")
		got, err := strconv.ParseFloat(strings.TrimSuffix(percent, " %)"), 64)
		want := r.OfPictures[i]
		class, atoi := strconv.Atoi(label) // the labels are the digits
		if !ok || err != nil || atoi != nil || class >= len(want) || math.Abs(got-100*float64(want[class])) > 0.06 {
			t.Errorf("picture %d: printed %q, of the earlier commit %v", i, out, want)
		}
		for other := range want {
			if want[other] > want[class] {
				t.Errorf("picture %d: class %d, want %d", i, class, other)
			}
		}
	}
}
