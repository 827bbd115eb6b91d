package onnx

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// parsed are nodes in short: "a=Div(x,sqrt2) y=Erf(a)". Attributes are written
// behind the operator: "m=ReduceMean[axes:-1](x)".
func parsed(t *testing.T, text string) (nodes []nodeProto) {
	t.Helper()
	for _, part := range strings.Fields(text) {
		out, call, _ := strings.Cut(part, "=")
		kind, inputs, _ := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		n := nodeProto{Outputs: []string{out}, Inputs: strings.Split(inputs, ",")}
		if inputs == "" {
			n.Inputs = nil
		}
		kind, attribute, _ := strings.Cut(strings.TrimSuffix(kind, "]"), "[")
		switch n.Op = kind; attribute {
		case "":
		case "axes:-1":
			n.Attributes = []attributeProto{attributeInts("axes", -1)}
		case "axes:1":
			n.Attributes = []attributeProto{attributeInts("axes", 1)}
		case "axes:2":
			n.Attributes = []attributeProto{attributeInts("axes", 2)}
		case "flat":
			n.Attributes = []attributeProto{attributeInts("axes", -1), attributeInt("keepdims", 0)}
		case "sixth":
			n.Attributes = []attributeProto{attributeFloat("alpha", 1.0/6)}
		case "0to6":
			n.Attributes = []attributeProto{attributeFloat("min", 0), attributeFloat("max", 6)}
		default:
			t.Fatalf("attribute %q", attribute)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// numbersOf are the constants that the patterns' pieces use.
var numbersOf = map[string]float32{
	"sqrt2": math.Sqrt2, "rsqrt2": 1 / math.Sqrt2, "one": 1, "half": 0.5, "three": 3, "sixth": 1.0 / 6, "six": 6, "zero": 0, "two": 2, "eps": 1e-6, "1.4": 1.4,
}

// pieced is a file of nodes from x to y. Constants are initializers, or nodes.
func pieced(t *testing.T, text string, input []int, opset int, constantNodes bool) *modelProto {
	t.Helper()
	m := &modelProto{IR: irVersion, Opsets: []opsetProto{{Version: int64(opset)}}, Graph: &graphProto{
		Inputs: []valueProto{describeValue("x", input)}, Outputs: []valueProto{{Name: "y"}},
		Initializers: []tensorProto{
			{Name: "gamma", Type: typeFloat, Dims: []int64{4}, Floats: noise(4)}, {Name: "beta", Type: typeFloat, Dims: []int64{4}, Floats: noise(5)[1:]},
			{Name: "gammaC", Type: typeFloat, Dims: []int64{4, 1, 1}, Floats: noise(4)}, {Name: "betaC", Type: typeFloat, Dims: []int64{4, 1, 1}, Floats: noise(5)[1:]},
			{Name: "w", Type: typeFloat, Dims: []int64{4, 4}, Floats: noise(16)}, {Name: "matrix", Type: typeFloat, Dims: []int64{1, 4}, Floats: noise(4)},
		},
	}}
	for name, v := range numbersOf {
		c := tensorProto{Name: name, Type: typeFloat, Floats: []float32{v}}
		if !constantNodes {
			m.Graph.Initializers = append(m.Graph.Initializers, c)
			continue
		}
		m.Graph.Nodes = append(m.Graph.Nodes, nodeProto{Op: "Constant", Outputs: []string{name}, Attributes: []attributeProto{{Name: "value", Type: attrTensor, Tensor: &c}}})
	}
	m.Graph.Nodes = append(m.Graph.Nodes, parsed(t, text)...)
	return m
}

// builtOps are the ops of a model's graph, but for Reshape.
func builtOps(t *testing.T, m *Model) (ops []string) {
	t.Helper()
	g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, append([]int{2}, m.Input...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Nodes() {
		if name, _, _ := strings.Cut(n.Op, " "); name != "" && name != "Reshape" {
			ops = append(ops, name)
		}
	}
	return ops
}

// inPieces loads a file without patterns.
func inPieces(t *testing.T, file []byte) *Model {
	t.Helper()
	all := patternList
	defer func() { patternList = all }()
	patternList = nil
	return load(t, file)
}

const (
	erf       = "a=Div(x,sqrt2) b=Erf(a) c=Add(b,one) "
	clipped   = "a=Add(x,three) b=Clip(a,zero,six) "
	norm      = "m=ReduceMean[axes:-1](x) d=Sub(x,m) q=Pow(d,two) v=ReduceMean[axes:-1](q) e=Add(v,eps) s=Sqrt(e) n=Div(d,s) "
	channels  = "m=ReduceMean[axes:1](x) d=Sub(x,m) q=Pow(d,two) v=ReduceMean[axes:1](q) e=Add(v,eps) s=Sqrt(e) n=Div(d,s) "
	normOther = "d=Sub(x,m) q=Mul(d,d) v=ReduceMean[axes:-1](q) e=Add(eps,v) s=Sqrt(e) n=Div(d,s) "
)

// patternTests are pieces with what they become. Pieces that almost make a pattern
// stay pieces: want is nil.
var patternTests = []struct {
	name  string
	nodes string
	want  []string
	shape []int // of a sample; nil for (3,4)
	opset int   // 0 for 13
}{
	{"GELU", erf + "d=Mul(x,c) y=Mul(d,half)", []string{"GELU"}, nil, 0},
	{"GELU, halved first", erf + "d=Mul(half,x) y=Mul(d,c)", []string{"GELU"}, nil, 0},
	{"GELU, the sum halved", erf + "d=Mul(c,half) y=Mul(d,x)", []string{"GELU"}, nil, 0},
	{"GELU, divided by two", erf + "d=Mul(c,x) y=Div(d,two)", []string{"GELU"}, nil, 0},
	{"GELU, multiplied inside", "a=Mul(rsqrt2,x) b=Erf(a) c=Add(one,b) d=Mul(x,c) y=Mul(d,half)", []string{"GELU"}, nil, 0},
	{"GELU of an activation", "z=Tanh(x) a=Div(z,sqrt2) b=Erf(a) c=Add(b,one) d=Mul(z,c) y=Mul(d,half)", []string{"Tanh", "GELU"}, nil, 0},
	{"GELU, another number inside", "a=Div(x,1.4) b=Erf(a) c=Add(b,one) d=Mul(x,c) y=Mul(d,half)", nil, nil, 0},
	{"GELU, another factor", erf + "d=Mul(x,c) y=Mul(d,1.4)", nil, nil, 0},
	{"GELU of two values", erf + "z=Tanh(x) d=Mul(z,c) y=Mul(d,half)", nil, nil, 0},
	{"GELU, read inside", erf + "d=Mul(x,c) e=Mul(d,half) y=Add(e,b)", nil, nil, 0},
	{"GELU, read before the end", erf + "d=Mul(x,c) e=Mul(d,half) y=Add(e,d)", nil, nil, 0},

	{"SiLU", "a=Sigmoid(x) y=Mul(x,a)", []string{"SiLU"}, nil, 0},
	{"SiLU, the other way round", "a=Sigmoid(x) y=Mul(a,x)", []string{"SiLU"}, nil, 0},
	{"SiLU, read inside", "a=Sigmoid(x) b=Mul(x,a) y=Add(a,b)", nil, nil, 0},
	{"SiLU of two values", "z=Tanh(x) a=Sigmoid(z) y=Mul(x,a)", nil, nil, 0},
	{"SiLU, doubled", "a=Sigmoid(x) b=Mul(x,a) y=Mul(b,two)", []string{"SiLU", "Scale"}, nil, 0},

	{"HardSwish", "a=HardSigmoid[sixth](x) y=Mul(x,a)", []string{"HardSwish"}, nil, 0},
	{"HardSwish of another slope", "a=HardSigmoid(x) y=Mul(x,a)", nil, nil, 0},
	{"HardSwish in pieces", clipped + "c=Mul(x,b) y=Div(c,six)", []string{"HardSwish"}, nil, 0},
	{"HardSwish, divided first", clipped + "c=Div(b,six) y=Mul(c,x)", []string{"HardSwish"}, nil, 0},
	{"HardSwish by a sixth", clipped + "c=Mul(b,sixth) y=Mul(x,c)", []string{"HardSwish"}, nil, 0},
	{"HardSwish by attributes", "a=Add(three,x) b=Clip[0to6](a) c=Mul(x,b) y=Div(c,six)", []string{"HardSwish"}, nil, 10},
	{"HardSwish up to another bound", "a=Add(x,three) b=Clip(a,zero,two) c=Mul(x,b) y=Div(c,six)", nil, nil, 0},
	{"HardSigmoid", clipped + "y=Div(b,six)", []string{"HardSigmoid"}, nil, 0},
	{"HardSigmoid of another offset", "a=Add(x,two) b=Clip(a,zero,six) y=Div(b,six)", nil, nil, 0},
	{"HardSigmoid, read inside", clipped + "c=Div(b,six) y=Add(c,b)", nil, nil, 0},

	{"LayerNorm", norm + "g=Mul(n,gamma) y=Add(g,beta)", []string{"LayerNorm"}, nil, 0},
	{"LayerNorm, the other way round", "m=ReduceMean[axes:-1](x) " + normOther + "g=Mul(gamma,n) y=Add(beta,g)", []string{"LayerNorm"}, nil, 0},
	{"LayerNorm with shared parameters", "h=Identity(gamma) k=Identity(h) " + norm + "g=Mul(n,k) y=Add(g,beta)", []string{"LayerNorm"}, nil, 0},
	{"LayerNorm of an activation", "z=Tanh(x) " + strings.ReplaceAll(norm, "(x", "(z") + "g=Mul(n,gamma) y=Add(g,beta)", []string{"Tanh", "LayerNorm"}, nil, 0},
	{"LayerNorm of channels", channels + "g=Mul(n,gammaC) y=Add(g,betaC)", []string{"Permute", "LayerNorm", "Permute"}, []int{4, 2, 3}, 0},
	{"LayerNorm of channels, parameters for the last axis", channels + "g=Mul(n,gamma) y=Add(g,beta)", nil, []int{3, 2, 4}, 0},
	{"LayerNorm of another axis", strings.ReplaceAll(norm, "-1", "2") + "g=Mul(n,gamma) y=Add(g,beta)", nil, nil, 0},
	{"LayerNorm, another exponent", strings.ReplaceAll(norm, "two", "three") + "g=Mul(n,gamma) y=Add(g,beta)", nil, nil, 0},
	{"LayerNorm, read inside", norm + "g=Mul(n,gamma) h=Add(g,beta) y=Add(h,n)", nil, nil, 0},
	{"LayerNorm, the difference read", norm + "g=Mul(n,gamma) h=Add(g,beta) y=Add(h,d)", nil, nil, 0},
	{"LayerNorm without a bias of weights", norm + "g=Mul(n,gamma) y=Add(g,x)", nil, nil, 0},
	{"LayerNorm with a matrix", norm + "g=Mul(n,matrix) y=Add(g,beta)", nil, nil, 0},

	{"product and bias", "a=MatMul(x,w) y=Add(a,beta)", []string{"Mul"}, nil, 0},
	{"bias and product", "a=MatMul(x,w) y=Add(beta,a)", []string{"Mul"}, nil, 0},
	{"product and two biases", "a=MatMul(x,w) b=Add(a,beta) y=Add(b,gamma)", []string{"Mul", "Shift"}, nil, 0},
	{"product and a matrix", "a=MatMul(x,w) y=Add(a,matrix)", nil, nil, 0},
	{"product and an activation", "a=MatMul(x,w) y=Add(a,x)", nil, nil, 0},
	{"product, read too", "a=MatMul(x,w) b=Add(a,beta) y=Mul(a,b)", nil, nil, 0},
	{"GELU behind a product", "p=MatMul(x,w) q=Add(p,beta) a=Div(q,sqrt2) b=Erf(a) c=Add(b,one) d=Mul(q,c) y=Mul(d,half)", []string{"Mul", "GELU"}, nil, 0},
	{"nodes for nothing", "z=Exp(x) b=Log(z) y=Tanh(x)", []string{"Tanh"}, nil, 0},
}

// TestPatterns: pieces become the op that they are, and give what they gave; those
// that almost make one stay. Constants are initializers and nodes.
func TestPatterns(t *testing.T) {
	for _, tt := range patternTests {
		t.Run(tt.name, func(t *testing.T) {
			shape, opset := tt.shape, tt.opset
			if shape == nil {
				shape = []int{3, 4}
			}
			if opset == 0 {
				opset = 13
			}
			for _, asNodes := range []bool{false, true} {
				file := marshal(pieced(t, tt.nodes, shape, opset, asNodes))
				m, pieces := load(t, file), inPieces(t, file)
				want := tt.want
				if want == nil {
					want = builtOps(t, pieces)
				}
				if got := builtOps(t, m); !slices.Equal(got, want) {
					t.Errorf("ops %v, want %v", got, want)
				}
				x := noise(2 * product(shape))
				for i := range x {
					x[i] = 8*x[i] - 4
				}
				_, got, _ := imported(t, m, shape...).run(t, x)
				_, expected, _ := imported(t, pieces, shape...).run(t, x)
				near(t, "result", got, expected, 2e-6)
				if tt.want != nil && !asNodes {
					gradientOf(t, m, tt.name)
				}
			}
		})
	}
}

// TestPatternsOfBlocks: what PyTorch writes for newer networks consists of the ops
// that their papers have.
func TestPatternsOfBlocks(t *testing.T) {
	want := map[string][]string{
		"tokens":  {"Conv2d", "Transpose", "Expand", "Concat", "Shift", "LayerNorm", "Mul", "BatchMul", "SoftMax", "BatchMul", "Mul", "Add", "LayerNorm", "Mul", "GELU", "Mul", "Add", "PickChannels"},
		"windows": {"Permute", "Roll", "Permute", "Mul", "BatchMul", "Shift", "Shift", "SoftMax", "BatchMul", "Mul", "Permute", "Roll", "Add", "Permute", "AvgPool2D"},
		"grid":    {"Permute", "Mul", "BatchMul", "SoftMax", "BatchMul"},
		"shuffle": {"PickChannels", "PickChannels", "Conv2d", "ReLU", "Concat", "PickChannels", "PickChannels", "PickChannels", "Conv2d", "ReLU", "Concat", "PickChannels", "AvgPool2D"},
		"excite":  {"SiLU", "AvgPool2D", "Conv2d", "SiLU", "Conv2d", "Sigmoid", "Scale", "HardSwish", "HardSigmoid", "AvgPool2D"},
		"scaled":  {"Permute", "LayerNorm", "LayerNorm", "Mul", "GELU", "Mul", "Scale", "Add", "Permute", "AvgPool2D"},
	}
	for _, b := range blocks(t) {
		got := builtOps(t, load(t, b.file))
		slices.Sort(got)
		expected := slices.Sorted(slices.Values(want[b.name]))
		if !slices.Equal(got, expected) {
			t.Errorf("%s: ops %v, want %v", b.name, got, expected)
		}
	}
}

// TestOwnDomain: a file cannot name the operators that patterns put in place.
func TestOwnDomain(t *testing.T) {
	m := single(nodeProto{Op: "SiLU", Domain: ownDomain}, 13, []int{3})
	if _, err := Load(marshal(m)); err == nil || !strings.Contains(err.Error(), `the operator "SiLU" tapenet is not supported`) {
		t.Errorf("error %v, want one for the operator", err)
	}
}
