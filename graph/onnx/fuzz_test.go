package onnx

import (
	"bytes"
	"os"
	"testing"

	"tapenet/graph"
)

// FuzzLoad reads, builds and runs whatever comes. Nothing may panic, or take
// more than its bounds.
func FuzzLoad(f *testing.F) {
	mixed := graph.Sequential{ // small, so that its file is
		graph.Patches{Size: 2}, graph.LayerNorm{}, graph.Transpose{}, graph.Dense{Units: 2, Activation: graph.GELU},
		graph.Residual{Body: graph.Dense{Units: 2}}, graph.Flatten{}, graph.BatchNorm{}, graph.ReLU6,
	}
	seeds := []network{random(f, mixed, 1, 4, 4)}
	for _, l := range layers {
		seeds = append(seeds, random(f, l.layer, l.input...))
	}
	for _, n := range seeds {
		f.Add(n.export(f, Options{Metadata: map[string]string{"k": "v"}}))
	}
	for _, file := range odd {
		f.Add(marshal(file()))
	}
	f.Add(marshal(gemm(f, 3, 4)))
	for _, name := range []string{"excite", "scaled"} {
		file, err := os.ReadFile("testdata/block_" + name + ".onnx")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := Load(file)
		streamed, streamErr := Read(stream{bytes.NewReader(file)})
		sameModel(t, "a stream", streamed, m, streamErr, err)
		if err != nil {
			return
		}
		input, size := []int{1}, 1
		for _, d := range m.Input {
			d = max(d, 1)
			if size *= d; size > 1<<12 {
				return
			}
			input = append(input, d)
		}
		g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, input...)
		if err != nil {
			failsWell(t, 0, err)
			return
		}
		if g.Memory().Total() > 1<<20 {
			return
		}
		if err := g.Run(); err != nil {
			t.Errorf("a model that was built does not run: %v", err)
		}
	})
}

// single is a file of one node, with an input (batch,…) and weights.
func single(n nodeProto, opset int, input []int, weights ...tensorProto) *modelProto {
	n.Inputs = append([]string{"x"}, n.Inputs...)
	for i := range weights {
		if weights[i].Name == "" {
			weights[i].Name = n.Inputs[1+i]
		}
	}
	n.Outputs = []string{"y"}
	return &modelProto{IR: irVersion, Opsets: []opsetProto{{Version: int64(opset)}}, Graph: &graphProto{
		Nodes: []nodeProto{n}, Initializers: weights,
		Inputs: []valueProto{describeValue("x", input)}, Outputs: []valueProto{{Name: "y"}},
	}}
}

func numbers(v ...float32) tensorProto {
	return tensorProto{Type: typeFloat, Dims: []int64{int64(len(v))}, Floats: v}
}

func whole(v ...int64) tensorProto {
	return tensorProto{Type: typeInt64, Dims: []int64{int64(len(v))}, Int64s: v}
}

func filters(dims ...int64) tensorProto {
	size := int64(1)
	for _, d := range dims {
		size *= d
	}
	return tensorProto{Type: typeFloat, Dims: dims, Floats: noise(int(size))}
}

// odd are files that ask for much, or for operators that no network of ours has.
var odd = map[string]func() *modelProto{
	"huge padding": func() *modelProto {
		return single(nodeProto{Op: "Pad", Inputs: []string{"p"}}, 13, []int{2}, whole(0, 1<<40, 0, 1<<40))
	},
	"huge transposed convolution": func() *modelProto {
		return single(nodeProto{Op: "ConvTranspose", Inputs: []string{"w"}, Attributes: []attributeProto{attributeInts("strides", 1<<30, 1<<30)}},
			11, []int{1, 3, 3}, filters(1, 1, 2, 2))
	},
	"huge convolution": func() *modelProto {
		return single(nodeProto{Op: "Conv", Inputs: []string{"w"}, Attributes: []attributeProto{attributeInts("pads", 1<<30, 1<<30, 1<<30, 1<<30)}},
			11, []int{1, 3, 3}, filters(1, 1, 2, 2))
	},
	"huge shape": func() *modelProto {
		return single(nodeProto{Op: "Reshape", Inputs: []string{"s"}}, 13, []int{4}, whole(1<<31, 1<<31, 1<<31, -1))
	},
	"huge product": func() *modelProto {
		return single(nodeProto{Op: "MatMul", Inputs: []string{"w"}}, 13, []int{512, 1, 1}, filters(1024, 1, 1, 1))
	},
	"huge repetition": func() *modelProto {
		return single(nodeProto{Op: "Expand", Inputs: []string{"s"}}, 13, []int{1, 1}, whole(1, 1<<23, 1<<23))
	},
	"transposed convolution": func() *modelProto {
		return single(nodeProto{Op: "ConvTranspose", Inputs: []string{"w"}, Attributes: []attributeProto{attributeInts("strides", 2, 1)}},
			11, []int{2, 3, 3}, filters(2, 3, 2, 2))
	},
	"slice": func() *modelProto {
		return single(nodeProto{Op: "Slice", Inputs: []string{"a", "b", "c", "d"}}, 13, []int{5, 6}, whole(4, -1), whole(0, -6), whole(1, 2), whole(-2, -1))
	},
	"selu": func() *modelProto { return single(nodeProto{Op: "Selu"}, 13, []int{3}) },
	"pool up": func() *modelProto {
		return single(nodeProto{Op: "AveragePool", Attributes: []attributeProto{attributeInts("kernel_shape", 3, 3), attributeInts("strides", 2, 2),
			attributeInt("ceil_mode", 1), attributeInt("count_include_pad", 1), attributeInts("pads", 1, 0, 1, 0)}}, 13, []int{1, 6, 6})
	},
}
