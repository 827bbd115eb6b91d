package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"tapenet/graph"
)

// chained is a file of many nodes, each of the one before.
func chained(opset, nodes int, first, each nodeProto, weights ...tensorProto) *modelProto {
	m := single(first, opset, []int{1}, weights...)
	for i := range nodes {
		n := each
		n.Inputs = append([]string{fmt.Sprint("v", i)}, each.Inputs...)
		n.Outputs = []string{fmt.Sprint("v", i+1)}
		m.Graph.Nodes = append(m.Graph.Nodes, n)
	}
	m.Graph.Nodes[0].Outputs = []string{"v0"}
	m.Graph.Nodes = append(m.Graph.Nodes, nodeProto{Op: "Shape", Inputs: []string{fmt.Sprint("v", nodes)}, Outputs: []string{"s"}},
		nodeProto{Op: "Cast", Inputs: []string{"s"}, Outputs: []string{"f"}, Attributes: []attributeProto{attributeInt("to", typeFloat)}},
		nodeProto{Op: "ReduceSum", Inputs: []string{"f"}, Outputs: []string{"sum"}}, nodeProto{Op: "Add", Inputs: []string{"x", "sum"}, Outputs: []string{"y"}})
	return m
}

// hostile are small files that ask for much in all, by many pieces of which each is
// allowed.
func hostile() map[string]struct {
	file *modelProto
	want string
} {
	named := func(name string, t tensorProto) tensorProto {
		t.Name = name
		return t
	}
	zeros := nodeProto{Op: "ConstantOfShape", Inputs: nil, Outputs: []string{"v0"}}
	constant := func(size int64, m *modelProto) *modelProto { // v0 is a constant of that size
		m.Graph.Nodes[0] = nodeProto{Op: "ConstantOfShape", Inputs: []string{"size"}, Outputs: []string{"v0"}}
		m.Graph.Initializers = append(m.Graph.Initializers, named("size", whole(size)), named("one", whole(1)), named("deep", whole(make([]int64, 2000)...)))
		deep := m.Graph.Initializers[len(m.Graph.Initializers)-1].Int64s
		for i := range deep {
			deep[i] = 1
		}
		return m
	}
	to := func(t int) attributeProto { return attributeInt("to", t) }
	grow := nodeProto{Op: "Expand", Inputs: []string{"large"}, Outputs: []string{"v0"}}
	large := func(m *modelProto) *modelProto {
		m.Graph.Initializers = append(m.Graph.Initializers, named("large", whole(1, 1<<23)), named("half", numbers(0.5)))
		return m
	}
	twice := nodeProto{Op: "Tile", Inputs: []string{"two"}}
	return map[string]struct {
		file *modelProto
		want string
	}{
		"casts":      {constant(1<<22, chained(13, 2000, zeros, nodeProto{Op: "Cast", Attributes: []attributeProto{to(typeInt32)}})), "elements of constants that are computed"},
		"reductions": {constant(1<<22, chained(13, 2000, zeros, nodeProto{Op: "ReduceSum", Attributes: []attributeProto{attributeInt("keepdims", 1)}})), ""},
		"identities": {constant(1<<22, chained(13, 2000, zeros, nodeProto{Op: "Identity"})), "computed constants are read"},
		"powers":     {constant(1<<20, chained(13, 2000, zeros, nodeProto{Op: "Pow", Inputs: []string{"one"}})), "elements of constants that are computed"},
		"dimensions": {constant(1, chained(13, 1, zeros, nodeProto{Op: "Expand", Inputs: []string{"deep"}})), "2000 dimensions, want at most 8"},
		"expansions": {large(chained(13, 3000, grow, nodeProto{Op: "Relu"})), "elements of all values a sample so far"},
		"additions":  {large(chained(13, 3000, grow, nodeProto{Op: "Add", Inputs: []string{"half"}})), "elements of all values a sample so far"},
		"repetitions": {func() *modelProto {
			m := chained(13, 60, nodeProto{Op: "Relu"}, twice, named("two", whole(1, 2)))
			return m
		}(), "at most 67108864 elements a sample"},
		"names": {func() *modelProto {
			m := chained(13, 3000, nodeProto{Op: "Relu"}, nodeProto{Op: "Relu"})
			for i := range 3000 {
				c := numbers(1 + float32(i)/3000)
				c.Dims = nil
				m.Graph.Nodes[i+1] = nodeProto{Op: "Mul", Inputs: []string{fmt.Sprint("v", i), fmt.Sprint("c", i)}, Outputs: []string{fmt.Sprint("v", i+1)}}
				m.Graph.Initializers = append(m.Graph.Initializers, named(fmt.Sprint("c", i), c), named(fmt.Sprint("number_", i), numbers(1)))
			}
			return m
		}(), ""},
		"a circle": {func() *modelProto {
			m := chained(13, 3, nodeProto{Op: "Relu"}, nodeProto{Op: "Relu"})
			m.Graph.Nodes[0].Inputs[0] = "v2"
			return m
		}(), "v2"},
		"of itself": {func() *modelProto {
			m := chained(13, 3, nodeProto{Op: "Relu"}, nodeProto{Op: "Relu"})
			m.Graph.Nodes[1].Inputs[0] = "v1"
			return m
		}(), "v1"},
		"a name twice": {func() *modelProto {
			m := chained(13, 3, nodeProto{Op: "Relu"}, nodeProto{Op: "Relu"})
			m.Graph.Nodes[2].Outputs[0] = "v1"
			return m
		}(), "there already"},
	}
}

