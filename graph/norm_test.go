package graph_test

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// keepAll is a loss that any network can have, as these tests look at outputs.
var keepAll = graph.MSE{}

// scaled gives a network without parameters one, so that it can be trained.
func scaled(l graph.Layer) graph.Layer {
	return graph.Sequential{l, layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Node(op.Add(x, s.Param("shift", graph.Zeros, x.Shape()...)))
	})}
}

func TestDropout(t *testing.T) {
	w := &graph.Weights{}
	o := graph.Options{Seed: 1, Loss: keepAll, Weights: w}
	const rate, size = 0.3, 10000
	m := build(t, o, scaled(graph.Dropout{Rate: rate}), graph.Train, 1, size)
	m.Input.Memset(float32(1))
	draw := func(step uint64) []float32 {
		w.Step = step
		run(t, m)
		return slices.Clone(m.Output().Float32s())
	}
	first := draw(0)
	zeros := 0
	for _, v := range first {
		switch v {
		case 0:
			zeros++
		case float32(1 / (1 - rate)):
		default:
			t.Fatalf("value %v, want 0 or 1/(1-%g)", v, rate)
		}
	}
	// Within four standard deviations of a binomial distribution.
	if within := 4 * math.Sqrt(size*rate*(1-rate)); math.Abs(float64(zeros)-size*rate) > within {
		t.Errorf("%d of %d values dropped, want %g ± %.0f", zeros, size, size*rate, within)
	}
	if slices.Equal(first, draw(1)) {
		t.Error("step 1 drops what step 0 drops")
	}
	if !slices.Equal(first, draw(0)) {
		t.Error("the same step drops other values")
	}
	// The step advances by itself.
	draw(4)
	run(t, m)
	if got := slices.Clone(m.Output().Float32s()); !slices.Equal(got, draw(5)) {
		t.Error("the run after step 4 does not draw step 5")
	}
}

func TestDropoutsDiffer(t *testing.T) {
	dropped := func(seed uint64, l graph.Layer) []float32 {
		m := build(t, graph.Options{Seed: seed, Loss: keepAll}, scaled(l), graph.Train, 1, 100)
		m.Input.Memset(float32(1))
		run(t, m)
		return m.Output().Float32s()
	}
	one := dropped(1, graph.Dropout{Rate: 0.5})
	if slices.Equal(one, dropped(2, graph.Dropout{Rate: 0.5})) {
		t.Error("another seed drops the same values")
	}
	both := dropped(1, graph.Sequential{graph.Dropout{Rate: 0.5}, graph.Dropout{Rate: 0.5}})
	if slices.Max(both) != 4 || slices.Equal(both, one) {
		t.Error("two layers drop the same values")
	}
}

func TestDropoutIsIdentityElsewhere(t *testing.T) {
	for _, tt := range []struct {
		mode graph.Mode
		rate float64
	}{{graph.Eval, 0.5}, {graph.Infer, 0.5}, {graph.Train, 0}} {
		m := build(t, graph.Options{Loss: keepAll}, scaled(graph.Dropout{Rate: tt.rate}), tt.mode, 2, 5)
		fill(m.Input)
		run(t, m)
		close32(t, tt.mode.String(), m.Output().Float32s(), m.Input.Float32s(), 0)
	}
}

// The gradient passes where the value passed, with the same factor.
func TestDropoutGradient(t *testing.T) {
	m := build(t, graph.Options{Loss: keepAll, InputGradient: true}, scaled(graph.Dropout{Rate: 0.3}), graph.Train, 1, 50)
	m.Input.Memset(float32(1))
	run(t, m)
	for i, y := range m.Output().Float32s() {
		want := 2 * y / 50 * y // of mean (y-0)², where dy/dx = y for x = 1
		if got := m.InputGrad().Float32s()[i]; math.Abs(float64(got-want)) > 1e-6 {
			t.Fatalf("gradient for output %v is %v, want %v", y, got, want)
		}
	}
}

func TestBatchNormStatistics(t *testing.T) {
	w := &graph.Weights{}
	o := graph.Options{Loss: keepAll, Weights: w}
	l := graph.BatchNorm{Momentum: 0.75, Epsilon: 0.5}
	train := build(t, o, l, graph.Train, 4, 2)
	mean, variance := w.Get("batchnorm/mean").Float32s(), w.Get("batchnorm/variance").Float32s()
	close32(t, "mean at first", mean, []float32{0, 0}, 0)
	close32(t, "variance at first", variance, []float32{1, 1}, 0)

	// Channel 0 has mean 4 and variance 5 (20/3 unbiased), channel 1 is
	// constant.
	copy(train.Input.Float32s(), []float32{1, 2, 3, 2, 5, 2, 7, 2})
	run(t, train)
	close32(t, "mean after a step", mean, []float32{0.25 * 4, 0.25 * 2}, 1e-6)
	close32(t, "variance after a step", variance, []float32{0.75 + 0.25*20/3, 0.75}, 1e-6)
	scale := float32(1 / math.Sqrt(5.5))
	close32(t, "training output", train.Output().Float32s(), []float32{-3 * scale, 0, -scale, 0, scale, 0, 3 * scale, 0}, 1e-6)

	for _, mode := range []graph.Mode{graph.Eval, graph.Infer} {
		m := build(t, o, l, mode, 1, 2)
		before := slices.Concat(mean, variance)
		copy(m.Input.Float32s(), []float32{3, 3})
		run(t, m)
		var want []float32
		for c := range 2 {
			want = append(want, (3-mean[c])/float32(math.Sqrt(float64(variance[c])+0.5)))
		}
		close32(t, mode.String(), m.Output().Float32s(), want, 1e-6)
		close32(t, "statistics after "+mode.String(), slices.Concat(mean, variance), before, 0)
	}
}

func TestBatchNormDefaultsAndParameters(t *testing.T) {
	w := &graph.Weights{}
	m := build(t, graph.Options{Loss: keepAll, Weights: w}, graph.BatchNorm{}, graph.Train, 2, 1, 1, 1)
	copy(w.Get("batchnorm/gamma").Float32s(), []float32{3})
	copy(w.Get("batchnorm/beta").Float32s(), []float32{10})
	copy(m.Input.Float32s(), []float32{-2, 2})
	run(t, m)
	d := float32(3 * 2 / math.Sqrt(4+1e-5))
	close32(t, "output", m.Output().Float32s(), []float32{10 - d, 10 + d}, 1e-5)
	close32(t, "variance", w.Get("batchnorm/variance").Float32s(), []float32{0.9 + 0.1*8}, 1e-6)
	if got, want := w.Names(), []string{"batchnorm/beta", "batchnorm/gamma", "batchnorm/mean", "batchnorm/variance"}; !slices.Equal(got, want) {
		t.Errorf("tensors: got %q, want %q", got, want)
	}
	if len(m.Params()) != 2 {
		t.Errorf("%d parameters, want gamma and beta", len(m.Params()))
	}
}
