package attack_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/graph/raster"
)

// checkOutcome holds what is promised of every result: it lies in the ball and in [0,1]
// exactly, and a plain prediction of it is what the result says.
func checkOutcome(t *testing.T, v *attack.Victim, o *attack.Outcome, norm attack.Norm, epsilon float64, images [][]float32, classes []int) {
	t.Helper()
	if len(o.Images) != len(images) {
		t.Fatalf("%d results, want %d", len(o.Images), len(images))
	}
	_, predicted, err := v.Predict(o.Adversarial())
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range o.Images {
		if !norm.Inside(r.Adversarial, images[i], epsilon) {
			t.Errorf("picture %d: %v distance %v, want in [0,1] and at most %v", i, norm, norm.Distance(r.Adversarial, images[i]), epsilon)
		}
		if r.Success != (predicted[i] != classes[i]) {
			t.Errorf("picture %d of class %d: success is %v, a prediction is %d", i, classes[i], r.Success, predicted[i])
		}
		if r.Success && r.Class != predicted[i] || r.Success != (r.By != "") {
			t.Errorf("picture %d: class %d by %q, want %d and an attack's name with success alone", i, r.Class, r.By, predicted[i])
		}
	}
}

// every is each attack once, with few steps.
func every(norm attack.Norm, epsilon float64) []attack.Attack {
	return []attack.Attack{
		attack.FGSM{Norm: norm, Epsilon: epsilon},
		attack.PGD{Norm: norm, Epsilon: epsilon, Steps: 7, Restarts: 2, Seed: 3},
		attack.APGD{Norm: norm, Epsilon: epsilon, Steps: 12, Seed: 3},
		attack.APGD{Norm: norm, Epsilon: epsilon, Steps: 12, Loss: attack.DLR, Restarts: 2},
		attack.APGD{Norm: norm, Epsilon: epsilon, Steps: 8, Targets: 4, Restarts: 2},
		attack.FAB{Norm: norm, Epsilon: epsilon, Steps: 8, Targets: 3, Restarts: 2},
		attack.Square{Norm: norm, Epsilon: epsilon, Queries: 300},
		attack.Ensemble{Attacks: []attack.Attack{
			attack.FGSM{Norm: norm, Epsilon: epsilon}, attack.APGD{Norm: norm, Epsilon: epsilon, Steps: 6}, attack.Square{Norm: norm, Epsilon: epsilon, Queries: 40},
		}},
	}
}

// few is every attack with as few steps as show what it does.
func few(norm attack.Norm, epsilon float64) []attack.Attack {
	return []attack.Attack{
		attack.FGSM{Norm: norm, Epsilon: epsilon},
		attack.PGD{Norm: norm, Epsilon: epsilon, Steps: 2, Restarts: 2, Seed: 3},
		attack.APGD{Norm: norm, Epsilon: epsilon, Steps: 4, Seed: 3},
		attack.APGD{Norm: norm, Epsilon: epsilon, Steps: 2, Targets: 2},
		attack.FAB{Norm: norm, Epsilon: epsilon, Steps: 2, Targets: 1, Restarts: 2},
		attack.Square{Norm: norm, Epsilon: epsilon, Queries: 10},
		attack.Ensemble{Attacks: []attack.Attack{attack.FGSM{Norm: norm, Epsilon: epsilon}, attack.Square{Norm: norm, Epsilon: epsilon, Queries: 4}}},
	}
}

// radii are one for each norm.
var radii = map[attack.Norm]float64{attack.Linf: 0.1, attack.L2: 1.5}

// TestPromises: see checkOutcome.
func TestPromises(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 30)
	for norm, epsilon := range radii {
		for _, a := range every(norm, epsilon) {
			t.Run(fmt.Sprint(a.Name(), " ", norm), func(t *testing.T) {
				o := attacked(t, a, v, images, classes)
				checkOutcome(t, v, o, norm, epsilon, images, classes)
				if o.Accuracy() > 0.9 {
					t.Errorf("accuracy %v, want less", o.Accuracy())
				}
			})
		}
	}
}

// TestEpsilonZero: without room the accuracy is that of the clean pictures, and so are
// the results.
func TestEpsilonZero(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 150)
	_, predicted, err := v.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	for norm := range radii {
		for _, a := range few(norm, 0) {
			o := attacked(t, a, v, images, classes)
			for i, r := range o.Images {
				if !slices.Equal(r.Adversarial, images[i]) || r.Success != (predicted[i] != classes[i]) {
					t.Errorf("%s %v: picture %d is another one, or success %v is wrong", a.Name(), norm, i, r.Success)
				}
			}
		}
	}
}

