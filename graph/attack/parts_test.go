package attack_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph"
	"tapenet/graph/attack"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/modelzoo"
)

// TestCheckpoints: the checkpoints of 100 steps, by the formula of the paper's section 3.1
// in floating point, and by hand.
func TestCheckpoints(t *testing.T) {
	if got, want := attack.Checkpoints(100), []int{22, 41, 57, 70, 80, 87, 93, 99}; !slices.Equal(got, want) {
		t.Errorf("100 steps: checkpoints %v, want %v", got, want)
	}
	for _, steps := range []int{1, 7, 20, 40, 130, 1000} {
		var want []int
		for last, p := 0.0, 0.22; p <= 1+1e-9; {
			want = append(want, int(math.Ceil(p*float64(steps)-1e-9)))
			last, p = p, p+max(p-last-0.03, 0.06)
		}
		if got := attack.Checkpoints(steps); !slices.Equal(got, want) {
			t.Errorf("%d steps: checkpoints %v, want %v", steps, got, want)
		}
	}
}

// TestInterval: the ends of a pixel's interval are in [0,1] and within epsilon exactly,
// and the next value outwards is not.
func TestInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		v, epsilon := r.Float32(), 0.5*r.Float64()
		lo, hi := attack.Interval(v, epsilon)
		if lo < 0 || hi > 1 || lo > v || hi < v || float64(v)-float64(lo) > epsilon || float64(hi)-float64(v) > epsilon {
			t.Fatalf("interval of %v and %v is %v to %v", v, epsilon, lo, hi)
		}
		if below := math.Nextafter32(lo, -1); lo > 0 && float64(v)-float64(below) <= epsilon {
			t.Fatalf("interval of %v and %v begins at %v, %v is inside too", v, epsilon, lo, below)
		}
	}
}

// TestAscend: a step by signs against a plain loop, with gradients of both zeros, and
// steps that leave [0,1] on both sides.
func TestAscend(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n = 2000
	clean, x, want, gradient := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for _, step := range []float32{0, 0.01, 0.7, 3} {
		for i := range x {
			clean[i] = float32(r.IntN(5)) / 4
			gradient[i] = []float32{0, float32(math.Copysign(0, -1)), float32(r.NormFloat64()), 1e-45, -1e-45}[r.IntN(5)]
			lo, hi := attack.Interval(clean[i], 0.3)
			x[i] = lo + (hi-lo)*r.Float32()
			y := x[i]
			switch {
			case gradient[i] > 0:
				y += step
			case gradient[i] < 0:
				y -= step
			}
			want[i] = min(max(y, lo), hi)
		}
		attack.Ascend(attack.Linf, 0.3, clean, x, gradient, float64(step))
		for i := range x {
			if x[i] != want[i] {
				t.Fatalf("step %v: pixel %d goes to %v by gradient %v, want %v", step, i, x[i], gradient[i], want[i])
			}
		}
	}
}

// BenchmarkAscend is the step of a picture of MNIST.
func BenchmarkAscend(b *testing.B) {
	clean, x, gradient := make([]float32, 784), make([]float32, 784), make([]float32, 784)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range x {
		clean[i], gradient[i] = r.Float32(), float32(r.NormFloat64())
	}
	copy(x, clean)
	for b.Loop() {
		attack.Ascend(attack.Linf, 0.3, clean, x, gradient, 0.01)
	}
}

