package train

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// golden is testdata/golden_optimizers.json: what PyTorch computes in float64.
type golden struct {
	Weights   []float32
	Gradients [][]float32            // by step
	Rules     map[string][][]float64 // the weights after each step
	Clip      struct{ Norm, Value []float64 }
	Schedules map[string][]float64
	Plateau   struct{ Losses, Factors []float64 }
}

func loadGolden(t *testing.T) (g golden) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden_optimizers.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// checkClose compares numbers, to a share of the largest of those wanted.
func checkClose(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	tolerance *= max(slices.Max(want), -slices.Min(want))
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= tolerance) {
			t.Errorf("%s: number %d is %.9g, want %.9g", what, i, got[i], want[i])
		}
	}
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// Every rule agrees with PyTorch over ten steps.
func TestOptimizersGolden(t *testing.T) {
	g := loadGolden(t)
	rules := map[string]Optimizer{
		"sgd":                    SGD{LR: 0.1},
		"sgd momentum":           SGD{LR: 0.1, Momentum: 0.9},
		"sgd nesterov":           SGD{LR: 0.1, Momentum: 0.9, Nesterov: true},
		"sgd nesterov decay":     SGD{LR: 0.1, Momentum: 0.8, Nesterov: true, WeightDecay: 0.05},
		"sgd decay":              SGD{LR: 0.1, WeightDecay: 0.05},
		"rmsprop":                RMSProp{LR: 0.01, Alpha: 0.99, Epsilon: 1e-8},
		"rmsprop momentum decay": RMSProp{LR: 0.01, Momentum: 0.9, WeightDecay: 0.05},
		"adagrad":                Adagrad{LR: 0.1},
		"adagrad decay":          Adagrad{LR: 0.1, Epsilon: 1e-7, WeightDecay: 0.05},
		"adam":                   Adam{LR: 0.01},
		"adam decay":             Adam{LR: 0.01, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-8, WeightDecay: 0.05},
		"adamw":                  AdamW{LR: 0.01},
		"adamw more":             AdamW{LR: 0.02, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-8, WeightDecay: 0.3},
		"nadam":                  NAdam{LR: 0.002},
		"nadam decay":            NAdam{LR: 0.02, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-8, WeightDecay: 0.05},
		"lion":                   Lion{LR: 0.01},
		"lion decay":             Lion{LR: 0.02, Beta1: 0.8, Beta2: 0.95, WeightDecay: 0.3},
	}
	if len(rules) != len(g.Rules) {
		t.Errorf("%d rules, %d in the file", len(rules), len(g.Rules))
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			w := slices.Clone(g.Weights)
			var slots [][]float32
			for range rule.Slots() {
				slots = append(slots, make([]float32, len(w)))
			}
			for step, grad := range g.Gradients {
				rule.Update(uint64(step+1), w, slices.Clone(grad), slots)
				checkClose(t, "weights", float64s(w), g.Rules[name][step], 2e-6)
			}
		})
	}
}

// NAdam's product of momenta has no room in a slot: far on it is what a loop in
// all steps gives.
func TestMomenta(t *testing.T) {
	for _, beta := range []float64{0, 0.5, 0.9, 0.999} {
		want := 1.0
		for step := uint64(1); step <= 3000; step++ {
			want *= beta * (1 - 0.5*math.Pow(0.96, 0.004*float64(step)))
			if _, _, got := momenta(beta, step); math.Abs(got-want) > 1e-12 {
				t.Fatalf("beta %g, step %d: %g, want %g", beta, step, got, want)
			}
		}
	}
}

func TestClipGolden(t *testing.T) {
	g := loadGolden(t)
	// The norm is of all tensors together, the value of each number.
	grads := [][]float32{slices.Clone(g.Gradients[9][:7]), slices.Clone(g.Gradients[9][7:])}
	clipNorm(grads, 0.5)
	checkClose(t, "norm", float64s(slices.Concat(grads...)), g.Clip.Norm, 1e-6)
	grads = [][]float32{slices.Clone(g.Gradients[9])}
	clipValue(grads, 0.05)
	checkClose(t, "value", float64s(grads[0]), g.Clip.Value, 1e-6)
	for _, clip := range []func(){
		func() { clipNorm(grads, 0) }, func() { clipValue(grads, 0) }, func() { clipNorm(grads, 100) }, func() { clipValue(grads, 100) },
	} {
		before := slices.Clone(grads[0])
		if clip(); !slices.Equal(grads[0], before) {
			t.Errorf("gradients %v, want them as they were: %v", grads[0], before)
		}
	}
}
