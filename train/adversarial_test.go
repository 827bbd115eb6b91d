package train

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/train/data"
)

// adversaryOf returns an adversary of the CNN, with weights that have seen nothing, and a
// batch of pictures that are noise.
func adversaryOf(t testing.TB, a Adversarial, n int, st data.Stats) (d *adversary, pixels, classes []float32, w *graph.Weights) {
	t.Helper()
	net, err := graph.NewNetwork(smallNet(), []int{1, 4, 4}, graph.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	defender, err := a.Begin(Task{Layer: net.Layer, Input: [3]int{1, 4, 4}, Weights: net.Weights, Stats: st, Seed: 1, Lane: n})
	if err != nil {
		t.Fatal(err)
	}
	d = attackerOf(defender)
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	pixels, classes = make([]float32, n*16), make([]float32, n)
	for i := range pixels {
		pixels[i] = float32(0.5 + 0.5*math.Sin(float64(i*i)))
	}
	for k := range classes {
		classes[k] = float32(k % 3)
	}
	return d, pixels, classes, net.Weights
}

func attackerOf(d Defender) *adversary {
	if t, ok := d.(*trades); ok {
		return t.adversary
	}
	return d.(*adversary)
}

// The loop of training makes the pictures that package attack makes, which runs one
// picture by itself: with any normalisation, in both norms.
func TestAttackAgrees(t *testing.T) {
	const n = 7
	for _, st := range []data.Stats{{}, {Mean: []float64{0.3}, Deviation: []float64{0.2}}} {
		for _, norm := range []attack.Norm{attack.Linf, attack.L2} {
			d, pixels, classes, w := adversaryOf(t, Adversarial{Method: "pgd", Epsilon: 0.3, Norm: norm}, n, st)
			x := slices.Clone(pixels)
			for lo := 0; lo < len(x); lo += 16 {
				d.norm.Apply(x[lo:][:16])
			}
			if err := d.attack(attempt{epsilon: 0.3, size: 0.1, steps: 5}, x, classes); err != nil {
				t.Fatal(err)
			}
			undo(d.norm, x, 16)
			v, err := attack.New(smallNet(), w, [3]int{1, 4, 4}, d.norm)
			if err != nil {
				t.Fatal(err)
			}
			out, err := attack.PGD{Epsilon: 0.3, Norm: norm, Steps: 5, StepSize: 0.1, Whole: true, FromClean: true}.Run(
				t.Context(), v, slices.Collect(slices.Chunk(pixels, 16)), ints(classes))
			if err != nil {
				t.Fatal(err)
			}
			for k, r := range out.Images {
				if got := norm.Distance(x[k*16:][:16], r.Adversarial); got > 1e-5 {
					t.Errorf("%v, %v: picture %d is %g from package attack's", norm, st, k, got)
				}
				if norm.Distance(x[k*16:][:16], pixels[k*16:][:16]) < 0.01 {
					t.Errorf("%v, %v: picture %d is the clean one", norm, st, k)
				}
			}
		}
	}
}

func ints(x []float32) (all []int) {
	for _, v := range x {
		all = append(all, int(v))
	}
	return all
}

// What is trained on lies in the ball and in [0,1], the random start too, and has a larger
// loss than the start.
func TestAttackedPictures(t *testing.T) {
	const n = 5
	for _, method := range AdversarialMethods() {
		for _, norm := range []attack.Norm{attack.Linf, attack.L2} {
			for _, steps := range []int{0, 1} {
				if method == "fgsm" && steps == 0 {
					continue // its start may lie beyond [0,1]
				}
				d, pixels, classes, _ := adversaryOf(t, Adversarial{Method: method, Epsilon: 0.3, Norm: norm}, n, data.Stats{})
				s := attempt{epsilon: 0.3, size: d.StepSize, steps: steps * d.Steps, random: func(k int) { d.seed(Moment{StepsPerEpoch: 1}, k) }}
				x := slices.Clone(pixels)
				if err := d.attack(s, x, classes); err != nil {
					t.Fatal(err)
				}
				for k := range n {
					got, clean := x[k*16:][:16], pixels[k*16:][:16]
					if far := norm.Distance(got, clean); far > 0.3+1e-6 || far < 0.01 {
						t.Errorf("%s, %v, %d steps: picture %d is %g from the clean one, want up to 0.3", method, norm, steps, k, far)
					}
					if slices.Min(got) < 0 || slices.Max(got) > 1 {
						t.Errorf("%s, %v, %d steps: picture %d has values from %g to %g", method, norm, steps, k, slices.Min(got), slices.Max(got))
					}
				}
			}
		}
	}
}

// Random starts are a sample's and an epoch's own.
func TestRandomStarts(t *testing.T) {
	d, pixels, classes, _ := adversaryOf(t, Adversarial{Method: "pgd", Epsilon: 0.3}, 1, data.Stats{})
	seen := map[float32]bool{}
	for _, at := range []Moment{{Step: 3, StepsPerEpoch: 4}, {Step: 4, StepsPerEpoch: 4}} {
		for _, sample := range []int{7, 8} {
			x := slices.Clone(pixels[:16])
			if err := d.attack(attempt{epsilon: 0.3, random: func(int) { d.seed(at, sample) }}, x, classes); err != nil {
				t.Fatal(err)
			}
			seen[x[3]] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d different starts, want 4", len(seen))
	}
}

// An attack of no radius changes nothing: the accuracy under it is the clean one.
func TestSurvivors(t *testing.T) {
	const n = 9
	d, pixels, classes, w := adversaryOf(t, Adversarial{Method: "trades", Epsilon: 1e-30}, n, data.Stats{})
	clean := slices.Clone(pixels)
	m, err := graph.Options{Weights: w}.Build(smallNet(), graph.Eval, n, 1, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	copy(m.Input.Float32s(), pixels)
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	want := 0
	for k, class := range classes {
		if graph.ArgMax(m.Output().Float32s()[k*3:][:3]) == int(class) {
			want++
		}
	}
	got, err := d.survivors(pixels, classes)
	if err != nil || got != want || !slices.Equal(pixels, clean) {
		t.Errorf("%d survivors (%v), want %d, and the clean pictures", got, err, want)
	}
}

// The divergence and both gradients of TRADES agree with differences.
func TestTradesLoss(t *testing.T) {
	z, other := []float64{0.3, -1.2, 2, 0.1}, []float64{1.1, 0.4, -0.2, 0.9}
	d := &trades{
		adversary: &adversary{Adversarial: Adversarial{Beta: 3}, task: Task{Loss: graph.CrossEntropy{Smoothing: 0.2}}},
		scratch:   make([]float64, 4), weights: []float64{9, 0.7}, all: rows(nil, 2, 4), attacked: rows(nil, 2, 4),
	}
	value := func(z, other []float64) float64 {
		logSoftMax(d.attacked[1], other)
		d.second = true
		return d.loss(z, 4+2, make([]float64, 4))
	}
	differ := func(x []float64, f func() float64) (all []float64) {
		for i := range x {
			const h = 1e-5
			v := x[i]
			x[i] = v + h
			up := f()
			x[i] = v - h
			all = append(all, (up-f())/(2*h))
			x[i] = v
		}
		return all
	}
	got := make([]float64, 4)
	logSoftMax(d.attacked[1], other)
	d.second = true
	d.loss(z, 4+2, got)
	checkClose(t, "the clean gradient", got, differ(z, func() float64 { return value(z, other) }), 1e-8)
	logSoftMax(d.all[1], z)
	d.second = false
	d.loss(other, 4+2, got)
	checkClose(t, "the attacked gradient", got, differ(other, func() float64 { return value(z, other) }), 1e-8)
	if kl := divergence(d.all[1], z, got); math.Abs(kl) > 1e-15 {
		t.Errorf("KL of a distribution and itself is %g", kl)
	}
}

// Without the divergence, TRADES is plain training.
func TestTradesOfNothing(t *testing.T) {
	c := Config{Epochs: 2, Batch: 8, Optimizer: SGD{LR: 0.1}, SampleWeights: someWeights(30), LabelSmoothing: 0.1}
	plain := fit(t, smallNet(), blobSet(30, 5), c)
	c.Defence = Adversarial{Method: "trades", Epsilon: 0.3, Beta: 1e-30}
	got := fit(t, smallNet(), blobSet(30, 5), c)
	checkClose(t, "weights", weightsOf(got.Network), weightsOf(plain.Network), 1e-5)
	for i, want := range plain.History {
		checkClose(t, "loss and accuracy", []float64{got.History[i].Loss, got.History[i].Accuracy}, []float64{want.Loss, want.Accuracy}, 1e-5)
	}
}

// Each method trains on something else, the same for any number of threads, and goes on
// after a break in an epoch to the same bits.
func TestAdversarialRepeats(t *testing.T) {
	seen := map[string]string{}
	for _, method := range AdversarialMethods() {
		c := Config{Epochs: 3, Batch: 8, Average: 0.9, Mixup: 0.2, Defence: Adversarial{Method: method, Epsilon: 0.2, Ramp: 1.5, Watch: 12}}
		want := fit(t, smallNet(), blobSet(30, 5), c)
		if other := seen[want.SHA256]; other != "" {
			t.Errorf("%s and %s give the same weights", method, other)
		}
		seen[want.SHA256] = method
		threads := runtime.GOMAXPROCS(5)
		got := fit(t, smallNet(), blobSet(30, 5), c)
		runtime.GOMAXPROCS(threads)
		if got.SHA256 != want.SHA256 || !slices.Equal(timeless(got.History), timeless(want.History)) {
			t.Errorf("%s: on five threads the weights are others", method)
		}
		ctx, stop := context.WithCancel(t.Context())
		broken := c
		broken.Dir = t.TempDir()
		broken.Callbacks = []Callback{BatchFunc(func(p Progress) {
			if p.Epoch == 2 && p.Images >= 16 {
				stop()
			}
		})}
		if _, err := Fit(ctx, smallNet(), blobSet(30, 5), broken); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want a break", err)
		}
		broken.Resume, broken.Callbacks = true, nil
		if got := fit(t, smallNet(), blobSet(30, 5), broken); got.SHA256 != want.SHA256 || !slices.Equal(timeless(got.History), timeless(want.History)) {
			t.Errorf("%s: after a break the weights are others", method)
		}
		stop()
	}
}

func TestAdversarialCheck(t *testing.T) {
	for want, a := range map[string]Adversarial{
		`Method "fast", want one of fgsm, pgd, trades`: {Method: "fast", Epsilon: 1},
		"Epsilon 0, want above 0":                      {Method: "pgd"},
		"Epsilon NaN, want above 0":                    {Method: "pgd", Epsilon: math.NaN()},
		"Epsilon 8, want up to 1 for linf":             {Method: "pgd", Epsilon: 8},
		"Norm(7), want linf or l2":                     {Method: "pgd", Epsilon: 1, Norm: 7},
		"Steps -1, want 1 or more":                     {Method: "pgd", Epsilon: 1, Steps: -1},
		"Watch -1, want 1 or more":                     {Method: "pgd", Epsilon: 1, Watch: -1},
		"2 Steps of fgsm, want 1":                      {Method: "fgsm", Epsilon: 1, Steps: 2},
		"Beta 2 for pgd":                               {Method: "pgd", Epsilon: 1, Beta: 2},
		"StepSize -1":                                  {Method: "pgd", Epsilon: 1, StepSize: -1},
		"Ramp -1":                                      {Method: "pgd", Epsilon: 1, Ramp: -1},
		"Collapse 1":                                   {Method: "pgd", Epsilon: 1, Collapse: 1},
	} {
		if err := a.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", a, err, want)
		}
	}
	for want, a := range map[string]Adversarial{
		"fgsm epsilon 0.2 linf steps 1 of 0.25 watch 9 collapse 0.2": {Method: "fgsm", Epsilon: 0.2, Watch: 9},
		"pgd epsilon 0.5 l2 steps 10 of 0.125 ramp 3":                {Method: "pgd", Epsilon: 0.5, Norm: attack.L2, Ramp: 3},
		"trades epsilon 0.5 linf steps 5 of 0.25 beta 6":             {Method: "trades", Epsilon: 0.5, Steps: 5},
	} {
		if err := a.Check(); err != nil || a.String() != want {
			t.Errorf("%s (%v), want %s", a, err, want)
		}
	}
}