// TestInside: there is no tolerance.
func TestInside(t *testing.T) {
	clean := []float32{0.5, 0.25}
	for _, tt := range []struct {
		norm    attack.Norm
		x       []float32
		epsilon float64
		want    bool
	}{
		{attack.Linf, []float32{0.75, 0}, 0.25, true},
		{attack.Linf, []float32{math.Nextafter32(0.75, 1), 0}, 0.25, false},
		{attack.Linf, []float32{1.5, 0}, 2, false},
		{attack.Linf, []float32{0.5, -0.125}, 2, false},
		{attack.Linf, []float32{0.5, float32(math.NaN())}, 2, false},
		{attack.L2, []float32{0.5, 0.5}, 0.25, true},
		{attack.L2, []float32{0.5, math.Nextafter32(0.5, 1)}, 0.25, false},
		{attack.L2, []float32{0.75, 0.5}, 0.3, false},
		{attack.L2, []float32{0.75, 0.5}, 0.36, true},
	} {
		if got := tt.norm.Inside(tt.x, clean, tt.epsilon); got != tt.want {
			t.Errorf("%v: %v within %v of %v: %v, want %v", tt.norm, tt.x, tt.epsilon, clean, got, tt.want)
		}
	}
}

// TestOnto: against a search over λ by halving, for planes that can be reached and for
// others; no step is longer than the norm's optimum, and none leaves [0,1].
func TestOnto(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for trial := range 2000 {
		n := 1 + r.IntN(40)
		x, w := make([]float32, n), make([]float32, n)
		for i := range x {
			x[i], w[i] = r.Float32(), float32(r.NormFloat64())
			if r.IntN(5) == 0 {
				w[i] = 0
			}
			if r.IntN(5) == 0 {
				x[i] = float32(r.IntN(2))
			}
		}
		gap := r.NormFloat64() * math.Pow(10, float64(r.IntN(4)-2))
		norm := attack.Norm(trial % 2)
		got, want := attack.Onto(norm, x, w, gap), bisected(norm, x, w, gap)
		for i, d := range got {
			if math.Abs(float64(d)-want[i]) > 1e-5 {
				t.Fatalf("%v: x %v, w %v, gap %v: step %v, want %v", norm, x, w, gap, got, want)
			}
			if y := x[i] + d; y < -1e-6 || y > 1+1e-6 {
				t.Fatalf("%v: pixel %d goes to %v", norm, i, y)
			}
		}
	}
}

// bisected is the step of Onto, found by halving an interval of λ.
func bisected(norm attack.Norm, x, w []float32, gap float64) []float64 {
	step := func(lambda float64) (d []float64, closed float64) {
		for i := range x {
			direction := 1.0
			if gap*float64(w[i]) < 0 {
				direction = -1
			}
			room, size := 1-float64(x[i]), math.Abs(float64(w[i]))
			if direction < 0 {
				room = float64(x[i])
			}
			length := min(lambda, room)
			if norm == attack.L2 {
				length = min(lambda*size, room)
			}
			if size == 0 {
				length = 0
			}
			d = append(d, direction*length)
			closed += size * length
		}
		return d, closed
	}
	lo, hi := 0.0, 1e9
	for range 200 {
		if _, closed := step((lo + hi) / 2); closed < math.Abs(gap) {
			lo = (lo + hi) / 2
		} else {
			hi = (lo + hi) / 2
		}
	}
	d, _ := step(hi)
	return d
}

// TestLosses: gradients against differences, for all numbers of classes; scaling the
// logits changes a ratio by nothing.
func TestLosses(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for classes := 2; classes <= 6; classes++ {
		for _, l := range []attack.Loss{attack.CrossEntropy, attack.Margin, attack.DLR, attack.DLRTo(1)} {
			z, gradient := make([]float64, classes), make([]float64, classes)
			for k := range z {
				z[k] = 2 * r.NormFloat64()
			}
			l.F(z, 0, gradient)
			for k := range z {
				const h = 1e-6
				up, down := slices.Clone(z), slices.Clone(z)
				up[k] += h
				down[k] -= h
				if want := (l.F(up, 0, nil) - l.F(down, 0, nil)) / (2 * h); math.Abs(gradient[k]-want) > 1e-6*max(1, math.Abs(want)) {
					t.Errorf("%s of %d classes: gradient %d is %v, want %v", l.Name, classes, k, gradient[k], want)
				}
			}
		}
	}
	z := []float64{3, 1, -2, 0.5}
	large := []float64{3000, 1000, -2000, 500}
	for _, l := range []attack.Loss{attack.DLR, attack.DLRTo(2)} {
		if a, b := l.F(z, 0, nil), l.F(large, 0, nil); math.Abs(a-b) > 1e-9 {
			t.Errorf("%s is %v, and %v for logits times 1,000", l.Name, a, b)
		}
	}
}

