package onnx

import (
	"slices"
	"strings"
	"testing"
)

// fixed is a file of some nodes for batches of one size.
func fixed(batch int, opset int, input []int, weights []tensorProto, nodes ...nodeProto) []byte {
	m := single(nodes[0], opset, input, weights...)
	m.Graph.Nodes[0].Outputs = nodes[0].Outputs
	m.Graph.Nodes = append(m.Graph.Nodes, nodes[1:]...)
	m.Graph.Inputs[0].Type.Tensor.Shape.Dims[0] = dimProto{Value: int64(batch)}
	return marshal(m)
}

// TestSamples: a file for one image gives each of three what it gives it alone, or is
// refused by the node that mixes them.
func TestSamples(t *testing.T) {
	perm := attributeInts("perm", 1, 0)
	node := func(kind, in, out string, a ...attributeProto) nodeProto {
		n := nodeProto{Op: kind, Outputs: []string{out}, Attributes: a}
		if in != "" {
			n.Inputs = strings.Fields(in)
		}
		return n
	}
	three := []tensorProto{numbers(1, 2, 3)}
	three[0].Name = "w"
	tests := []struct {
		name    string
		opset   int
		weights []tensorProto
		nodes   []nodeProto
		mixes   string
	}{
		{"turned", 13, nil, []nodeProto{node("Transpose", "", "y", perm)}, "dimension 1 of the output"},
		{"turned twice", 13, nil, []nodeProto{node("Transpose", "", "a", perm), node("Transpose", "a", "y", perm)}, ""},
		{"mean of the batch", 11, nil, []nodeProto{node("ReduceMean", "", "a", attributeInts("axes", 0)), node("Add", "x a", "y")}, "ReduceMean"},
		{"mean of a sample", 11, nil, []nodeProto{node("ReduceMean", "", "a", attributeInts("axes", 1)), node("Add", "x a", "y")}, ""},
		{"joined", 13, nil, []nodeProto{node("Concat", "x", "a", attributeInt("axis", 0)), node("Relu", "a", "y")}, "Concat"},
		{"joined beside", 13, nil, []nodeProto{node("Concat", "x", "a", attributeInt("axis", 1)), node("Relu", "a", "y")}, ""},
		{"softmax of all", 11, nil, []nodeProto{node("LogSoftmax", "", "y", attributeInt("axis", 0))}, "LogSoftmax"},
		{"softmax of each", 11, nil, []nodeProto{node("LogSoftmax", "", "y", attributeInt("axis", 1))}, ""},
		{"turned and added", 13, three, []nodeProto{node("Transpose", "", "a", perm), node("Reshape", "a r", "b"), node("Add", "b w", "y")}, "Reshape"},
		{"number of samples", 13, nil, []nodeProto{node("Shape", "", "s"), node("Slice", "s zero one", "n"), node("Cast", "n", "f", attributeInt("to", typeFloat)),
			node("Div", "x f", "y")}, "Div"},
		{"zeros for each sample", 13, nil, []nodeProto{node("Shape", "", "s"), node("ConstantOfShape", "s", "zeros"), node("Concat", "x zeros", "y", attributeInt("axis", 1))}, ""},
		{"numbers for each sample", 13, nil, []nodeProto{node("Shape", "", "s"), node("Slice", "s zero one", "n"), node("Squeeze", "n zero", "end"),
			node("Range", "i0 end i1", "r"), node("Cast", "r", "f", attributeInt("to", typeFloat)), node("Unsqueeze", "f one", "column"), node("Add", "x column", "y")},
			"computes with the number of samples"},
		{"their number for each sample", 13, nil, []nodeProto{node("Shape", "", "s"), node("Slice", "s zero one", "n"), node("Expand", "n n", "r"),
			node("Cast", "r", "f", attributeInt("to", typeFloat)), node("Unsqueeze", "f one", "column"), node("Add", "x column", "y")},
			"computes with the number of samples"},
		{"repeated for each sample", 13, three, []nodeProto{node("Shape", "", "s"), node("Expand", "w s", "e"), node("Concat", "e x", "y", attributeInt("axis", 1))}, ""},
		{"a token beside each sample", 13, []tensorProto{{Name: "token", Type: typeFloat, Dims: []int64{1, 2}, Floats: []float32{7, 8}}},
			[]nodeProto{node("Concat", "token", "y", attributeInt("axis", 1))}, ""},
		{"windows of one image", 13, nil, []nodeProto{node("Reshape", "r31", "a"), node("Softmax", "a", "b", attributeInt("axis", 1)), node("Reshape", "b r13", "y")}, ""},
		{"windows with samples behind", 13, nil, []nodeProto{node("Transpose", "", "t", perm), node("Reshape", "t r311", "a"), node("Relu", "a", "b"),
			node("Reshape", "b r31", "c"), node("Transpose", "c", "y", perm)}, ""},
		{"rest of the windows", 13, nil, []nodeProto{node("Reshape", "r3rest", "a"), node("ReduceSum", "a one", "b", attributeInt("keepdims", 0)), node("Reshape", "b r13", "y")}, ""},
		{"repeated as the file says", 13, nil, []nodeProto{node("Expand", "r33", "y")}, "Expand"},
		{"numbers beside each other", 13, []tensorProto{{Name: "rows", Type: typeFloat, Dims: []int64{3, 3}, Floats: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}}},
			[]nodeProto{node("Identity", "", "i"), node("Identity", "rows", "c"), node("Add", "i c", "y")}, "Add"},
		{"a constant beside samples", 13, nil, []nodeProto{node("Identity", "", "i"), node("ConstantOfShape", "r33", "c"), node("Add", "x c", "y")}, "Add"},
		{"matrices for each sample", 13, []tensorProto{{Name: "w3", Type: typeFloat, Dims: []int64{3, 3, 1}, Floats: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}}},
			[]nodeProto{node("Reshape", "r113", "a"), node("MatMul", "a w3", "y")}, "MatMul"},
		{"matrices before each sample", 13, []tensorProto{{Name: "w3", Type: typeFloat, Dims: []int64{3, 1, 1}, Floats: []float32{1, 2, 3}}},
			[]nodeProto{node("Reshape", "r113", "a"), node("MatMul", "w3 a", "y")}, "MatMul"},
		{"zeros turned", 13, nil, []nodeProto{node("Shape", "", "s"), node("ConstantOfShape", "s", "zeros"), node("Transpose", "zeros", "y", perm)}, "dimension 1 of the output"},
		{"product of samples", 13, nil, []nodeProto{node("Transpose", "", "a", perm), node("MatMul", "a x", "y")}, "MatMul"},
	}
	x := []float32{1, 2, 3, -1, 0, 5, 2, 7, -4}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "turned and added" {
				back := whole(-1, 3)
				back.Name = "r"
				tt.weights = append(slices.Clone(tt.weights), back)
			}
			for name, v := range map[string][]int64{"zero": {0}, "one": {1}, "r31": {3, 1}, "r13": {1, 3}, "r311": {3, 1, 1}, "r3rest": {3, -1}, "r33": {3, 3}, "r113": {1, 1, 3}} {
				w := whole(v...)
				w.Name = name
				tt.weights = append(slices.Clone(tt.weights), w)
			}
			for name, v := range map[string]int64{"i0": 0, "i1": 1} {
				tt.weights = append(tt.weights, tensorProto{Name: name, Type: typeInt64, Int64s: []int64{v}})
			}
			file := fixed(1, tt.opset, []int{3}, tt.weights, tt.nodes...)
			_, got, err := ran(file, []int{3, 3}, x)
			if tt.mixes != "" {
				if err == nil || !strings.Contains(err.Error(), tt.mixes) {
					t.Errorf("values %v, error %v, want one about %s", got, err, tt.mixes)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want []float32
			for i := range 3 {
				_, y, err := ran(file, []int{1, 3}, x[3*i:][:3])
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, y...)
			}
			near(t, tt.name, got, want, 1e-6)
		})
	}
}