// TestHostile: what many pieces of a small file ask for together is bounded, in memory
// and in work.
func TestHostile(t *testing.T) {
	for name, tt := range hostile() {
		t.Run(name, func(t *testing.T) {
			file := marshal(tt.file)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := Load(file)
			if err == nil {
				_, err = graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, 1, 1)
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 1<<30 {
				t.Errorf("a file of %d bytes took %d", len(file), took)
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// TestCost: what runs is bounded where the values alone are small.
func TestCost(t *testing.T) {
	pool := func(op string) nodeProto {
		return nodeProto{Op: op, Attributes: []attributeProto{attributeInts("kernel_shape", 4096, 4096), attributeInts("pads", 2000, 2000, 2095, 2095)}}
	}
	for _, tt := range []struct {
		name  string
		file  *modelProto
		input []int
		want  string
	}{
		{"large windows", single(pool("MaxPool"), 11, []int{1, 4096, 4096}), []int{1, 4096, 4096}, "pixels of all windows of poolings a sample so far, want at most 8589934592"},
		{"large means", single(pool("AveragePool"), 11, []int{1, 4096, 4096}), []int{1, 4096, 4096}, "pixels of all windows of poolings"},
		{"large filters", single(nodeProto{Op: "Conv", Inputs: []string{"w"}, Attributes: []attributeProto{attributeInts("pads", 500, 500, 500, 500)}}, 11, []int{1, 2048, 2048}, filters(4, 1, 1000, 1000)),
			[]int{1, 2048, 2048}, "multiply-adds a sample so far, want at most 8796093022208"},
	} {
		_, err := graph.Options{Loss: graph.MSE{}}.Build(load(t, marshal(tt.file)), graph.Infer, append([]int{1}, tt.input...)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `node of "y" (`) {
			t.Errorf("%s: error %v, want %q of the node", tt.name, err, tt.want)
		}
	}
}

// TestEntries: messages of a few bytes do not take a hundred times as much.
func TestEntries(t *testing.T) {
	attributes := make([]attributeProto, 1<<15) // of two bytes each
	m := single(nodeProto{Op: "Relu"}, 13, []int{1})
	for range 64 {
		m.Graph.Nodes = append(m.Graph.Nodes, nodeProto{Op: "Relu", Attributes: attributes})
	}
	if _, err := Load(marshal(m)); err == nil || !strings.Contains(err.Error(), "lists have more than 1048576 entries in all") {
		t.Errorf("error %v, want one about the entries", err)
	}
}

// TestExternalLinks: a link beside the file leads to data in its folder, and to none
// elsewhere; nor does the name of the file itself, a pipe or a device.
func TestExternalLinks(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, make([]byte, 60), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		target, location, want string
	}{
		"inside":       {"data", "link", ""},
		"outside":      {outside, "link", "escapes"},
		"above":        {"../" + filepath.Base(filepath.Dir(outside)) + "/outside", "link", "escapes"},
		"a circle":     {"link", "link", "link"},
		"a device":     {"/dev/zero", "link", "escapes"},
		"dots":         {"data", "below/../../" + filepath.Base(outside), "want a file beside the network's or below"},
		"back again":   {"data", "below/../data", ""},
		"a bare dot":   {"data", ".", "regular file"},
		"nothing":      {"data", "", "want a file beside the network's or below"},
		"a zero byte":  {"data", "data\x00", "data"},
		"a long name":  {"data", strings.Repeat("d", 5000), "name too long"},
		"a backslash":  {"data", `..\data`, `data`},
		"from the top": {"data", "//etc/passwd", "want a file beside the network's or below"},
	} {
		t.Run(name, func(t *testing.T) {
			path := apart(t, map[string][]byte{"data": make([]byte, 60), "below/x": nil}, entries("location", tt.location))
			if err := os.Symlink(tt.target, filepath.Join(filepath.Dir(path), "link")); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
			_, err := Open(path)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// TestHostileFunctions: functions that call each other twice, and one that has a large
// constant and is called often, take no more than they are.
func TestHostileFunctions(t *testing.T) {
	opsets := []opsetProto{{Version: 13}, {Domain: "own", Version: 1}}
	call := func(name, in, out string) nodeProto {
		return nodeProto{Op: name, Domain: "own", Inputs: []string{in}, Outputs: []string{out}}
	}
	twice := single(nodeProto{Op: "Relu"}, 13, []int{1})
	twice.Opsets, twice.Graph.Nodes = opsets, []nodeProto{call("f14", "x", "y")}
	for i := range 15 {
		f := functionProto{Domain: "own", Name: fmt.Sprint("f", i), Inputs: []string{"a"}, Outputs: []string{"c"}, Opsets: opsets}
		for _, v := range []string{"a b1", "b1 b2", "b2 b3", "b3 c"} {
			in, out, _ := strings.Cut(v, " ")
			n := call(fmt.Sprint("f", i-1), in, out)
			if i == 0 {
				n.Op, n.Domain = "Relu", ""
			}
			f.Nodes = append(f.Nodes, n)
		}
		twice.Functions = append(twice.Functions, f)
	}
	if _, err := Load(marshal(twice)); err == nil || !strings.Contains(err.Error(), "functions of more than 65536 nodes in all") {
		t.Errorf("error %v, want one about the nodes", err)
	}

	often := single(nodeProto{Op: "Relu"}, 13, []int{1})
	often.Opsets, often.Graph.Nodes = opsets, nil
	table := tensorProto{Type: typeHalf, Dims: []int64{1 << 18}, Raw: make([]byte, 1<<19)}
	often.Functions = []functionProto{{Domain: "own", Name: "f", Inputs: []string{"a"}, Outputs: []string{"c"}, Opsets: opsets, Nodes: []nodeProto{
		{Op: "Constant", Outputs: []string{"k"}, Attributes: []attributeProto{{Name: "value", Type: attrTensor, Tensor: &table}}},
		{Op: "Add", Inputs: []string{"a", "k"}, Outputs: []string{"sum"}},
		{Op: "ReduceMean", Inputs: []string{"sum"}, Outputs: []string{"c"}, Attributes: []attributeProto{attributeInts("axes", 1)}},
	}}}
	for i := range 200 {
		in, out := fmt.Sprint("v", i), fmt.Sprint("v", i+1)
		if i == 0 {
			in = "x"
		}
		often.Graph.Nodes = append(often.Graph.Nodes, call("f", in, out))
	}
	often.Graph.Outputs[0].Name = "v200"
	m := load(t, marshal(often))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := (graph.Options{Fixed: true, Loss: graph.MSE{}}).Build(m, graph.Infer, 1, 1); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("200 calls of a function with a table of 1 MB took %d bytes", took)
	}
}
