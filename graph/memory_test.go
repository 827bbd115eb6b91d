package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// That values share memory changes no bit of any result: neither in the first
// run nor later.
func TestSharedMemoryChangesNothing(t *testing.T) {
	conv := graph.Conv2D{Filters: 2, Kernel: 3, Padding: graph.Same}
	dense := func(layers ...graph.Layer) graph.Layer {
		return append(graph.Sequential(layers), graph.Flatten{}, graph.Dense{Units: 3})
	}
	consumers := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		a := s.Apply(conv, x)
		b := s.Node(op.Add(s.Apply(graph.Tanh, a), s.Apply(conv, a)))
		return s.Node(op.Add(s.Apply(graph.SiLU, b), a))
	})
	views := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		a := s.Apply(conv, x)
		flat := s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(x, 4, 2, 64) }, a)
		flat = s.Apply(graph.GELU, s.Apply(graph.Tanh, flat))
		back := s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(x, 4, 2, 8, 8) }, flat)
		return s.Node(op.Add(s.Apply(conv, back), a))
	})
	for _, tt := range []struct {
		name  string
		layer graph.Layer
		loss  graph.Loss
	}{
		{"chain", dense(conv, graph.Tanh, graph.AvgPool2D{}, conv, graph.ReLU, graph.MaxPool2D{Size: 3, Stride: 1}, graph.ELU(1), conv), nil},
		{"residual", dense(conv, graph.Residual{Body: graph.Sequential{conv, graph.ReLU, conv}}, graph.Residual{Body: conv}, graph.MaxPool2D{}), nil},
		{"concat", dense(conv, graph.Concat{conv, graph.MaxPool2D{Size: 3, Stride: 1, Padding: graph.Same}, graph.ReLU}, graph.Tanh), nil},
		{"several consumers", dense(consumers, consumers), nil},
		{"views", dense(views, views), nil},
		{"dropout", dense(conv, graph.Dropout{Rate: 0.5}, graph.ReLU, graph.Dropout{Rate: 0.2}), nil},
		{"batch normalisation", dense(conv, graph.BatchNorm{}, graph.ReLU, graph.MaxPool2D{}, graph.BatchNorm{}, conv, graph.BatchNorm{}), nil},
		{"dense", dense(graph.Flatten{}, graph.Dense{Units: 7, Activation: graph.ReLU}, graph.Dense{Units: 5, Activation: graph.Sigmoid}), nil},
		{"all of it", smallCNN(), graph.CrossEntropy{Smoothing: 0.1}},
		{"squares", dense(conv, graph.Tanh), graph.MSE{}},
		{"the output is a view", graph.Sequential{graph.Conv2D{Filters: 3, Kernel: 8}, graph.Flatten{}}, nil},
		{"the input is the output", graph.Sequential{graph.Flatten{}}, nil},
	} {
		for _, mode := range []graph.Mode{graph.Train, graph.Eval, graph.Infer} {
			for _, plain := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v/fusion %v", tt.name, mode, !plain), func(t *testing.T) {
					o := graph.Options{Seed: 5, Loss: tt.loss, NoFusion: plain, InputGradient: true}
					shared := results(t, o, tt.layer, mode)
					own := results(t, graph.Unplanned(o), tt.layer, mode)
					if len(shared) != len(own) {
						t.Fatalf("%d results, want %d", len(shared), len(own))
					}
					for i := range own {
						if !slices.Equal(shared[i], own[i]) {
							t.Fatalf("result %d of %d is %v, want %v", i, len(own), shared[i], own[i])
						}
					}
				})
			}
		}
	}
}

// results lists all that three runs of a network hand out, each on other
// numbers, and the state that they leave.
func results(t *testing.T, o graph.Options, l graph.Layer, mode graph.Mode) (all [][]float64) {
	t.Helper()
	o.Weights = &graph.Weights{}
	m := build(t, o, l, mode, 4, 2, 8, 8)
	for number := range 3 {
		for i := range m.Input.Size() {
			m.Input.Float32s()[i] = float32((i*i*(number+3))%17)/8 - 1
		}
		if m.Target != nil {
			for i := range m.Target.Size() {
				m.Target.Float32s()[i] = float32((i + number) % 3)
			}
		}
		run(t, m)
		all = append(all, []float64{m.Loss()})
		tensors := []*tensor.Dense{m.Output(), m.Prediction(), m.InputGrad()}
		for _, p := range m.Params() {
			tensors = append(tensors, p.Grad())
		}
		for _, name := range o.Weights.Names() {
			tensors = append(tensors, o.Weights.Get(name))
		}
		for _, d := range tensors {
			if d != nil {
				all = append(all, slices.Clone(numbers(d)))
			}
		}
	}
	return all
}

