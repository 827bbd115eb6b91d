package graph_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
)

// A bad label is the caller's mistake: it is told so in one line, and the model
// goes on working.
func TestRunAfterError(t *testing.T) {
	for name, a := range map[string]graph.Activation{"one instruction": graph.Tanh, "node by node": gorgonia.Tanh} {
		t.Run(name, func(t *testing.T) {
			m := build(t, graph.Options{}, graph.Dense{Units: 2, Activation: a}, graph.Train, 2, 3)
			fill(m.Input)
			copy(m.Target.Float32s(), []float32{0, 1})
			run(t, m)
			loss, grad := m.Loss(), slices.Clone(m.Params()[0].Grad().Float32s())
			for _, label := range []float32{2, -1, 0.5, float32(math.NaN())} {
				m.Target.Float32s()[1] = label
				err := m.Run()
				if err == nil || strings.Contains(err.Error(), "\n") {
					t.Fatalf("label %v: got error %v, want one line", label, err)
				}
				if !strings.HasPrefix(err.Error(), "graph: ") || !strings.HasSuffix(err.Error(), "is not one of the classes 0 to 1") {
					t.Errorf("label %v: got error %v", label, err)
				}
			}
			m.Target.Float32s()[1] = 1
			run(t, m)
			if m.Loss() != loss {
				t.Errorf("loss after the errors is %v, want %v", m.Loss(), loss)
			}
			close32(t, "gradient after the errors", m.Params()[0].Grad().Float32s(), grad, 0)
		})
	}
}

func TestRunErrorText(t *testing.T) {
	m := build(t, graph.Options{}, graph.Dense{Units: 2}, graph.Eval, 1, 3)
	m.Target.Float32s()[0] = 7
	want := "graph: CrossEntropy: label 7 is not one of the classes 0 to 1"
	if err := m.Run(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A step that failed is no step.
func TestStepCountsTraining(t *testing.T) {
	w := &graph.Weights{}
	train := build(t, graph.Options{Weights: w}, graph.Dense{Units: 2}, graph.Train, 1, 3)
	eval := build(t, graph.Options{Weights: w}, graph.Dense{Units: 2}, graph.Eval, 1, 3)
	run(t, train)
	run(t, eval)
	train.Target.Float32s()[0] = 7
	if train.Run() == nil {
		t.Error("no error for label 7 of 2 classes")
	}
	if w.Step != 1 {
		t.Errorf("Step is %d after one training run, an evaluation and an error, want 1", w.Step)
	}
}

// Results are computed anew at every run, and kept in the same tensors.
func TestRunTwice(t *testing.T) {
	m := build(t, graph.Options{InputGradient: true}, smallCNN(), graph.Eval, 2, 1, 8, 8)
	fill(m.Input)
	run(t, m)
	loss, output, grad := m.Loss(), m.Output(), m.InputGrad()
	values := slices.Concat(output.Float32s(), grad.Float32s())
	run(t, m)
	if m.Loss() != loss || !slices.Equal(slices.Concat(m.Output().Float32s(), m.InputGrad().Float32s()), values) {
		t.Error("a second run on the same values gives other results")
	}
	if m.Output() != output || m.InputGrad() != grad {
		t.Error("a second run gives other tensors")
	}
	m.Input.Zero()
	run(t, m)
	if m.Loss() == loss {
		t.Error("a run on other values gives the same loss")
	}
}

// The number of threads changes no bit of what is learned.
func TestSameBitsForAnyNumberOfThreads(t *testing.T) {
	train := func(threads int) []float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		m := build(t, graph.Options{Seed: 9}, smallCNN(), graph.Train, 5, 1, 12, 12)
		fill(m.Input)
		copy(m.Target.Float32s(), []float32{0, 1, 2, 1, 0})
		for range 3 {
			run(t, m)
			step(m, 0.1)
		}
		bits := []float32{float32(m.Loss())}
		for _, p := range m.Params() {
			bits = append(bits, p.Value.Float32s()...)
		}
		return bits
	}
	want := train(1)
	for _, threads := range []int{2, 3} {
		if got := train(threads); !slices.Equal(got, want) {
			t.Errorf("%d threads learn other weights than one", threads)
		}
	}
}

// Without training no TapeMachine runs, and nothing allocates, with the gradient for the
// input either.
func TestEvaluationAllocations(t *testing.T) {
	for _, mode := range []graph.Mode{graph.Eval, graph.Infer} {
		m := build(t, graph.Options{InputGradient: true, Fixed: true}, smallCNN(), mode, 8, 1, 16, 16)
		fill(m.Input)
		run(t, m)
		allocs := testing.AllocsPerRun(20, func() {
			if err := m.Run(); err != nil {
				t.Error(err)
			}
		})
		if allocs != 0 {
			t.Errorf("a run in mode %v allocates %v times, want 0", mode, allocs)
		}
	}
}

// The layers allocate nothing. What is left is the TapeMachine's: a dozen
// objects, whatever the size of the network.
func TestTrainingAllocations(t *testing.T) {
	cnn := graph.Sequential{
		graph.Conv2D{Filters: 8, Kernel: 3, Activation: graph.ReLU}, graph.MaxPool2D{}, graph.Flatten{},
		graph.Dense{Units: 16, Activation: graph.ReLU}, graph.Dropout{Rate: 0.5}, graph.Dense{Units: 10},
	}
	tests := []struct {
		name  string
		layer graph.Layer
	}{
		{"cnn", cnn},
		{"residual and batch normalisation", smallCNN()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := build(t, graph.Options{}, tt.layer, graph.Train, 8, 1, 16, 16)
			fill(m.Input)
			run(t, m)
			allocs := testing.AllocsPerRun(20, func() {
				if err := m.Run(); err != nil {
					t.Error(err)
				}
			})
			t.Logf("%v allocations per training run", allocs)
			if allocs > 12 {
				t.Errorf("a training run allocates %v times, want 12 or less", allocs)
			}
		})
	}
}
