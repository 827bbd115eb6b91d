package modelzoo_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/modelzoo"
)

// zooCase is one of testdata/golden_zoo.json, whose numbers come from PyTorch
// through golden_zoo.py beside it. Its first lines say what is computed.
type zooCase struct {
	Name         string    `json:"name"`
	Input        []int     `json:"input"`
	Parameters   int       `json:"parameters"`
	Float32Error float64   `json:"float32_error"`
	Training     []float64 `json:"training"`  // logits (8,10) of a batch, with its own statistics
	Inference    []float64 `json:"inference"` // after that, with the running ones
}

func loadZoo(t *testing.T) []zooCase {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "golden_zoo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []zooCase }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// TestZooAgreesWithPyTorch: every network gives PyTorch's logits from the same
// weights, in training and in inference, to 1e-4 of the largest.
func TestZooAgreesWithPyTorch(t *testing.T) {
	missing := map[string]bool{}
	for _, s := range modelzoo.Specs() {
		missing[s.Name] = true
	}
	for _, c := range loadZoo(t) {
		delete(missing, c.Name)
		t.Run(c.Name+fmt.Sprint(c.Input), c.test)
	}
	if len(missing) > 0 {
		t.Errorf("golden_zoo.json has nothing of %v", missing)
	}
}

func (c zooCase) test(t *testing.T) {
	if c.Float32Error > goldenTolerance/5 {
		t.Errorf("PyTorch's float32 is %g from float64, want at most a fifth of the tolerance %g", c.Float32Error, goldenTolerance)
	}
	s, err := modelzoo.Lookup(c.Name)
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.NewNetwork(s.New(10), c.Input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	training, err := net.Model(graph.Train, 8)
	if err != nil {
		t.Fatal(err)
	}
	inference, err := net.Model(graph.Infer, 8)
	if err != nil {
		t.Fatal(err)
	}
	if got := parameters(training); got != c.Parameters {
		t.Fatalf("%d parameters, want %d", got, c.Parameters)
	}
	for i, p := range training.Params() {
		fillParameter(p, fmt.Sprintf("%s/%d", c.Name, i))
	}
	c.compare(t, training, c.Training)
	c.compare(t, inference, c.Inference)
}

// compare runs a model on the case's images.
func (c zooCase) compare(t *testing.T, m *graph.Model, want []float64) {
	t.Helper()
	fill(fmt.Sprintf("zoo/%dx%dx%d", c.Input[0], c.Input[1], c.Input[2]), m.Input.Float32s(),
		func(z uint64) float32 { return float32(z>>40) * 0x1p-24 })
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	top := 0.0
	for _, v := range want {
		top = max(top, math.Abs(v))
	}
	got := numbers(m.Output())
	if len(got) != len(want) {
		t.Fatalf("%v: %d logits, want %d", m.Mode, len(got), len(want))
	}
	for i := range want {
		if !near(got[i], want[i], top) {
			t.Fatalf("%v: logit %d is %.9g, want %.9g", m.Mode, i, got[i], want[i])
		}
	}
}

// fillParameter sets a parameter to what golden_zoo.py draws from a stream.
func fillParameter(p graph.Param, stream string) {
	limit, shift, shape := 0.1, float32(0), p.Value.Shape()
	switch {
	case strings.HasSuffix(p.Name, "/gamma"):
		limit, shift = 0.5, 1
	case len(shape) == 2: // (in,out)
		limit = math.Sqrt(6 / float64(shape[0]))
	case len(shape) >= 3: // (filters,channels,height,width), (filters,channels,harmonics)
		limit = math.Sqrt(6 / float64(tensor.Shape(shape[1:]).TotalSize()))
	}
	set(p.Value, graphtest.Random(stream, limit, shape...))
	for i := range p.Value.Float32s() {
		p.Value.Float32s()[i] += shift
	}
}