// TestSameBits: the results are the same for any number of threads, and for any number
// of pictures in the list.
func TestSameBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	images, classes := digits(t, 12)
	for norm, epsilon := range radii {
		for _, a := range few(norm, epsilon/3) {
			runtime.GOMAXPROCS(2)
			want := attacked(t, a, victim(t), images, classes)
			runtime.GOMAXPROCS(1)
			sameOutcome(t, fmt.Sprint(a.Name(), " ", norm, " by one thread"), attacked(t, a, victim(t), images, classes).Images, want.Images)
			runtime.GOMAXPROCS(3)
			three := attacked(t, a, victim(t), images[:3], classes[:3])
			sameOutcome(t, fmt.Sprint(a.Name(), " ", norm, " of three, by three threads"), three.Images, want.Images[:3])
		}
	}
}

func sameOutcome(t *testing.T, what string, got, want []attack.Result) {
	t.Helper()
	for i, g := range got {
		w := want[i]
		if !slices.Equal(g.Adversarial, w.Adversarial) || g.Queries != w.Queries || g.Success != w.Success || g.Class != w.Class {
			t.Errorf("%s: picture %d differs", what, i)
		}
	}
}

// TestNormalisation: a network behind a normalisation, whose first layer undoes it, is
// attacked as the network itself is.
func TestNormalisation(t *testing.T) {
	n := raster.NewNormalisation([]float64{0.25}, []float64{0.5})
	net := trained(t)
	undone := graph.Sequential{affine{0.5, 0.25}, net.Layer}
	behind, err := attack.New(undone, renamed(net.Weights), input, n)
	if err != nil {
		t.Fatal(err)
	}
	images, classes := digits(t, 10)
	for norm, epsilon := range radii {
		a := attack.FGSM{Norm: norm, Epsilon: epsilon}
		got, want := attacked(t, a, behind, images, classes), attacked(t, a, victim(t), images, classes)
		for i, g := range got.Images {
			if d := attack.Linf.Distance(g.Adversarial, want.Images[i].Adversarial); d > 1e-5 {
				t.Errorf("%v: picture %d differs by %v", norm, i, d)
			}
		}
	}
}

// TestMoreSteps: the attack does not become weaker with more steps, or restarts.
func TestMoreSteps(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 100)
	last := 1.0
	for _, a := range []attack.PGD{{Steps: 1}, {Steps: 5}, {Steps: 20}, {Steps: 20, Restarts: 3}} {
		a.Epsilon = 0.06
		got := attacked(t, a, v, images, classes).Accuracy()
		if got > last+0.01 {
			t.Errorf("accuracy %v with %d steps and %d restarts, %v with fewer", got, a.Steps, a.Restarts, last)
		}
		last = got
	}
	if last < 0.05 || last > 0.9 {
		t.Errorf("accuracy %v in the end, want one that tells attacks apart", last)
	}
}

// TestWhole: all steps are made on all pictures, also where the network is wrong, and no
// prediction is asked for.
func TestWhole(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 20)
	a := attack.PGD{Epsilon: 0.3, Steps: 6, Whole: true}
	for i, r := range attacked(t, a, v, images, classes).Images {
		if r.Queries != 6 || r.Gradients != 6 || r.Success || !attack.Linf.Inside(r.Adversarial, images[i], 0.3) {
			t.Errorf("picture %d: %d queries, %d gradients, success %v; want 6, 6, false, and in the ball", i, r.Queries, r.Gradients, r.Success)
		}
	}
	_, predicted, err := v.Predict(attacked(t, a, v, images, classes).Adversarial())
	if err != nil {
		t.Fatal(err)
	}
	if wrong := len(classes) - equal(predicted, classes); wrong < 15 {
		t.Errorf("%d of 20 are predicted wrong, want nearly all", wrong)
	}
}

func equal(a, b []int) (n int) {
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}

// TestStepAllocates: a step of PGD allocates nothing, whatever the norm.
func TestStepAllocates(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 16)
	for norm, epsilon := range radii {
		run := func(steps int) float64 {
			a := attack.PGD{Norm: norm, Epsilon: epsilon, Steps: steps, Whole: true}
			attacked(t, a, v, images, classes)
			return testing.AllocsPerRun(2, func() { attacked(t, a, v, images, classes) })
		}
		if few, many := run(5), run(45); many > few+4 { // goroutines may start workers
			t.Errorf("%v: %v allocations in 45 steps, %v in 5", norm, many, few)
		}
	}
}

