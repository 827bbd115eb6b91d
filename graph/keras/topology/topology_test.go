package topology

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// TestSnake: the names of groups in .keras files, as Keras's to_snake_case makes
// them.
func TestSnake(t *testing.T) {
	for class, want := range map[string]string{
		"Conv2D": "conv2d", "DepthwiseConv2D": "depthwise_conv2d", "MaxPooling2D": "max_pooling2d", "ReLU": "re_lu", "ELU": "elu",
		"LeakyReLU": "leaky_re_lu", "GlobalAveragePooling2D": "global_average_pooling2d", "Conv2DTranspose": "conv2d_transpose",
		"BatchNormalization": "batch_normalization", "Dense": "dense", "Functional": "functional", "PReLU": "p_re_lu",
	} {
		if got := snake(class); got != want {
			t.Errorf("%s is %s, want %s", class, got, want)
		}
	}
}

// TestNamed: the longest name that fits is taken, and what is left is named.
func TestNamed(t *testing.T) {
	p := Place{Names: []string{"net", "inner", "dense"}}
	n := Named{"dense/kernel": {Shape: []int{1}}, "inner/dense/kernel": {Shape: []int{2}}, "net/inner/dense/bias": {}, "other/bias": {}}
	for _, want := range []int{2, 1} {
		if a, err := n.Take(p, "kernel"); err != nil || a.Shape[0] != want {
			t.Errorf("%v, %v, want shape %d", a, err, want)
		}
	}
	if _, err := n.Take(p, "kernel"); err == nil || !strings.Contains(err.Error(), `no weight "dense/kernel"`) {
		t.Errorf("error %v", err)
	}
	n.Skip(p)
	if got := n.Rest(); got != "other/bias" || len(n) != 1 {
		t.Errorf("%q is left of %v, want other/bias", got, n)
	}
}

