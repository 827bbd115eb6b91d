package open

import (
	"encoding/binary"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"tapenet/graph"
)

// pictures is how many of them TestNSFWJS compares: TensorFlow.js takes seconds for
// each.
var pictures = flag.Int("pictures", 2, "pictures that TestNSFWJS compares")

// needNode skips the test where Node.js lacks a module.
func needNode(t *testing.T, modules ...string) {
	t.Helper()
	for _, m := range modules {
		if err := exec.Command("node", "-e", "require.resolve('"+m+"')").Run(); err != nil {
			t.Skipf("npm's %s is not installed, or NODE_PATH does not lead to it: %v", m, err)
		}
	}
}

// floats reads a file of float32.
func floats(t *testing.T, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(b)/4)
	if _, err := binary.Decode(b, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	return x
}

// outputs runs a network on samples of the file's order, channels last, one by one.
func outputs(t *testing.T, m Model, x []float32) (y []float32) {
	t.Helper()
	g, err := graph.Options{Weights: &graph.Weights{From: m.Tensors}, Loss: graph.MSE{}}.Build(m.Layer, graph.Infer, append([]int{1}, m.Sample...)...)
	if err != nil {
		t.Fatal(err)
	}
	to := g.Input.Float32s()
	c := m.Sample[0]
	for ; len(x) > 0; x = x[len(to):] {
		for i := range to {
			to[i] = x[i%(len(to)/c)*c+i/(len(to)/c)]
		}
		if err := g.Run(); err != nil {
			t.Fatal(err)
		}
		y = append(y, g.Output().Float32s()...)
	}
	return y
}

// near holds values together to 1e-5 of the largest, and returns the largest
// difference.
func near(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	largest, worst := 0.0, 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range got {
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
	}
	if !(worst <= 1e-5*largest) {
		t.Errorf("differs by %.2g, largest is %.2g", worst, largest)
	}
	t.Logf("%d values differ by up to %.2g, the largest is %.2g", len(got), worst, largest)
}

// TestNSFWJS: real networks from npm, MobileNetV2 and Inception-v3 of layers with
// weights of 8 bits, and a MobileNetV2 that is a graph model, give the
// logits that TensorFlow.js computes.
func TestNSFWJS(t *testing.T) {
	if testing.Short() {
		t.Skip("TensorFlow.js computes large networks")
	}
	needNode(t, "@tensorflow/tfjs", "nsfwjs")
	dir := t.TempDir()
	names := []string{"mobilenet_v2", "mobilenet_v2_mid"}
	if *pictures > 2 {
		names = append(names, "inception_v3")
	}
	if out, err := exec.Command("node", append([]string{"testdata/nsfwjs.js", dir, strconv.Itoa(*pictures)}, names...)...).CombinedOutput(); err != nil {
		t.Fatalf("TensorFlow.js: %v\n%s", err, out)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			m := opened(t, filepath.Join(dir, name))
			if !m.Classifies || !m.SoftMax || m.Format != TensorFlowJS || len(m.Model.Classes) != 5 {
				t.Fatalf("got %+v", m.Model.Classes)
			}
			near(t, outputs(t, m, floats(t, filepath.Join(dir, name, "x"))), floats(t, filepath.Join(dir, name, "y")))
		})
	}
}
