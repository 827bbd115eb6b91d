package onnx

import (
	"fmt"
	"strings"
	"testing"
)

// TestRecurrent: recurrent networks over steps of samples are what ONNX Runtime
// computes, for any number of samples, and are exported again.
func TestRecurrent(t *testing.T) {
	const steps, in, hidden = 5, 3, 4
	var jobs []job
	for _, tt := range []struct {
		op, attributes string
		inputs         string
		directions     int64
		text           string // of activations
	}{
		{"LSTM", "hidden_size:4", "t,w,r,b", 1, ""},
		{"LSTM", "hidden_size:4;direction:bidirectional", "t,w,r,b", 2, ""},
		{"LSTM", "hidden_size:4;direction:reverse;clip:0.2", "t,w,r,b", 1, ""},
		{"LSTM", "hidden_size:4", "t,w,r", 1, "Relu,Softsign,Sigmoid"},
		{"LSTM", "hidden_size:4", "t,w,r,b,,,,p", 1, ""},
		{"GRU", "hidden_size:4", "t,w,r,b", 1, ""},
		{"GRU", "hidden_size:4;linear_before_reset:1;direction:bidirectional", "t,w,r,b", 2, ""},
		{"GRU", "hidden_size:4;linear_before_reset:1", "t,w,r", 1, ""},
		{"RNN", "hidden_size:4;direction:bidirectional", "t,w,r,b", 2, "Relu,Tanh"},
	} {
		g := int64(cells[tt.op].gates) * hidden
		all := map[string]tensorProto{"w": filters(tt.directions, g, in), "r": filters(tt.directions, g, hidden), "b": filters(tt.directions, 2*g), "p": filters(tt.directions, 3*hidden)}
		for _, result := range []string{"y=Transpose[perm:2,0,1,3](o)", "y=Transpose[perm:1,0,2](h)", "y=Transpose[perm:1,0,2](c)"} {
			outputs := "o,h,c"
			if tt.op != "LSTM" {
				outputs = "o,h"
				if strings.HasSuffix(result, "(c)") {
					continue
				}
			}
			s := sketch{nodes: fmt.Sprintf("t=Transpose[perm:1,0,2](x) %s=%s[%s](%s) %s", outputs, tt.op, tt.attributes, tt.inputs, result), input: []int{0, steps, in}, weights: map[string]tensorProto{}}
			for name, w := range all {
				if strings.Contains(","+tt.inputs+",", ","+name+",") {
					s.weights[name] = w
				}
			}
			p := s.proto(t)
			if tt.text != "" {
				a := &p.Graph.Nodes[1].Attributes
				*a = append(*a, attributeProto{Name: "activations", Type: 8, Strings: strings.Split(tt.text, ",")})
			}
			p.Graph.Outputs[0].Type = &typeProto{Tensor: &tensorTypeProto{Elem: typeFloat}}
			name, x, shape := fmt.Sprint(tt, result), noise(2*steps*in), []int{2, steps, in}
			m := load(t, marshal(p))
			y, _ := computed(t, m, shape, x)
			jobs = append(jobs, newJob(t, name, marshal(p), shape, x, y))
			file, err := exportedAgain(t, m, Options{}, shape...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			jobs = append(jobs, newJob(t, name+" exported", file, shape, x, y))
			if p.Graph.Inputs[0].Type.Tensor.Shape.Dims[0] = (dimProto{Value: 1}); result == "y=Transpose[perm:1,0,2](h)" { // made for one sample
				got, _ := computed(t, load(t, marshal(p)), shape, x)
				equalFloats(t, name, got, y)
			}
		}
	}
	runtimeAgrees(t, jobs)
}

// TestRecurrentErrors: what is not read is refused with a reason.
func TestRecurrentErrors(t *testing.T) {
	weights := map[string]tensorProto{"w": filters(1, 16, 3), "r": filters(1, 16, 4), "l": {Type: typeInt32, Dims: []int64{2}, Int32s: []int64{2, 5}}}
	for nodes, want := range map[string]string{
		"y=LSTM(x,w,r)":                                  "512 in all",
		"y=LSTM[hidden_size:5](x,w,r)":                   "weights (1, 16, 3)",
		"y=GRU(x,w,r)":                                   "weights",
		"s=Slice(x,a,e,a) y=LSTM(s,w,r,,l)":              "samples of different lengths",
		"s=Slice(x,a,e,a) y=LSTM[input_forget:1](s,w,r)": "samples of different lengths, or input and forget gate in one",
	} {
		s := sketch{nodes: nodes, input: []int{0, 2, 3}, weights: weights}
		weights["a"], weights["e"] = whole(0), whole(5)
		p := s.proto(t)
		p.Graph.Inputs[0].Type.Tensor.Shape.Dims[0].Value = 600
		_, err := Options{Batch: 600}.Export(load(t, marshal(p)), nil, 2, 3)
		if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, "(1, 16, 3)", "[1 16 3]")) && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", nodes, err, want)
		}
	}
}
