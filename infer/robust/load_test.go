package robust

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
)

// TestWhatLoads measures everything that infer.Load returns: each network of the zoo,
// and the ways in which a model file may differ. Its weights are random.
func TestWhatLoads(t *testing.T) {
	type loaded struct {
		name, model string
		change      func(m *weights.Model)
		skipped     []string // what does not go with it
	}
	var all []loaded
	for _, s := range modelzoo.Specs() {
		all = append(all, loaded{name: s.Name, model: s.Name, change: func(m *weights.Model) {
			if strings.HasPrefix(s.Name, "simplecnn") {
				m.Input = [3]int{1, 25, 25} // the smallest, as they are slow
			}
		}})
	}
	all = append(all,
		loaded{"a width", "mlp-0.5", func(*weights.Model) {}, nil},
		loaded{"normalised", "lenet5", func(m *weights.Model) {
			m.Preprocessing = raster.Preprocessing{Mean: []float64{0.13}, Deviation: []float64{0.31}}
		}, nil},
		loaded{"a constant channel", "mlp", func(m *weights.Model) {
			m.Preprocessing = raster.Preprocessing{Mean: []float64{0.5}, Deviation: []float64{0}}
		}, nil},
		loaded{"scaled pictures of colour", "lenet5", func(m *weights.Model) { m.Preprocessing.Fit, m.Input = raster.Stretch, [3]int{3, 24, 20} }, nil},
		loaded{"two channels", "mlp", func(m *weights.Model) { m.Input = [3]int{2, 9, 10} }, nil},
		loaded{"tiny images", "mlp", func(m *weights.Model) { m.Input = [3]int{1, 2, 3} }, nil},
		loaded{"one pixel", "mlp", func(m *weights.Model) { m.Input = [3]int{1, 1, 1} }, nil},
		loaded{"two classes", "cnn", func(m *weights.Model) { m.Classes = m.Classes[:2] }, nil},
		loaded{"one class", "mlp", func(m *weights.Model) { m.Classes = m.Classes[:1] }, []string{"attacks/fgsm", "attacks/pgd", "certificates/interval"}},
		loaded{"a temperature", "mlp", func(m *weights.Model) { m.Temperature = 2.5 }, nil},
		loaded{"a threshold", "mlp", func(m *weights.Model) {
			m.Unknown = &weights.Unknown{Score: weights.ScoreEnergy, Threshold: 1, Share: 0.95}
		}, nil},
	)
	// What a picture becomes does not depend on the network: large ones get less.
	what := []string{"", "attacks/fgsm", "calibration", "unknown"}
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			p := load(t, tt.model, tt.change)
			if testing.Short() && p.Input == [3]int{3, 32, 32} {
				t.Skip("takes seconds")
			}
			s := pictures(p.Input, 2, len(p.Classes))
			c := Config{What: what, Limit: 1, Known: s, Epsilon: 0.1, Smoothing: Smoothing{Samples: 100}}
			if p.Input[0]*p.Input[1]*p.Input[2] < 1000 && tt.model != "cnn" && !strings.HasPrefix(tt.model, "simple") || tt.name == "cnn" { // quick ones
				c.What = nil
			} else if groups := Groups(p.Input); len(groups[0].Items) > 0 {
				c.What = append([]string{"corruptions/" + groups[0].Items[0]}, what[1:]...)
			}
			if tt.name == "mlpmixer" { // LayerNorm has no interval bounds
				c.What = append(c.What, "certificates/interval")
				tt.skipped = []string{"certificates/interval"}
			}
			r := measure(t, p, s, c)
			text(t, r) // no NaN, which JSON has not
			if r.Clean.Images != 1 || len(r.Corruptions) < 1 || r.Calibration == nil || len(r.Unknown) != 2 {
				t.Errorf("report %+v lacks something", r)
			}
			var skipped []string
			for _, s := range r.Skipped {
				if s.What != "temperature that fits" { // there is none for one image
					skipped = append(skipped, s.What)
				}
			}
			if r.Attacks != nil && (r.Attacks.Attacks[0].Found != r.Attacks.Attacks[0].Confirmed) {
				t.Errorf("attacks %+v, want all confirmed", r.Attacks)
			}
			for _, want := range tt.skipped {
				if !slices.Contains(skipped, want) {
					t.Errorf("left out %v, want %s among them", r.Skipped, want)
				}
			}
			if len(tt.skipped) == 0 && len(skipped) > 0 {
				t.Errorf("left out %v, want nothing", skipped)
			}
		})
	}
}

// load saves a model of random weights and loads it.
func load(t *testing.T, name string, change func(m *weights.Model)) *infer.Predictor {
	t.Helper()
	spec, err := modelzoo.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	m := weights.Model{Name: name, Input: spec.Input, Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}}
	change(&m)
	n, err := graph.NewNetwork(spec.New(len(m.Classes)), m.Input[:], graph.Options{Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	m.Tensors = n.Weights.Map()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	p, err := infer.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
