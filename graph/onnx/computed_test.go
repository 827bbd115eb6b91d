package onnx

import (
	"strings"
	"testing"
)

// TestComputedInputs: what says how an operator works is a constant, or is refused. It
// is not taken as not there, when all axes would be reduced, for one.
func TestComputedInputs(t *testing.T) {
	ints := func(name string, v ...int64) tensorProto {
		w := whole(v...)
		w.Name = name
		return w
	}
	compute := nodeProto{Op: "Cast", Inputs: []string{"w"}, Outputs: []string{"a"}, Attributes: []attributeProto{attributeInt("to", typeInt64)}} // of a weight
	tests := []struct {
		op, want string
		opset    int
		inputs   []string
		outputs  []string
	}{
		{"ReduceSum", "axes that are computed", 13, []string{"x", "a"}, []string{"y"}},
		{"ReduceMax", "axes that are computed", 18, []string{"x", "a"}, []string{"y"}},
		{"Squeeze", "axes that are computed", 13, []string{"x", "a"}, []string{"y"}},
		{"Unsqueeze", "axes that are computed", 13, []string{"x", "a"}, []string{"y"}},
		{"Split", "sizes that are computed", 13, []string{"x", "a"}, []string{"y", "z"}},
		{"Pad", "a value for the padding that is computed", 13, []string{"x", "pads", "f"}, []string{"y"}},
		{"Dropout", "a ratio or a mode that is computed", 13, []string{"x", "f"}, []string{"y"}},
		{"Trilu", "a diagonal that is computed", 14, []string{"x", "a"}, []string{"y"}},
	}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			w := numbers(1)
			w.Name = "w"
			m := single(nodeProto{Op: "Relu"}, tt.opset, []int{4, 1}, w, ints("pads", 0, 0, 0, 0, 1, 0))
			m.Graph.Nodes = []nodeProto{compute, {Op: "Relu", Inputs: []string{"w"}, Outputs: []string{"f"}}, {Op: tt.op, Inputs: tt.inputs, Outputs: tt.outputs}}
			_, y, err := ran(marshal(m), []int{2, 4, 1}, make([]float32, 8))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("values %v, error %v, want one that says %s", y, err, tt.want)
			}
		})
	}
}
