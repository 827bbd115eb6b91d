package tfjs

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// nodes is a graph model of a placeholder x, constants c of shape (2) and m of
// (2,2), and more nodes.
func nodes(more string) string {
	return `{"format":"graph-model","modelTopology":{"node":[
		{"name":"x","op":"Placeholder","attr":{"dtype":{"type":"DT_FLOAT"},"shape":{"shape":{"dim":[{"size":"-1"},{"size":"2"}]}}}},
		{"name":"c","op":"Const"},{"name":"m","op":"Const"}` + more + `]},
		"weightsManifest":[{"paths":["w.bin"],"weights":[{"name":"c","shape":[2],"dtype":"int32"},{"name":"m","shape":[2,2],"dtype":"float32"}]}]}`
}

// single is a node with settings, as JSON.
func single(name, op, inputs, settings string) string {
	return fmt.Sprintf(`,{"name":%q,"op":%q,"input":[%s],"attr":{%s}}`, name, op, inputs, settings)
}

// weightsOf are the bytes of c = (1,2) and m = 0.
var weightsOf = "\x01\x00\x00\x00\x02\x00\x00\x00" + strings.Repeat("\x00", 16)

// TestGraphErrors: a graph that cannot be read names the node.
func TestGraphErrors(t *testing.T) {
	tests := []struct{ name, model, want string }{
		{"operation", nodes(single("y", "LRN", `"x"`, "")), `node "y" (LRN): the operation is not supported`},
		{"no node", nodes(single("y", "Relu", `"z"`, "")), `node "y" (Relu): no node "z"`},
		{"second result", nodes(single("y", "Relu", `"x:1"`, "")), `node "y" (Relu): result "1" of node "x", want 0`},
		{"inputs", nodes(single("y", "AddV2", `"x","^c"`, "")), `node "y" (AddV2): 1 inputs, want 2`},
		{"circle", nodes(single("y", "Relu", `"z"`, "") + single("z", "Relu", `"y"`, "") + single("w", "AddV2", `"x","z"`, "")), "lies in a circle"},
		{"only a circle", nodes(single("y", "AddV2", `"x","y"`, "")), "no Placeholder on the way"},
		{"two of a name", nodes(single("x", "Relu", `"x"`, "")), `node "x" (Relu): the name is there twice`},
		{"two inputs", nodes(single("z", "Placeholder", "", "") + single("y", "AddV2", `"x","z"`, "")), `node "z" (Placeholder): another input than node "x" (Placeholder), want one`},
		{"no shape", strings.Replace(nodes(single("y", "Relu", `"x"`, "")), `{"size":"-1"},{"size":"2"}`, "", 1), "the input has 0 dimensions"},
		{"unknown shape", strings.Replace(nodes(single("y", "Relu", `"x"`, "")), `"dim":[{"size":"-1"},{"size":"2"}]`, `"unknownRank":true`, 1), "an input of unknown shape"},
		{"strings", strings.Replace(nodes(single("y", "Relu", `"x"`, "")), "DT_FLOAT", "DT_STRING", 1), "an input of type DT_STRING, want numbers"},
		{"constant", nodes(single("k", "Const", "", "") + single("y", "AddV2", `"x","k"`, "")), `node "k" (Const): its value is not among the weights`},
		{"a weight more", strings.Replace(nodes(single("y", "Relu", `"x"`, "")), `{"name":"m","op"`, `{"name":"n","op"`, 1), `the weight "m" is of no node`},
		{"channels first", nodes(single("y", "MaxPool", `"x"`, `"data_format":{"s":"TkNIVw=="}`)), `node "y" (MaxPool): data_format "NCHW", want NHWC`},
		{"output", strings.Replace(nodes(single("y", "Relu", `"x"`, "")), `"weightsManifest"`, `"signature":{"outputs":{"o":{"name":"z:0"}}},"weightsManifest"`, 1), `output "o": no node "z"`},
		{"settings", nodes(single("y", "Relu", `"x"`, `"a":{"list":{"i":["1","b"]}}`)), "want an integer"},
		{"no nodes", `{"modelTopology":{"node":[]}}`, "0 nodes, want 1 to 65536"},
	}
	for _, tt := range tests {
		m, err := Load(folder(tt.model, weightsOf), "model.json")
		if err != nil && strings.Contains(err.Error(), "0 bytes") || m != nil {
			t.Errorf("%s: %v, %v", tt.name, m, err)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "tfjs: model.json: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestGraphBuildErrors: what only the shapes of values show.
func TestGraphBuildErrors(t *testing.T) {
	for _, tt := range []struct{ name, more, want string }{
		{"convolution of vectors", single("y", "Conv2D", `"x","m"`, ""), `model.json: node "y" (Conv2D): input 1, want a constant of 4 dimensions`},
		{"product", single("y", "MatMul", `"x","c"`, ""), "input 1, want a constant of 2 dimensions"},
		{"turned", single("y", "MatMul", `"x","m"`, `"transpose_a":{"b":true}`), "no transpose_a"},
		{"of constants", single("y", "Relu", `"c"`, "") + single("z", "AddV2", `"x","y"`, ""), "a constant, want something that depends on the network's input"},
		{"sum of constants", single("y", "AddV2", `"c","m"`, "") + single("z", "AddV2", `"x","y"`, ""), "two constants"},
		{"broadcast", single("y", "AddV2", `"x","m"`, ""), "a constant (2, 2) beside (1, 2), want one that repeats along it"},
		{"pooling", single("y", "MaxPool", `"x"`, `"padding":{"s":"VkFMSUQ="}`), "want images"},
		{"padding", single("y", "AvgPool", `"x"`, `"padding":{"s":"YQ=="}`), `padding "a", want SAME, VALID or EXPLICIT`},
		{"window", single("y", "MaxPool", `"x"`, `"ksize":{"list":{"i":["1","0","2","1"]}}`), "ksize [1 0 2 1], want [1,height,width,1]"},
		{"mean", single("y", "Mean", `"x","c"`, ""), "axes [1 2] of an input (1, 2), want height and width"},
		{"shape", single("y", "Reshape", `"x","m"`, ""), "want 2 elements"},
		{"fused", single("y", "_FusedMatMul", `"x","m"`, `"fused_ops":{"list":{"s":["YQ=="]}}`), `the fused operation "a" is not supported`},
		{"fused bias", single("y", "_FusedMatMul", `"x","m","m"`, `"fused_ops":{"list":{"s":["Qmlhc0FkZA=="]}}`), "want a constant of 1 dimensions"},
		{"joined constant", single("y", "ConcatV2", `"c","x","c"`, ""), "an axis that is not one number"},
		{"slice", single("y", "StridedSlice", `"c","c","c","c"`, "") + single("z", "Reshape", `"x","y"`, ""), "a slice of 2 dimensions"},
		{"a constant", single("y", "Shape", `"x"`, ""), "the output is a constant"},
		{"to integers", single("y", "Cast", `"x"`, `"DstT":{"type":"DT_INT32"}`), "to DT_INT32, want floats"},
	} {
		m, err := Load(folder(nodes(tt.more), weightsOf), "model.json")
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if _, err := graph.NewNetwork(m, m.Input, graph.Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestGraphOutputs: outputs are in the signature's order, and one that is not the
// first is computed without what it does not need.
func TestGraphOutputs(t *testing.T) {
	m, err := Load(os.DirFS("testdata/graph"), "model.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Outputs(); !slices.Equal(got, []string{"Identity", "pooled"}) || m.Output() != "Identity" || !m.SoftMax {
		t.Errorf("outputs %q, %s", got, m.Output())
	}
	pooled, err := m.With("pooled")
	if err != nil {
		t.Fatal(err)
	}
	w := &graph.Weights{}
	y := predict(t, pooled, w, m.Input, false, make([]float32, 9*8*3))
	if len(y) != 10 || pooled.SoftMax || pooled.Output() != "pooled" || slices.ContainsFunc(w.Names(), func(n string) bool { return strings.HasPrefix(n, "dense") }) {
		t.Errorf("%d values of weights %q, want 10 without the last layer", len(y), w.Names())
	}
	if _, err := m.With("x"); err == nil || err.Error() != `no output "x", want Identity, pooled` {
		t.Errorf("error %v", err)
	}
}

// TestGraphRescales: a network that brings bytes near to 0 takes pixels in 0..255.
func TestGraphRescales(t *testing.T) {
	for more, want := range map[string]bool{
		single("i", "Identity", `"x"`, "") + single("y", "RealDiv", `"i","k"`, ""): true,
		single("y", "Sub", `"x","k"`, ""):                                          true,
		single("y", "Mul", `"k","x"`, ""):                                          false,
		single("y", "Sub", `"x","c"`, ""):                                          false, // 1
		single("y", "MatMul", `"x","m"`, ""):                                       false,
	} {
		model := strings.Replace(nodes(single("k", "Const", "", "")+more), `"weights":[`, `"weights":[{"name":"k","shape":[],"dtype":"int32"},`, 1)
		m, err := Load(folder(model, "\xff\x00\x00\x00"+weightsOf), "model.json")
		if err != nil || m.Rescales != want {
			t.Errorf("%s: %v, want %v", more, err, want)
		}
	}
	m, err := Load(folder(strings.Replace(nodes(single("y", "Cast", `"x"`, "")), "DT_FLOAT", "DT_UINT8", 1), weightsOf), "model.json")
	if err != nil || !m.Rescales {
		t.Errorf("bytes: %v, want pixels in 0..255", err)
	}
}
