package attack_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"sync"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/graph/raster"
)

// reference is what testdata/reference.py has computed with PyTorch and with the program
// of Croce and Hein.
type reference struct {
	Weights        map[string][]float64
	Images, Logits []float64
	Loss, Gradient []float64
	Classes        []int
	Losses         map[string]json.RawMessage
	PGD            []struct {
		Norm          string
		Epsilon, Size float64
		Steps         int
		Last          []float64
	}
	APGD []struct {
		Norm, Loss  string
		Epsilon     float64
		Best, Value []float64
		Right       []bool
	}
	FAB []struct {
		Norm    string
		Steps   int
		Closest []float64
	}
	Projections struct{ X, W, Gap, Linf, L2 []float64 }
	Square      struct {
		Bumps   map[string][]float64
		Queries []int
		Parts   []float64
	}
}

var readReference = sync.OnceValues(func() (r reference, err error) {
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
})

func load(t *testing.T) reference {
	t.Helper()
	r, err := readReference()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// victim is the reference's network.
func (r reference) victim(t *testing.T) *attack.Victim {
	t.Helper()
	net := graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3, Activation: graph.ReLU}, graph.MaxPool2D{}, graph.Flatten{}, graph.Dense{Units: 5},
	}
	from := map[string]*tensor.Dense{}
	for name, w := range map[string]struct {
		key   string
		shape []int
	}{
		"conv2d/weight": {"conv", []int{4, 1, 3, 3}}, "conv2d/bias": {"conv_bias", []int{4}},
		"dense/weight": {"dense", []int{36, 5}}, "dense/bias": {"dense_bias", []int{5}},
	} {
		from[name] = tensor.New(tensor.WithShape(w.shape...), tensor.WithBacking(single(r.Weights[w.key])))
	}
	v, err := attack.New(net, &graph.Weights{From: from}, [3]int{1, 8, 8}, raster.NewNormalisation([]float64{0.3}, []float64{0.5}))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func single(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// pictures cuts numbers into pictures of 8×8.
func pictures(x []float64) (images [][]float32) {
	for ; len(x) > 0; x = x[64:] {
		images = append(images, single(x[:64:64]))
	}
	return images
}

// near fails unless two pictures differ by no more than limit in any pixel.
func near(t *testing.T, what string, got, want []float32, limit float64) {
	t.Helper()
	if d := attack.Linf.Distance(got, want); !(d <= limit) {
		t.Errorf("%s differs by %.3g, want at most %g", what, d, limit)
	}
}

func norm(t *testing.T, s string) attack.Norm {
	t.Helper()
	n, err := attack.ParseNorm(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestReferenceLogits(t *testing.T) {
	r := load(t)
	logits, classes, err := r.victim(t).Predict(pictures(r.Images))
	if err != nil {
		t.Fatal(err)
	}
	for i, z := range logits {
		near(t, fmt.Sprint("logits ", i), single(z), single(r.Logits[i*5:][:5]), 1e-5)
		if classes[i] != r.Classes[i] {
			t.Errorf("picture %d is of class %d, want %d", i, classes[i], r.Classes[i])
		}
	}
}

// TestReferenceLosses: values and gradients of the losses.
func TestReferenceLosses(t *testing.T) {
	r := load(t)
	var logits []float64
	var classes, targets []int
	for name, to := range map[string]any{"logits": &logits, "classes": &classes, "targets": &targets} {
		if err := json.Unmarshal(r.Losses[name], to); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []attack.Loss{attack.CrossEntropy, attack.DLR, attack.Margin, attack.DLRTo(0)} {
		var want struct{ Value, Gradient []float64 }
		if err := json.Unmarshal(r.Losses[l.Name], &want); err != nil {
			t.Fatal(err)
		}
		for i, class := range classes {
			f := l
			if l.Name == "dlr-t" {
				f = attack.DLRTo(targets[i])
			}
			gradient := make([]float64, 6)
			value := f.F(logits[i*6:][:6], class, gradient)
			if d := math.Abs(value - want.Value[i]); d > 1e-7*max(1, math.Abs(value)) || value != f.F(logits[i*6:][:6], class, nil) {
				t.Errorf("%s %d is %v, want %v", l.Name, i, value, want.Value[i])
			}
			near(t, fmt.Sprint(l.Name, " gradient ", i), single(gradient), single(want.Gradient[i*6:][:6]), 1e-6*norm1(gradient)+1e-9)
		}
	}
}

func norm1(x []float64) (sum float64) {
	for _, v := range x {
		sum += math.Abs(v)
	}
	return sum
}

// TestReferencePGD: steps from the clean picture. All of them, so that no step stops at
// the boundary.
func TestReferencePGD(t *testing.T) {
	r := load(t)
	v, images := r.victim(t), pictures(r.Images)
	for _, w := range r.PGD {
		a := attack.PGD{Norm: norm(t, w.Norm), Epsilon: w.Epsilon, Steps: w.Steps, StepSize: w.Size, FromClean: true, Whole: true}
		for i, got := range attacked(t, a, v, images, r.Classes).Adversarial() {
			near(t, fmt.Sprintf("%s, %d steps, picture %d", w.Norm, w.Steps, i), got, pictures(w.Last)[i], 1e-5)
		}
	}
	a := attack.FGSM{Epsilon: r.PGD[0].Epsilon}
	for i, got := range attacked(t, a, v, images, r.Classes).Adversarial() {
		near(t, fmt.Sprint("FGSM, picture ", i), got, pictures(r.PGD[0].Last)[i], 1e-6)
	}
}

// TestReferenceAPGD: the best picture of a hundred steps, of those that all steps leave
// right, as this APGD stops where the network is wrong.
func TestReferenceAPGD(t *testing.T) {
	r := load(t)
	v, images := r.victim(t), pictures(r.Images)
	seen := 0
	for _, w := range r.APGD {
		a := attack.APGD{Norm: norm(t, w.Norm), Epsilon: w.Epsilon, FromClean: true}
		switch w.Loss {
		case "dlr":
			a.Loss = attack.DLR
		case "dlr-targeted":
			a.Targets = 1
		}
		o := attacked(t, a, v, images, r.Classes)
		for i, got := range o.Images {
			if got.Success == w.Right[i] {
				t.Errorf("%s %s %g: picture %d: success %v, want %v", w.Norm, w.Loss, w.Epsilon, i, got.Success, !w.Right[i])
			}
			if w.Right[i] && !got.Success {
				seen++
				near(t, fmt.Sprintf("%s %s %g, picture %d", w.Norm, w.Loss, w.Epsilon, i), got.Adversarial, pictures(w.Best)[i], 3e-4)
				if got.Gradients != 101 {
					t.Errorf("%d gradients, want 101", got.Gradients)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d pictures compared, want 20 or more", seen)
	}
}

// TestReferenceFAB: the closest picture after some steps towards the second class.
func TestReferenceFAB(t *testing.T) {
	r := load(t)
	v, images := r.victim(t), pictures(r.Images)
	seen := 0
	for _, w := range r.FAB {
		n := norm(t, w.Norm)
		a := attack.FAB{Norm: n, Epsilon: 8, Steps: w.Steps, Targets: 1, Closest: true}
		o := attacked(t, a, v, images, r.Classes)
		for i, want := range pictures(w.Closest) {
			got := o.Images[i]
			what := fmt.Sprintf("%s, %d steps, picture %d", w.Norm, w.Steps, i)
			if d := n.Distance(want, images[i]); (d > 0) != got.Success {
				t.Errorf("%s: success %v at %v, want the reference's distance %v", what, got.Success, n.Distance(got.Adversarial, images[i]), d)
				continue
			}
			seen++
			near(t, what, got.Adversarial, want, 2e-5)
		}
	}
	if seen < 40 {
		t.Errorf("%d pictures compared, want 40 or more", seen)
	}
}

// TestReferenceProjections: the steps to planes.
func TestReferenceProjections(t *testing.T) {
	r := load(t)
	p := r.Projections
	for n, want := range map[attack.Norm][]float64{attack.Linf: p.Linf, attack.L2: p.L2} {
		for i, gap := range p.Gap {
			got := attack.Onto(n, single(p.X[i*10:][:10]), single(p.W[i*10:][:10]), gap)
			near(t, fmt.Sprintf("%v, plane %d", n, i), got, single(want[i*10:][:10]), 1e-6)
		}
	}
}

// TestReferenceSquare: the bumps, and the schedule.
func TestReferenceSquare(t *testing.T) {
	r := load(t)
	for side, want := range r.Square.Bumps {
		n, err := strconv.Atoi(side)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "bump "+side, single(attack.Upright(n)), single(want), 1e-6)
	}
	for i, query := range r.Square.Queries {
		if got := (attack.Square{}).Part(query); got != r.Square.Parts[i] {
			t.Errorf("query %d: a square of %v, want %v", query, got, r.Square.Parts[i])
		}
	}
}
