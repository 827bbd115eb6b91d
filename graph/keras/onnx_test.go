package keras

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tapenet/graph"
	"tapenet/graph/onnx"
)

// TestONNX: models with branches, within each other, become ONNX files that
// predict the same. The plain one has a ReLU with a threshold, which ONNX has not.
func TestONNX(t *testing.T) {
	dir := goldens(t)
	for _, name := range []string{"branches", "nested", "shared_names", "larger", "operators"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatal(err)
		}
		file := name + "_earliest.keras"
		m, err := Load(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		net, err := graph.NewNetwork(m, g.Shape, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		exported, err := onnx.Options{Logits: !m.SoftMax}.Export(m, net.Weights.Map(), g.Shape...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := onnx.Load(exported)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := g.Files[file]
		model, err := graph.Options{}.Build(back, graph.Infer, append([]int{2}, g.Shape...)...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		copy(model.Input.Float32s(), g.X)
		if err := model.Run(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := model.Output().Float32s()
		if len(got) != len(want) {
			t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
		}
		for i := range got {
			if d := math.Abs(float64(got[i]) - want[i]); !(d <= 1e-5*max(1, math.Abs(want[i]))) {
				t.Fatalf("%s: value %d is %v, want %v", name, i, got[i], want[i])
			}
		}
	}
}
