package onnx

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// network is a layer with weights and the shape of its samples.
type network struct {
	layer   graph.Layer
	tensors map[string]*tensor.Dense
	input   []int
}

// random returns a network whose weights, and running statistics, are random.
func random(t testing.TB, l graph.Layer, input ...int) network {
	t.Helper()
	net, err := graph.NewNetwork(l, input, graph.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range net.Weights.Names() {
		if strings.HasSuffix(name, "weight") {
			continue // as the layer's init has it: the values stay in range
		}
		for i, values := 0, net.Weights.Get(name).Float32s(); i < len(values); i++ {
			values[i] += 0.5 * r.Float32()
		}
	}
	return network{l, net.Weights.Map(), input}
}

// run computes logits and predictions of a batch.
func (n network) run(t *testing.T, x []float32) (shape []int, logits, predictions []float32) {
	t.Helper()
	size := 1
	for _, d := range n.input {
		size *= d
	}
	shape = append([]int{len(x) / size}, n.input...)
	m, err := graph.Options{Weights: &graph.Weights{From: n.tensors}}.Build(n.layer, graph.Infer, shape...)
	if err != nil {
		t.Fatal(err)
	}
	copy(m.Input.Float32s(), x)
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	return shape, m.Output().Float32s(), m.Prediction().Float32s()
}

func (n network) export(t testing.TB, o Options) []byte {
	t.Helper()
	b, err := o.Export(n.layer, n.tensors, n.input...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func noise(n int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()
	}
	return x
}

// jobs are the ways to export a network, each with values to expect.
func (n network) jobs(t *testing.T, name string, x []float32) []job {
	shape, logits, predictions := n.run(t, x)
	return []job{
		newJob(t, name, n.export(t, Options{}), shape, x, predictions),
		newJob(t, name+" folded", n.export(t, Options{Logits: true, FoldBatchNorm: true}), shape, x, logits),
		newJob(t, name+" logits", n.export(t, Options{Logits: true}), shape, x, logits),
	}
}

// layers are those that no network of the zoo has.
var layers = map[string]struct {
	layer graph.Layer
	input []int
}{
	"activations": {graph.Sequential{
		graph.LeakyReLU(0.1), graph.ELU(0.7), graph.SiLU, graph.Sigmoid, graph.GELU, graph.Tanh, graph.SoftMax,
	}, []int{6}},
	"concat": {graph.Concat{
		graph.Conv2D{Filters: 2, Kernel: 3, Padding: graph.PadEach(1, 4, 1, 3), Dilation: 2, Stride: 2},
		graph.MaxPool2D{Size: 3, Stride: 2, Padding: graph.Same},
		graph.AvgPool2D{Size: 3, Stride: 2, Padding: graph.Same},
	}, []int{3, 7, 8}},
	"functions": {graph.Sequential{
		function(op.ExpFunction()), function(op.SqrtFunction()), function(op.PowFunction(1.5)), function(op.ReciprocalFunction()),
		function(op.LimitFunction(0.2, math.Inf(1))), function(op.LimitFunction(0.3, 2)), function(op.ErfFunction()),
		function(op.Function{Name: "own", F: func(x float64) float64 { return max(x, 0) + min(0, 2*math.Expm1(x/2)) },
			DF:       func(x float64) float64 { return math.Exp(min(x, 0) / 2) },
			Operator: &op.Operator{Kind: "Celu", Attributes: []op.Attribute{{Name: "alpha", Value: 2}}}}),
	}, []int{6}},
	"folding": {graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3, Groups: 2}, graph.BatchNorm{Epsilon: 1e-3}, graph.Flatten{},
		graph.Dense{Units: 5}, graph.BatchNorm{}, graph.BatchNorm{},
	}, []int{2, 5, 5}},
	"sum of three": {graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Unary(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Add(x, x, x) }, x)
	}), []int{4}},
	"weight called output": {graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Binary(op.Hadamard, x, s.Unary(func(w *gorgonia.Node) (*gorgonia.Node, error) {
			return op.Expand(w, x.Shape()...)
		}, s.Param("output", graph.Ones, 4)))
	}), []int{4}},
	"nothing": {graph.Sequential{}, []int{4}},
}

// function is a function as a layer.
func function(f op.Function) graph.Layer {
	return graph.Activation(func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Map(x, f) })
}