// TestCrossEntropyOfSure: where the network is all but sure, the gradient is what is left,
// and zero only where nothing is.
func TestCrossEntropyOfSure(t *testing.T) {
	gradient := make([]float64, 2)
	if loss := attack.CrossEntropy.F([]float64{60, 0}, 0, gradient); !(gradient[0] < 0 && gradient[0] > -1e-25) || loss < 0 {
		t.Errorf("loss %v and gradient %v, want a tiny gradient", loss, gradient)
	}
	if attack.CrossEntropy.F([]float64{60000, 0}, 0, gradient); gradient[0] != 0 {
		t.Errorf("gradient %v, want 0", gradient)
	}
}

// TestTargets: the largest logits first, without the class.
func TestTargets(t *testing.T) {
	if got, want := attack.Targets([]float64{1, 5, 3, 5, 0}, 2, 3), []int{1, 3, 0}; !slices.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
	if got, want := attack.Targets([]float64{1, 5}, 1, 9), []int{0}; !slices.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
}

// TestBatches: pictures get the same bits in any place of a batch, for a network whose
// convolutions choose other algorithms for a few pictures.
func TestBatches(t *testing.T) {
	net, err := graph.NewNetwork(modelzoo.ConvNet{Classes: 10}, input[:], graph.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	images, classes := digits(t, 150)
	a := attack.PGD{Epsilon: 0.05, Steps: 2, FromClean: true, Whole: true}
	want := attacked(t, a, victimOf(t, net.Layer, net.Weights), images, classes)
	backwards := slices.Clone(images)
	slices.Reverse(backwards)
	slices.Reverse(classes)
	for n, v := range map[int]*attack.Victim{150: victimOf(t, net.Layer, net.Weights), 5: victimOf(t, net.Layer, net.Weights)} {
		for i, r := range attacked(t, a, v, backwards[:n], classes[:n]).Images {
			if !slices.Equal(r.Adversarial, want.Images[149-i].Adversarial) {
				t.Errorf("%d pictures: the one at %d differs from the one at %d", n, i, 149-i)
			}
		}
		for _, size := range v.Sizes() {
			if size < 64 && cpu.Active() != cpu.TierGo { // whose bits are those of large graphs
				t.Errorf("%d pictures: a graph of %d is used, whose bits are others", n, size)
			}
		}
	}
}

// TestSettings: every attack says all that it does, and reports can hold it.
func TestSettings(t *testing.T) {
	for _, a := range append(every(attack.L2, 0.5), attack.Ensemble{Norm: attack.L2, Epsilon: 0.5, Seed: 2}) {
		s := a.Settings()
		if len(s) < 3 || a.Name() == "" {
			t.Errorf("%q has settings %v, want three or more", a.Name(), s)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Errorf("%s: %v", a.Name(), err)
		}
		var back []attack.Setting
		if err := json.Unmarshal(text, &back); err != nil || len(back) != len(s) {
			t.Errorf("%s: settings read back are %v, %v", a.Name(), back, err)
		}
	}
	standard := attack.Ensemble{Epsilon: 0.3}.Settings()
	for name, want := range map[string]any{"apgd-ce.steps": 100, "apgd-t.targets": 9, "fab-t.steps": 100, "fab-t.targets": 9, "square.queries": 5000, "square.epsilon": 0.3} {
		if i := slices.IndexFunc(standard, func(s attack.Setting) bool { return s.Name == name }); i < 0 || standard[i].Value != want {
			t.Errorf("the standard ensemble's %s is not %v: %v", name, want, standard)
		}
	}
}
