package op_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// golden is testdata/golden_ops.json. Its numbers come from PyTorch through
// testdata/golden_ops.py, whose first lines describe the cases.
type golden struct {
	Source string       `json:"source"`
	Cases  []goldenCase `json:"cases"`
	Net    struct {
		goldenCase
		Labels [][]float64 `json:"labels"` // of each step's batch
	} `json:"net"`
}

type goldenCase struct {
	Name     string         `json:"name"`
	Op       string         `json:"op"`
	Kernel   [2]int         `json:"kernel"` // like the next: height, width
	Stride   [2]int         `json:"stride"`
	Padding  [2]int         `json:"padding"`
	Dilation [2]int         `json:"dilation"`
	Groups   int            `json:"groups"`
	Epsilon  float64        `json:"epsilon"`
	Momentum float64        `json:"momentum"`
	Inputs   []goldenInput  `json:"inputs"`
	Outputs  []goldenOutput `json:"outputs"`
}

type goldenInput struct {
	Name   string    `json:"name"`
	Stream string    `json:"stream"`
	Shape  []int     `json:"shape"`
	Limit  float64   `json:"limit"`
	First  []float64 `json:"first"` // up to four values, a check of the generator
}

type goldenOutput struct {
	Name         string    `json:"name"`
	Shape        []int     `json:"shape"`
	Float32Error float64   `json:"float32_error"`
	Values       []float64 `json:"values"`
}

// goldenPrecisions: the file holds nine digits, and PyTorch's own float32 is
// within 3e-7.
var goldenPrecisions = []precision{{tensor.Float64, 6e-9}, {tensor.Float32, 2e-6}}

func loadGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "golden_ops.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil {
		t.Fatal(err)
	}
	return g
}

// input generates an input and compares its first values with the file's.
func (c goldenCase) input(t *testing.T, dtype tensor.Dtype, name string) dense {
	t.Helper()
	i := slices.IndexFunc(c.Inputs, func(in goldenInput) bool { return in.Name == name })
	if i < 0 {
		return nil
	}
	x := graphtest.Random(c.Inputs[i].Stream, c.Inputs[i].Limit, c.Inputs[i].Shape...)
	checkNear(t, "generated "+name, x.Float64s()[:len(c.Inputs[i].First)], c.Inputs[i].First, 1e-8)
	return to(dtype, x)
}

// check compares results with all outputs in the file.
func (c goldenCase) check(t *testing.T, got map[string][]float64, limit float64) {
	t.Helper()
	for _, out := range c.Outputs {
		checkNear(t, out.Name, got[out.Name], out.Values, limit)
	}
	if len(got) != len(c.Outputs) {
		t.Errorf("the test compares %d outputs, the file has %d", len(got), len(c.Outputs))
	}
}

// op returns the case's op, and the names of its operands.
func (c goldenCase) op(t *testing.T, dtype tensor.Dtype) (o graphtest.Op, names []string) {
	t.Helper()
	pad := op.Padding{Top: c.Padding[0], Bottom: c.Padding[0], Left: c.Padding[1], Right: c.Padding[1]}
	pool := op.Pool{KH: c.Kernel[0], KW: c.Kernel[1], StrideH: c.Stride[0], StrideW: c.Stride[1], Pad: pad}
	names = []string{"x"}
	switch c.Op {
	case "conv":
		names = []string{"x", "weight", "bias"}
		o.F = conv2d(op.Conv{
			StrideH: c.Stride[0], StrideW: c.Stride[1], Pad: pad,
			DilationH: c.Dilation[0], DilationW: c.Dilation[1], Groups: c.Groups,
		})
	case "maxpool":
		o.F = func(in ...node) (node, error) { return op.MaxPool2D(in[0], pool) }
	case "avgpool":
		o.F = func(in ...node) (node, error) { return op.AvgPool2D(in[0], pool) }
	case "batchnorm":
		names = []string{"x", "gamma", "beta", "running_mean", "running_var"}
		o.State = []int{3, 4}
		norm := op.Norm{Epsilon: c.Epsilon, Momentum: c.Momentum, Training: true}
		o.F = func(in ...node) (node, error) { return op.BatchNorm(in[0], in[1], in[2], in[3], in[4], norm) }
	case "layernorm":
		names = []string{"x", "gamma", "beta"}
		o.F = layerNorm(c.Epsilon)
	default:
		t.Fatalf("no op %q", c.Op)
	}
	for _, name := range names {
		if x := c.input(t, dtype, name); x != nil {
			o.In = append(o.In, x)
		}
	}
	if c.Op == "batchnorm" {
		channels := o.In[1].Size()
		o.In = append(o.In, tensor.New(tensor.Of(dtype), tensor.WithShape(channels)), tensor.Ones(dtype, channels))
	}
	return o, names
}