// allJobs are those of the zoo and of layers, on noise.
func allJobs(t *testing.T) (jobs []job) {
	t.Helper()
	for _, spec := range modelzoo.Specs() {
		n := random(t, spec.New(10), spec.Input[:]...)
		jobs = append(jobs, n.jobs(t, spec.Name, noise(2*spec.Input[0]*spec.Input[1]*spec.Input[2]))...)
	}
	for name, l := range layers {
		n := random(t, l.layer, l.input...)
		jobs = append(jobs, n.jobs(t, name, noise(2*tensor.Shape(l.input).TotalSize()))...)
	}
	return append(jobs, temperatureJob(t))
}

// temperatureJob is a network whose logits are divided before their SoftMax.
func temperatureJob(t *testing.T) job {
	t.Helper()
	n := random(t, graph.Sequential{graph.Dense{Units: 5}}, 6)
	o := graph.Options{Weights: &graph.Weights{From: n.tensors}, Loss: graph.CrossEntropy{Temperature: 0.3}}
	m, err := o.Build(n.layer, graph.Infer, 2, 6)
	if err != nil {
		t.Fatal(err)
	}
	x := noise(12)
	copy(m.Input.Float32s(), x)
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	return newJob(t, "temperature", n.export(t, Options{Temperature: 0.3}), []int{2, 6}, x, m.Prediction().Float32s())
}

// TestExport: ONNX's checker accepts every export, and ONNX Runtime computes the
// same.
func TestExport(t *testing.T) {
	jobs := allJobs(t)
	var files []string
	for _, j := range jobs {
		files = append(files, j.Model)
	}
	t.Run("checked", func(t *testing.T) { checked(t, files...) })
	t.Run("run", func(t *testing.T) { runtimeAgrees(t, jobs) })
}

// TestExportTrained: ONNX Runtime sees what we see in 1,000 test digits.
func TestExportTrained(t *testing.T) {
	if testing.Short() {
		t.Skip("trains three networks")
	}
	needRuntime(t)
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 1000*28*28)
	for i := range 1000 {
		if _, err := d.Test.Read(i, x[i*28*28:][:28*28]); err != nil {
			t.Fatal(err)
		}
	}
	d.Train, d.Test = data.Limit(d.Train, 3000), data.Limit(d.Test, 1)
	var jobs []job
	for _, name := range []string{"cnn", "lenet5", "fcnn"} {
		spec, err := modelzoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		res, err := train.Fit(context.Background(), spec.New(10), d, train.Config{Epochs: 2, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, network{spec.New(10), res.Network.Weights.Map(), spec.Input[:]}.jobs(t, name, x)...)
	}
	runtimeAgrees(t, jobs)
}

// TestExportFunctions: functions come back from the file as what they were.
func TestExportFunctions(t *testing.T) {
	l := layers["functions"]
	n := random(t, l.layer, l.input...)
	m, err := Load(n.export(t, Options{Logits: true}))
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := n.run(t, noise(6))
	_, got, _ := network{layer: m, input: m.Input}.run(t, noise(6))
	near(t, "functions", got, want, 1e-6)
}

func TestExportErrors(t *testing.T) {
	dense := graph.Dense{Units: 2}
	good := random(t, dense, 3)
	tests := []struct {
		name    string
		layer   graph.Layer
		tensors map[string]*tensor.Dense
		want    string
	}{
		{"no weights", dense, nil, "onnx: graph: dense: tensor dense/weight is missing"},
		{"one too many", graph.Sequential{}, good.tensors, `onnx: graph: the network has no tensor "dense/`},
		{"a function that is no operator", function(op.Function{Name: "odd", F: math.Sin, DF: math.Cos}), nil, "the function odd has no translation, want one of package op, or its Operator"},
		{"another package's op", graph.Activation(gorgonia.Exp), nil, "has no translation, want one of package op"},
		{"batch reshaped", graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			half := func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(x, x.Shape()[0]/2, 6) }
			back := func(x *gorgonia.Node) (*gorgonia.Node, error) { return op.Reshape(x, 2*x.Shape()[0], 3) }
			return s.Unary(back, s.Unary(half, x))
		}), nil, "onnx: Reshape of (1, 6) to (2, 3) changes the batch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Options{}.Export(tt.layer, tt.tensors, 3)
			if err == nil || !strings.Contains(err.Error(), tt.want) || b != nil {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// Same network, same bytes.
func TestExportRepeats(t *testing.T) {
	n := random(t, modelzoo.LeNet5(10), 1, 28, 28)
	o := Options{Metadata: map[string]string{"b": "2", "a": "1", "c": "3"}}
	if a, b := fmt.Sprintf("%x", n.export(t, o)), fmt.Sprintf("%x", n.export(t, o)); a != b {
		t.Error("two exports differ")
	}
}
