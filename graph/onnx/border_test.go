package onnx

import (
	"math"
	"testing"
)

// TestIntegers: files whose inputs and outputs are integers or truth compute what ONNX
// Runtime does.
func TestIntegers(t *testing.T) {
	three := tensorProto{Type: typeInt32, Dims: []int64{1}, Int32s: []int64{3}}
	wide := whole(3)
	var jobs []job
	for _, tt := range []struct {
		name      string
		nodes     string
		elem, out int64
		x         []float32
		weights   map[string]tensorProto
	}{
		{"pixels", "f=Cast[to:1](x) y=Mul(f,half)", typeUint8, typeFloat, []float32{0, 1, 128, 255}, nil},
		{"bytes wrap", "y=Add(x,x)", typeUint8, typeUint8, []float32{0, 1, 128, 255}, nil},
		{"signed bytes", "f=Cast[to:6](x) y=Mul(f,f)", typeInt8, typeInt32, []float32{0, -1, -128, 127}, nil},
		{"int32", "y=Div(x,three)", typeInt32, typeInt32, []float32{-7, 1 << 24, 8, 9}, map[string]tensorProto{"three": three}},
		{"int64", "y=Mod(x,three)", typeInt64, typeInt64, []float32{-7, 7, -(1 << 24), 9}, map[string]tensorProto{"three": wide}},
		{"truth", "y=Not(x)", typeBool, typeBool, []float32{0, 1, 1, 0}, nil},
		{"truth as numbers", "f=Cast[to:1](x) y=Neg(f)", typeBool, typeFloat, []float32{0, 1, 1, 0}, nil},
		{"comparison", "y=Greater(x,three)", typeInt64, typeBool, []float32{2, 3, 4, -5}, map[string]tensorProto{"three": wide}},
		{"floats to integers", "y=Cast[to:7](x)", typeFloat, typeInt64, []float32{-1.5, 2.7, 0, 1 << 23}, nil},
		{"floats to truth", "y=Cast[to:9](x)", typeFloat, typeBool, []float32{-1.5, 0, 0.1, 3}, nil},
	} {
		s := sketch{nodes: tt.nodes, elem: tt.elem, input: []int{0, 2}, weights: map[string]tensorProto{"half": numbers(0.5)}}
		for name, w := range tt.weights {
			s.weights[name] = w
		}
		m := s.model(t)
		if want := elementName(tt.elem); m.Element != want {
			t.Errorf("%s: elements %s, want %s", tt.name, m.Element, want)
		}
		y, _ := computed(t, m, []int{2, 2}, tt.x)
		jobs = append(jobs, s.job(t, tt.name, tt.out, "", tt.x, y))
	}
	runtimeAgrees(t, jobs)
}

// TestBorder: numbers become the nearest of the input's type. One that the type does
// not have, or that float32 would not hold, is NaN, and stays NaN.
func TestBorder(t *testing.T) {
	nan := float32(math.NaN())
	for _, tt := range []struct {
		name, nodes string
		elem        int64
		x, want     []float32
	}{
		{"uint8", "y=Identity(x)", typeUint8, []float32{-0.4, 254.6, 255.6, -1}, []float32{0, 255, nan, nan}},
		{"bool", "y=Identity(x)", typeBool, []float32{-0.4, 0, 7, nan}, []float32{1, 0, 1, nan}},
		{"int32", "y=Identity(x)", typeInt32, []float32{1 << 24, -(1 << 24), 1<<24 + 2, 2.5}, []float32{1 << 24, -(1 << 24), nan, 2}},
		{"a sum", "y=Add(x,x)", typeInt32, []float32{1 << 23, 1<<23 + 1, -(1 << 23), 3}, []float32{1 << 24, nan, -(1 << 24), 6}},
		{"a product", "y=Mul(x,x)", typeInt64, []float32{4096, 4097, -4096, 0}, []float32{1 << 24, nan, 1 << 24, 0}},
		{"a comparison of it", "z=Mul(x,x) y=Less(z,x)", typeInt64, []float32{4096, 4097, -4096, 0}, []float32{0, nan, 0, 0}},
		{"a cast of it", "z=Mul(x,x) y=Cast[to:3](z)", typeInt64, []float32{4096, 4097, -10, 0}, []float32{0, nan, 100, 0}},
	} {
		m := sketch{nodes: tt.nodes, elem: tt.elem, input: []int{0, 4}}.model(t)
		y, _ := computed(t, m, []int{1, 4}, tt.x)
		equalFloats(t, tt.name, y, tt.want)
	}
}