func TestGolden(t *testing.T) {
	g := loadGolden(t)
	if len(g.Cases) < 19 {
		t.Errorf("golden_ops.json has %d cases, want 19 or more", len(g.Cases))
	}
	for _, c := range g.Cases {
		for _, p := range goldenPrecisions {
			t.Run(fmt.Sprintf("%s/%v", c.Name, p.dtype), func(t *testing.T) {
				o, names := c.op(t, p.dtype)
				y, grads, err := o.Gradients(c.input(t, p.dtype, "dy"))
				if err != nil {
					t.Fatal(err)
				}
				got := map[string][]float64{"y": floats(y)}
				for i, d := range grads {
					if d != nil {
						got["d"+names[i]] = floats(d)
					} else {
						got[names[i]] = floats(o.In[i]) // running statistics, after the run
					}
				}
				c.check(t, got, p.limit)
			})
		}
	}
}

// goldenNet are the operands of the net, after images, labels and weights of
// the samples.
var goldenNet = []string{"conv/weight", "norm/gamma", "norm/beta", "dense/weight", "dense/bias", "norm/running_mean", "norm/running_var"}

// TestGoldenNet trains the small net of golden_ops.json for three steps.
func TestGoldenNet(t *testing.T) {
	net := loadGolden(t).Net
	for _, p := range goldenPrecisions {
		t.Run(p.dtype.String(), func(t *testing.T) {
			params := []dense{
				net.input(t, p.dtype, "conv/weight"), tensor.Ones(p.dtype, 4), zeros(p.dtype, 4),
				net.input(t, p.dtype, "dense/weight"), zeros(p.dtype, 3),
				zeros(p.dtype, 4), tensor.Ones(p.dtype, 4),
			}
			got := map[string][]float64{}
			for step, labels := range net.Labels {
				o := graphtest.Op{
					F:        net.loss,
					In:       append([]dense{net.input(t, p.dtype, fmt.Sprintf("input/%d", step)), to(p.dtype, vector(labels...)), tensor.Ones(p.dtype, 4)}, params...),
					Constant: []int{1, 2}, State: []int{8, 9},
				}
				y, grads, err := o.Gradients(nil)
				if err != nil {
					t.Fatal(err)
				}
				got["losses"] = append(got["losses"], floats(y)...)
				for i, x := range params[:5] {
					if step == 0 {
						got["d"+goldenNet[i]] = floats(grads[3+i])
					}
					descend(x, grads[3+i], 0.5)
				}
			}
			for i, x := range params {
				got[goldenNet[i]] = floats(x)
			}
			in := append([]dense{net.input(t, p.dtype, "input/0")}, params...)
			logits, err := graphtest.Op{F: func(in ...node) (node, error) { return net.logits(false, in[0], in[1:]...) }, In: in}.Run()
			if err != nil {
				t.Fatal(err)
			}
			got["logits"] = floats(logits)
			net.check(t, got, p.limit)
		})
	}
}

func zeros(dtype tensor.Dtype, n int) dense {
	return tensor.New(tensor.Of(dtype), tensor.WithShape(n))
}

// descend is a step of gradient descent.
func descend(x, dx dense, rate float64) {
	for i, d := range floats(dx) {
		if x.Dtype() == tensor.Float32 {
			x.Float32s()[i] -= float32(rate * d)
		} else {
			x.Float64s()[i] -= rate * d
		}
	}
}

// loss is the net's in training, of images, labels, sample weights and params.
func (c goldenCase) loss(in ...node) (node, error) {
	logits, err := c.logits(true, in[0], in[3:]...)
	if err != nil {
		return nil, err
	}
	return op.CrossEntropy(logits, in[1], in[2], 0)
}

// logits is the net's output, of images and the parameters in goldenNet.
func (c goldenCase) logits(training bool, x node, p ...node) (y node, err error) {
	if y, err = op.Conv2d(x, p[0], nil, op.Conv{Pad: op.Padding{Top: 1, Bottom: 1, Left: 1, Right: 1}}); err != nil {
		return nil, err
	}
	if y, err = op.BatchNorm(y, p[1], p[2], p[5], p[6], op.Norm{Epsilon: c.Epsilon, Momentum: c.Momentum, Training: training}); err != nil {
		return nil, err
	}
	if y, err = op.ReLU(y); err != nil {
		return nil, err
	}
	if y, err = op.AvgPool2D(y, op.Pool{KH: 6, KW: 6}); err != nil {
		return nil, err
	}
	if y, err = op.Reshape(y, 4, 4); err != nil {
		return nil, err
	}
	return op.Mul(y, p[3], p[4])
}
