package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// ExampleFrozen: a network that is trained already, and a new Dense behind it, the only
// one that is trained.
func ExampleFrozen() {
	trained := graph.Sequential{graph.Conv2D{Filters: 8, Kernel: 3}, graph.BatchNorm{}, graph.Flatten{}}
	l := graph.Sequential{graph.Frozen{Body: trained}, graph.Dense{Units: 2}}
	m, err := graph.Build(l, graph.Train, 4, 1, 6, 6)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range m.Params() {
		fmt.Println(p.Name)
	}
	// Output:
	// dense/weight
	// dense/bias
}

// ExampleBackbone: what comes before the Dense layers at a network's end.
func ExampleBackbone() {
	l := graph.Sequential{
		graph.Conv2D{Filters: 8, Kernel: 3, Activation: graph.ReLU}, graph.GlobalAvgPool2D{}, // (N,8)
		graph.Dense{Units: 5, Activation: graph.ReLU}, graph.Dense{Units: 2}, // (N,2)
	}
	m, err := graph.Build(graph.Backbone{Body: l}, graph.Infer, 1, 1, 6, 6)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.OutputShape())
	// Output: (1, 8)
}

// ExampleNamed: two copies of a layer that are told apart by names.
func ExampleNamed() {
	l := graph.Sequential{graph.Named{Name: "first", Body: graph.Dense{Units: 3}}, graph.Named{Name: "second", Body: graph.Dense{Units: 2}}}
	net, err := graph.NewNetwork(l, []int{4}, graph.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(net.Weights.Names(), " "))
	// Output: first/dense/bias first/dense/weight second/dense/bias second/dense/weight
}

// TestFrozen: what is frozen gives the same in training as in inference, whatever BatchNorm
// and Dropout it has; its statistics stay, and of its parameters those that But names are
// trained.
func TestFrozen(t *testing.T) {
	body := graph.Sequential{graph.Dense{Units: 6}, graph.BatchNorm{}, graph.Dropout{Rate: 0.5}, graph.Dense{Units: 4}}
	but := func(p string) bool { return p == "dense_1/weight" || p == "batchnorm/gamma" }
	net, err := graph.NewNetwork(graph.Frozen{Body: body, But: but}, []int{5}, graph.Options{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	train, err := net.Model(graph.Train, 3)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Model(graph.Infer, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 15 {
		train.Input.Float32s()[i] = float32(i%7) - 3
		plain.Input.Float32s()[i] = float32(i%7) - 3
	}
	before := slices.Clone(net.Weights.Get("batchnorm/mean").Float32s())
	if err := train.Run(); err != nil {
		t.Fatal(err)
	}
	if err := plain.Run(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(train.Output().Float32s(), plain.Output().Float32s()) {
		t.Errorf("in training %v, in inference %v, want the same", train.Output(), plain.Output())
	}
	if !slices.Equal(before, net.Weights.Get("batchnorm/mean").Float32s()) || len(train.State()) != 0 {
		t.Errorf("the statistics have changed, or state %v is said to", train.State())
	}
	var names []string
	for _, p := range train.Params() {
		names = append(names, p.Name)
		if g := p.Grad(); g == nil || !slices.ContainsFunc(g.Float32s(), func(v float32) bool { return v != 0 }) {
			t.Errorf("%s has no gradient", p.Name)
		}
	}
	if !slices.Equal(names, []string{"batchnorm/gamma", "dense_1/weight"}) {
		t.Errorf("%v are trained, want those of But", names)
	}
	if got := len(net.Weights.Names()); got != 8 {
		t.Errorf("%d tensors, want all 8 of the body", got)
	}
}

// TestBackboneCuts holds where a network is cut.
func TestBackboneCuts(t *testing.T) {
	conv := graph.Conv2D{Filters: 3, Kernel: 3}
	deep := graph.Sequential{conv, graph.Flatten{}, graph.Dense{Units: 7, Activation: graph.ReLU}, graph.Dropout{Rate: 0.5}, graph.Dense{Units: 5}, graph.Dense{Units: 2}}
	for _, tt := range []struct {
		name  string
		l     graph.Backbone
		size  int
		width int
		head  string
		want  string
	}{
		{"several Dense", graph.Backbone{Body: deep}, 8, 108, "dense", ""},
		{"a first Dense of too many values", graph.Backbone{Body: deep}, 64, 7, "dense_1", ""},
		{"a convolution at the end", graph.Backbone{Body: graph.Sequential{conv, graph.Conv2D{Filters: 2, Kernel: 1}, graph.GlobalAvgPool2D{}}}, 8, 3, "conv2d_1", ""},
		{"a layer", graph.Backbone{Body: deep, Cut: "dense_1"}, 8, 5, "dense", ""},
		{"an image's layer", graph.Backbone{Body: deep, Cut: "conv2d"}, 8, 3, "dense", ""},
		{"all", graph.Backbone{Body: deep, Whole: true}, 8, 2, "dense", ""},
		{"no layer", graph.Backbone{Body: deep, Cut: "conv"}, 8, 0, "dense", `graph: no output of a layer "conv" to cut at, want one that Summary lists`},
		{"no product", graph.Backbone{Body: graph.Flatten{}}, 8, 0, "", "graph: no features: before the output"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := graph.Build(tt.l, graph.Infer, 2, 1, tt.size, tt.size)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("error %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := m.OutputShape(); len(s) != 2 || s[0] != 2 || s[1] != tt.width {
				t.Errorf("features %v, want (2,%d)", s, tt.width)
			}
			whole, err := graph.Build(tt.l.Body, graph.Infer, 2, 1, tt.size, tt.size)
			if err != nil {
				t.Fatal(err)
			}
			if head, err := whole.Head(); err != nil || head != tt.head {
				t.Errorf("the head is %q, %v, want %q", head, err, tt.head)
			}
		})
	}
}

// TestWithoutInputGradient: whichever way a convolution takes, the gradients of its
// weights are the same bits whether that of its input is wanted or not, as behind frozen
// layers.
func TestWithoutInputGradient(t *testing.T) {
	for _, channels := range []int{3, 16, 128} {
		for _, filters := range []int{8, 128} {
			for _, kernel := range []int{1, 3, 5} {
				for _, size := range []int{6, 16} {
					l := graph.Sequential{
						graph.Conv2D{Filters: filters, Kernel: kernel, Padding: graph.Same, NoBias: true}, graph.BatchNorm{}, graph.ReLU,
						graph.GlobalAvgPool2D{}, graph.Dense{Units: 3},
					}
					gradient := func(ofInput bool) []float32 {
						m, err := graph.Options{Seed: 1, InputGradient: ofInput}.Build(l, graph.Train, 3, channels, size, size)
						if err != nil {
							t.Fatal(err)
						}
						for i := range m.Input.Float32s() {
							m.Input.Float32s()[i] = float32(i*7919%1000)/500 - 1
						}
						copy(m.Target.Float32s(), []float32{0, 1, 2})
						if err := m.Run(); err != nil {
							t.Fatalf("%d channels, %d filters of %d, size %d: %v", channels, filters, kernel, size, err)
						}
						return slices.Clone(m.Params()[0].Grad().Float32s())
					}
					if got := gradient(false); !slices.Equal(got, gradient(true)) {
						t.Errorf("%d channels, %d filters of %d, size %d: other gradients", channels, filters, kernel, size)
					}
				}
			}
		}
	}
}