// A deep network takes the memory of its two largest neighbouring activations
// for inference, however deep it is; one that trains, less than without
// sharing.
func TestMemoryOfADeepNetwork(t *testing.T) {
	network := graph.Sequential{}
	for range 20 {
		network = append(network, graph.Conv2D{Filters: 8, Kernel: 3, Padding: graph.Same}, graph.Tanh)
	}
	network = append(network, graph.Flatten{}, graph.Dense{Units: 3})
	const (
		activation = 4 * 2 * 8 * 12 * 12 // bytes
		bordered   = 4 * 2 * 8 * 14 * 14 // with a border of zeros
	)
	if got := build(t, graph.Options{}, network, graph.Infer, 2, 8, 12, 12).Memory().Values; got > 2*bordered {
		t.Errorf("inference takes %d bytes for values, want %d or less", got, 2*bordered)
	}
	own := build(t, graph.Unplanned(graph.Options{}), network, graph.Train, 2, 8, 12, 12).Memory()
	got := build(t, graph.Options{}, network, graph.Train, 2, 8, 12, 12).Memory()
	if most := 23*activation + 20*bordered; got.Values > most { // each convolution's and tanh's output, and three gradients
		t.Errorf("training takes %d bytes for values, want %d or less", got.Values, most)
	}
	if own.Results < 79*activation { // each with a gradient but the first convolution's input
		t.Errorf("without sharing training takes %d bytes, want %d or more", own.Results, 79*activation)
	}
}

// What a model says of its memory, part by part.
func TestMemory(t *testing.T) {
	layer := graph.Sequential{graph.Dense{Units: 10}, graph.BatchNorm{}, graph.Dense{Units: 5}}
	const weights = 7*10 + 10 + 10 + 10 + 10*5 + 5
	for _, tt := range []struct {
		mode graph.Mode
		want graph.Memory // but for values
	}{
		{graph.Infer, graph.Memory{Inputs: 3 * 7, Results: 2 * 3 * 5}},
		{graph.Eval, graph.Memory{Inputs: 3*7 + 3 + 3, Results: 2*3*5 + 1}},
		{graph.Train, graph.Memory{Inputs: 3*7 + 3 + 3, Results: 3*5 + 1 + weights}},
	} {
		for _, double := range []bool{false, true} {
			m := build(t, graph.Options{Float64: double}, layer, tt.mode, 3, 7)
			run(t, m)
			bytes := 4
			if double {
				bytes = 8
			}
			got := m.Memory()
			want := graph.Memory{
				Parameters: weights * bytes, State: 20 * bytes, Inputs: tt.want.Inputs * bytes, Results: tt.want.Results * bytes,
				Values: got.Values, Workspaces: got.Workspaces,
			}
			kept := 3 * 5 * bytes // the probabilities, for the loss's gradient
			if tt.mode == graph.Infer {
				kept = 0 // nothing follows
			}
			if got != want || got.Values < 2*3*10*bytes || got.Workspaces < kept {
				t.Errorf("%v: got %+v, want %+v, with values and workspaces", tt.mode, got, want)
			}
			if total := got.Parameters + got.State + got.Inputs + got.Results + got.Values + got.Workspaces; got.Total() != total {
				t.Errorf("total is %d, want %d", got.Total(), total)
			}
		}
	}
	others := build(t, graph.Options{}, graph.Dense{Units: 5, Activation: gorgonia.Tanh}, graph.Infer, 3, 7).Memory()
	if want := (graph.Memory{Parameters: 4 * (7*5 + 5), Inputs: 4 * 3 * 7}); others != want {
		t.Errorf("with an op of Gorgonia: got %+v, want %+v", others, want)
	}
}

// TestMaxMemory: a graph that needs more than it may is refused, and one of which the
// input alone needs more before there is a tensor.
func TestMaxMemory(t *testing.T) {
	layer := graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3}, graph.Flatten{}, graph.Dense{Units: 2}}
	need := build(t, graph.Options{}, layer, graph.Infer, 2, 1, 8, 8).Need()
	if _, err := (graph.Options{MaxMemory: need}).Build(layer, graph.Infer, 2, 1, 8, 8); err != nil {
		t.Errorf("as much as it needs: %v", err)
	}
	_, err := graph.Options{MaxMemory: need - 1}.Build(layer, graph.Infer, 2, 1, 8, 8)
	if of := new(graph.MemoryError); !errors.As(err, &of) || of.Need != need || of.Most != need-1 {
		t.Errorf("a byte less: error %v, want one that it needs %d", err, need)
	}
	for _, tt := range []struct {
		name  string
		most  int
		shape []int
		want  string
	}{
		{"the input", 1 << 30, []int{1, 3, 1 << 15, 1 << 15}, "the network needs 12885 MB of memory, want at most 1074"},
		{"an input that no machine has", 0, []int{1, 3, 1 << 31, 1 << 31}, "want at most 68719476736 elements"},
	} {
		if _, err := (graph.Options{MaxMemory: tt.most}).Build(layer, graph.Infer, tt.shape...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}