// TestCancel: an attack stops when its context is done, and the victim goes on.
func TestCancel(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 300)
	ctx, cancel := context.WithCancel(context.Background())
	asked := 0
	v.Progress = func(string, int, int) {
		if asked++; asked == 3 {
			cancel()
		}
	}
	before := runtime.NumGoroutine()
	_, err := attack.PGD{Epsilon: 0.01, Steps: 1000}.Run(ctx, v, images, classes)
	if !errors.Is(err, context.Canceled) || asked > 4 {
		t.Errorf("got error %v after %d batches, want %v at once", err, asked, context.Canceled)
	}
	if after := runtime.NumGoroutine(); after > before+10 {
		t.Errorf("%d goroutines, %d before", after, before)
	}
	v.Progress = nil
	checkOutcome(t, v, attacked(t, attack.FGSM{Epsilon: 0.1}, v, images, classes), attack.Linf, 0.1, images, classes)
}

// TestErrors: what does not fit is refused.
func TestErrors(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 2)
	bright := [][]float32{slices.Repeat([]float32{2}, 784)}
	for _, tt := range []struct {
		name    string
		attack  attack.Attack
		images  [][]float32
		classes []int
		want    string
	}{
		{"epsilon", attack.FGSM{Epsilon: -1}, images, classes, "attack: epsilon -1, want 0 to 1e+06: a distance of pixels in [0,1]"},
		{"norm", attack.PGD{Norm: 7}, images, classes, "attack: Norm(7), want linf or l2"},
		{"steps", attack.PGD{Steps: -1}, images, classes, "attack: -1 steps, want 1 or more, or 0 for the default"},
		{"step size", attack.PGD{StepSize: -1}, images, classes, "attack: step size -1, want above 0, or 0 for the default"},
		{"classes", attack.FGSM{}, images, classes[:1], "attack: 2 pictures and 1 classes, want as many"},
		{"no classes", attack.FGSM{}, images, nil, "attack: 2 pictures and 0 classes, want as many"},
		{"class", attack.FGSM{}, images, []int{0, 10}, "attack: picture 1 is of class 10, want 0 to 9"},
		{"size", attack.FGSM{}, [][]float32{{1}}, []int{0}, "attack: picture 0 has 1 values, want 784 for [1 28 28]"},
		{"pixels", attack.FGSM{}, bright, []int{0}, "attack: value 0 of picture 0 is 2, want pixels from 0 to 1, as they are before normalisation"},
	} {
		if _, err := tt.attack.Run(context.Background(), v, tt.images, tt.classes); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := (attack.FGSM{}).Run(context.Background(), nil, images, classes); err == nil {
		t.Error("no error for a victim that is nil")
	}
}

// TestNewErrors: what is no classifier is refused.
func TestNewErrors(t *testing.T) {
	net := trained(t)
	for _, tt := range []struct {
		name  string
		layer graph.Layer
		w     *graph.Weights
		input [3]int
		norm  raster.Normalisation
		o     attack.Options
		want  string
	}{
		{"no weights", net.Layer, &graph.Weights{}, input, nil, attack.Options{}, "has no weights"},
		{"input", net.Layer, net.Weights, [3]int{1, 0, 28}, nil, attack.Options{}, "attack: input [1 0 28], want channels, height and width"},
		{"normalisation", net.Layer, net.Weights, input, make(raster.Normalisation, 3), attack.Options{}, "a normalisation of 3 channels, want 1"},
		{"batch", net.Layer, net.Weights, input, nil, attack.Options{Batch: -1}, "batch size -1"},
		{"output", affine{1, 0}, net.Weights, input, nil, attack.Options{}, "the network's output is (128, 1, 28, 28), want (N,classes)"},
	} {
		if _, err := tt.o.New(tt.layer, tt.w, tt.input, tt.norm); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestPanic: a loss that panics is an error, not the process's end.
func TestPanic(t *testing.T) {
	images, classes := digits(t, 3)
	bad := attack.Loss{Name: "bad", F: func([]float64, int, []float64) float64 { panic("no such loss") }}
	_, err := attack.FGSM{Epsilon: 0.1, Loss: bad}.Run(context.Background(), victim(t), images, classes)
	if err == nil || !strings.Contains(err.Error(), "no such loss") {
		t.Errorf("got error %v, want the panic's", err)
	}
}