// TestMergeErrors: layers with several inputs name themselves and the file.
func TestMergeErrors(t *testing.T) {
	layer := func(class, name, settings, inputs string) string {
		return fmt.Sprintf(`{"class_name":%q,"name":%q,"config":{"name":%[2]q%s},"inbound_nodes":[%s]}`, class, name, settings, inputs)
	}
	input := layer("InputLayer", "in", `,"batch_input_shape":[null,2,2,1]`, "")
	flat := layer("Flatten", "flat", "", `[["in",0,0,{}]]`)
	both := `[["in",0,0,{}],["flat",0,0,{}]]`
	for _, tt := range []struct{ name, last, want string }{
		{"one input", layer("Add", "x", "", `[["flat",0,0,{}]]`), `layer "x" (Add): 1 inputs, want two or more`},
		{"images and vectors", layer("Add", "x", "", both), `net.json: layer "x" (Add): inputs (1, 1, 2, 2) and (1, 4), want images or vectors`},
		{"axis", layer("Concatenate", "x", `,"axis":0`, `[["flat",0,0,{}],["flat",0,0,{}]]`), `net.json: layer "x" (Concatenate): axis 0 of inputs (1, 4), want 1 to 1`},
		{"axes", layer("Concatenate", "x", `,"axis":[1,2]`, both), `layer "x" (Concatenate): axis [1 2], want a number`},
	} {
		text := `{"class_name":"Functional","config":{"name":"n","layers":[` + strings.Join([]string{input, flat, tt.last}, ",") + `]}}`
		m, err := New("net.json", []byte(text), Named{})
		if err == nil {
			_, err = graph.NewNetwork(m, m.Input, graph.Options{})
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestAverageAndNormalization: y = mean of x, and of (x-mean)/√variance by the
// settings of the file.
func TestAverageAndNormalization(t *testing.T) {
	text := `{"class_name":"Functional","config":{"name":"n","layers":[
		{"class_name":"InputLayer","name":"in","config":{"batch_shape":[null,2]},"inbound_nodes":[]},
		{"class_name":"Normalization","name":"z","config":{"axis":-1,"mean":[1,2],"variance":[4,0.25]},"inbound_nodes":[[["in",0,0,{}]]]},
		{"class_name":"Average","name":"a","config":{},"inbound_nodes":[[["in",0,0,{}],["z",0,0,{}]]]}]}}`
	m, err := New("net.json", []byte(text), Named{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Options{Float64: true}.Build(m, graph.Infer, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float64s(), []float64{5, 3})
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	if y := g.Output().Float64s(); y[0] != 3.5 || y[1] != 2.5 {
		t.Errorf("%v, want [3.5 2.5]", y)
	}
}

// TestOperatorErrors: a function in place of a layer that is not read names itself.
func TestOperatorErrors(t *testing.T) {
	for _, tt := range []struct{ last, want string }{
		{`"class_name":"TFOpLambda","config":{"function":"math.reduce_mean"},"inbound_nodes":[["in",0,0,{"axis":1}]]`, `layer "x" (TFOpLambda): the function "math.reduce_mean" is not supported`},
		{`"class_name":"TFOpLambda","config":{"function":"math.add"},"inbound_nodes":[["in",0,0,{}]]`, "1 operands, want two"},
		{`"class_name":"TFOpLambda","config":{"function":"math.add"},"inbound_nodes":[["_CONSTANT_VALUE",-1,2,{"y":3}]]`, "want an operand that is no number"},
		{`"class_name":"TFOpLambda","config":{"function":"math.add"},"inbound_nodes":[["in",0,0,{"y":"z"}]]`, "want a layer's name and two numbers"},
		{`"class_name":"TFOpLambda","config":{"function":"math.add"},"inbound_nodes":[["in",0,0,{"y":[[1],[2,3]]}]]`, "want a layer's name and two numbers"},
		{`"class_name":"Average","config":{},"inbound_nodes":[{"args":[{"class_name":"__keras_tensor__","config":{"keras_history":["in",0,0]}},2]}]`, `layer "x" (Average): a number is an input, want layers alone`},
		{`"class_name":"Flatten","config":{},"inbound_nodes":[{"args":[{"class_name":"__keras_tensor__","config":{"keras_history":["in",0,0]}},2]}]`, `layer "x" (Flatten): a number is an input, want layers alone`},
		{`"class_name":"Sequential","config":{"layers":[]},"inbound_nodes":[{"args":[{"class_name":"__keras_tensor__","config":{"keras_history":["in",0,0]}},2]}]`, `layer "x" (Sequential): 2 inputs, want one`},
		{`"class_name":"Multiply","config":{},"inbound_nodes":[{"args":[2,3]}]`, "a call without a tensor"},
	} {
		text := `{"class_name":"Functional","config":{"name":"n","layers":[
			{"class_name":"InputLayer","name":"in","config":{"batch_shape":[null,2]},"inbound_nodes":[]},{"name":"x",` + tt.last + `}]}}`
		if _, err := New("net.json", []byte(text), Named{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

// TestSummary: the file's layers have a line each in a network's table, and the weights
// the names that they have without.
func TestSummary(t *testing.T) {
	text := `{"class_name":"Sequential","config":{"name":"n","layers":[
		{"class_name":"Conv2D","config":{"name":"first","batch_input_shape":[null,4,4,1],"filters":2,"kernel_size":[3,3],"activation":"relu"}},
		{"class_name":"Flatten","config":{"name":"flat"}},
		{"class_name":"Dropout","config":{"name":"drop","rate":0.5}},
		{"class_name":"Dense","config":{"name":"last","units":3}}]}}`
	m, err := New("net.json", []byte(text), Named{
		"first/kernel": {Shape: []int{3, 3, 1, 2}, Values: make([]float32, 18)}, "first/bias": {Shape: []int{2}, Values: make([]float32, 2)},
		"last/kernel": {Shape: []int{8, 3}, Values: make([]float32, 24)}, "last/bias": {Shape: []int{3}, Values: make([]float32, 3)},
	})
	if err != nil {
		t.Fatal(err)
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(net.Weights.Names())); !slices.Equal(got, []string{"conv2d/bias", "conv2d/weight", "dense/bias", "dense/weight"}) {
		t.Errorf("weights %q", got)
	}
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		t.Fatal(err)
	}
	const want = `layer  operator  output        parameters  multiply-adds per sample
input            (1, 1, 4, 4)  0           0
first  Conv2D    (1, 2, 2, 2)  20          72
flat   Flatten   (1, 8)        0           0
last   Dense     (1, 3)        27          24
total                          47          96
first runs as Conv2d+ReLU
`
	if got := one.Summary(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
