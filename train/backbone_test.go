package train

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/train/data"
)

// blobLayers are a network that is trained already, for blobSet's images.
func blobLayers() graph.Layer {
	return graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU}, graph.BatchNorm{}, graph.Dropout{Rate: 0.5}, graph.Flatten{}, graph.Dense{Units: 7, Activation: graph.Tanh},
	}
}

func blobBackbone() *Backbone {
	l := blobLayers()
	return &Backbone{Layer: l, Weights: firstValues(l)}
}

// headNet is one behind blobBackbone; its parameters have paths of their own.
func headNet() graph.Layer {
	return graph.Sequential{graph.Flatten{}, graph.Named{Name: "head", Body: graph.Sequential{graph.BatchNorm{}, graph.Dropout{Rate: 0.2}, graph.Dense{Units: 3}}}}
}

// TestBackbone: a head that is trained on features has the bits of one that is trained
// behind the frozen network, on images; the frozen weights keep theirs; the model that is
// left takes images.
func TestBackbone(t *testing.T) {
	set := func() data.Dataset { return blobSet(53, 20) }
	b := blobBackbone()
	c := Config{Epochs: 3, Batch: 10, Seed: 5, Backbone: b, Dir: filepath.Join(t.TempDir(), "run")}
	got := fit(t, headNet(), set(), c)
	first := map[string]any{}
	l := blobLayers()
	first1 := firstValues(l)
	for name, v := range first1 {
		if !reflect.DeepEqual(v.Float32s(), got.Network.Weights.Get(name).Float32s()) {
			t.Errorf("%s of the backbone has changed", name)
		}
		first[name] = v
	}
	if !reflect.DeepEqual(got.Network.Input, []int{1, 4, 4}) {
		t.Errorf("the network takes %v, want images", got.Network.Input)
	}
	frozen := graph.Sequential{graph.Frozen{Body: blobLayers()}, headNet()}
	from := got.Network.Weights.Map()
	start, err := graph.NewNetwork(frozen, []int{1, 4, 4}, graph.Options{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	values := start.Weights.Map()
	for name, v := range first1 {
		copy(values[name].Float32s(), v.Float32s())
	}
	whole := fit(t, frozen, set(), Config{Epochs: 3, Batch: 10, Seed: 5, From: values})
	for name, v := range whole.Network.Weights.Map() {
		if !reflect.DeepEqual(v.Float32s(), from[name].Float32s()) {
			t.Errorf("%s: other bits with features than with images", name)
		}
	}
	for i, e := range whole.History {
		if e.Loss != got.History[i].Loss || e.ValAccuracy != got.History[i].ValAccuracy {
			t.Errorf("epoch %d: loss %v and accuracy %v, with images %v and %v", i+1, got.History[i].Loss, got.History[i].ValAccuracy, e.Loss, e.ValAccuracy)
		}
	}
	m, err := weights.LoadModel(filepath.Join(c.Dir, ModelFile))
	if err != nil || m.Input != [3]int{1, 4, 4} || len(m.Tensors) != len(from) {
		t.Errorf("the model takes %v with %d tensors, %v, want images and %d", m.Input, len(m.Tensors), err, len(from))
	}
	c.Epochs, c.Dir = 1, filepath.Join(t.TempDir(), "stopped")
	fit(t, headNet(), set(), c)
	c.Epochs, c.Resume = 3, true
	if again := fit(t, headNet(), set(), c); !reflect.DeepEqual(bits(again.Network), bits(got.Network)) {
		t.Error("a run that goes on comes to other weights")
	}
}

// TestFeatureCache: features come from the file the second time, with the same bits; a
// damaged file is made anew, and other weights have a file of their own.
func TestFeatureCache(t *testing.T) {
	dir := t.TempDir()
	run := func(b *Backbone) *Result {
		b.Cache = dir
		return fit(t, headNet(), blobSet(53, 20), Config{Epochs: 2, Batch: 10, Backbone: b})
	}
	plain := fit(t, headNet(), blobSet(53, 20), Config{Epochs: 2, Batch: 10, Backbone: blobBackbone()})
	for _, when := range []string{"first", "second"} {
		if !reflect.DeepEqual(bits(run(blobBackbone()).Network), bits(plain.Network)) {
			t.Errorf("%s time with a cache: other bits", when)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v, want one", files, err)
	}
	path := filepath.Join(dir, files[0].Name())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Another feature in the file, with its checksum, is believed: so the file is read.
	c := featureCache{size: 7, rows: map[featureKey][]float32{}, path: path, added: true}
	c.read(b)
	if len(c.rows) != 53 { // the test images are among the training images
		t.Errorf("%d rows, want one an image", len(c.rows))
	}
	for _, row := range c.rows {
		row[0] += 9
	}
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(bits(run(blobBackbone()).Network), bits(plain.Network)) {
		t.Error("the file is not read")
	}
	b[100]++
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(bits(run(blobBackbone()).Network), bits(plain.Network)) {
		t.Error("a damaged file is believed")
	}
	other := blobBackbone()
	other.Weights["dense/bias"].Float32s()[0]++
	run(other)
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("%d files for two backbones", len(files))
	}
}

func TestBackboneErrors(t *testing.T) {
	less := blobBackbone()
	delete(less.Weights, "dense/bias")
	for _, tt := range []struct {
		name string
		c    Config
		want string
	}{
		{"mixup", Config{Backbone: blobBackbone(), Mixup: 0.2}, "train: a Backbone with a Defence, Mixup or CutMix"},
		{"a weight is missing", Config{Backbone: less}, "train: backbone: graph: tensor dense/bias is missing"},
		{"images", Config{Backbone: &Backbone{Layer: graph.ReLU}}, "train: the backbone gives (1, 1, 4, 4), want features (N,d)"},
		{"rates", Config{Rates: map[string]float64{"dense/bias": 1}, Optimizer: fixedRule{}}, "train: Rates with optimizer train.fixedRule"},
	} {
		_, err := Fit(t.Context(), headNet(), blobSet(53, 20), tt.c)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// fixedRule has no rate.
type fixedRule struct{}

func (fixedRule) Slots() []string                                { return nil }
func (fixedRule) Update(_ uint64, _, _ []float32, _ [][]float32) {}

// TestParameterRates: a factor of 0 keeps a parameter, and of 1 is as none.
func TestParameterRates(t *testing.T) {
	c := Config{Epochs: 1, Batch: 10}
	plain := fit(t, plainNet(), blobSet(53, 20), c)
	names := plain.Network.Weights.Names()
	c.Rates = map[string]float64{names[0]: 1}
	if !reflect.DeepEqual(bits(fit(t, plainNet(), blobSet(53, 20), c).Network), bits(plain.Network)) {
		t.Error("a factor of 1 changes something")
	}
	first, err := graph.NewNetwork(plainNet(), []int{1, 4, 4}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Rates = map[string]float64{names[0]: 0}
	got := fit(t, plainNet(), blobSet(53, 20), c)
	for i, v := range got.Network.Weights.Get(names[0]).Float32s() {
		if was := first.Weights.Get(names[0]).Float32s()[i]; math.Abs(float64(v-was)) > 1e-20 {
			t.Errorf("%s has changed from %v to %v", names[0], was, v)
		}
	}
}

// TestFrozenInLanes: what is frozen keeps its bits in any number of lanes.
func TestFrozenInLanes(t *testing.T) {
	l := graph.Sequential{graph.Frozen{Body: blobLayers()}, headNet()}
	got := fit(t, l, blobSet(53, 20), Config{Epochs: 1, Batch: 20, Lanes: 11, From: firstValues(l)})
	for name, v := range firstValues(l) {
		if same := reflect.DeepEqual(v.Float32s(), got.Network.Weights.Get(name).Float32s()); same == strings.HasPrefix(name, "head/") {
			t.Errorf("%s: as before: %t", name, same)
		}
	}
}
