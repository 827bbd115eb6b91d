package op_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/graphtest"
	"tapenet/graph/op"
)

// counting returns a float64 tensor of 1, 2, 3, ….
func counting(shape ...int) dense {
	values := make([]float64, tensor.Shape(shape).TotalSize())
	for i := range values {
		values[i] = float64(i + 1)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}

func TestArrangingValues(t *testing.T) {
	tests := []struct {
		name string
		in   []dense
		f    graphtest.Func
		want []float64
	}{
		{"Gather", []dense{counting(2, 3)}, func(in ...node) (node, error) {
			return op.Gather(in[0], op.Picks{Blocks: 2, Index: []int32{2, -1}, Fill: 9}, 2, 2)
		}, []float64{3, 9, 6, 9}},
		{"Gather from all", []dense{counting(2, 3)}, func(in ...node) (node, error) {
			return op.Gather(in[0], op.Picks{Blocks: 1, Index: []int32{0, 3, 1, 4, 2, 5}}, 3, 2)
		}, []float64{1, 4, 2, 5, 3, 6}},
		{"Expand to samples", []dense{counting(2, 1)}, func(in ...node) (node, error) { return op.Expand(in[0], 2, 2, 2) },
			[]float64{1, 1, 2, 2, 1, 1, 2, 2}},
		{"Expand samples", []dense{counting(2, 1)}, func(in ...node) (node, error) { return op.Expand(in[0], 2, 3) },
			[]float64{1, 1, 1, 2, 2, 2}},
		{"Hadamard", []dense{counting(3), counting(3)}, func(in ...node) (node, error) { return op.Hadamard(in[0], in[1]) }, []float64{1, 4, 9}},
		{"Map", []dense{counting(3)}, func(in ...node) (node, error) {
			return op.Map(in[0], op.Function{F: func(x float64) float64 { return -x }, DF: func(float64) float64 { return -1 }})
		}, []float64{-1, -2, -3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			y, err := graphtest.Op{F: tt.f, In: tt.in}.Run()
			if err != nil {
				t.Fatal(err)
			}
			if got := floats(y); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			graphtest.Gradient(t, tt.f, tt.in...)
		})
	}
}

// TestLogSoftMax compares with the definition, and holds where SoftMax is 0.
func TestLogSoftMax(t *testing.T) {
	x := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, -1e4, 0, 1e4}))
	y, err := graphtest.Op{F: func(in ...node) (node, error) { return op.LogSoftMax(in[0]) }, In: []dense{x}}.Run()
	if err != nil {
		t.Fatal(err)
	}
	log := math.Log(math.Exp(1) + math.Exp(2) + math.Exp(3))
	for i, want := range []float64{1 - log, 2 - log, 3 - log, -2e4, -1e4, 0} {
		if got := floats(y)[i]; math.Abs(got-want) > 1e-12 {
			t.Errorf("element %d is %v, want %v", i, got, want)
		}
	}
}

func TestArrangingErrors(t *testing.T) {
	x := counting(2, 3)
	tests := []struct {
		name string
		f    graphtest.Func
		want string
	}{
		{"blocks", func(in ...node) (node, error) { return op.Gather(in[0], op.Picks{Blocks: 4, Index: []int32{0}}, 4) }, "Gather: 1 elements in each of 4 blocks of (2, 3)"},
		{"size", func(in ...node) (node, error) { return op.Gather(in[0], op.Picks{Blocks: 2, Index: []int32{0}}, 3) }, "want (3)"},
		{"index", func(in ...node) (node, error) { return op.Gather(in[0], op.Picks{Blocks: 2, Index: []int32{3}}, 2) }, "Gather: element 3 of blocks of 3"},
		{"fewer dimensions", func(in ...node) (node, error) { return op.Expand(in[0], 3) }, "Expand: (2, 3) to (3), want no fewer"},
		{"dimension", func(in ...node) (node, error) { return op.Expand(in[0], 4, 3) }, "Expand: (2, 3) to (4, 3), want dimensions that are equal or 1"},
		{"no dimension", func(in ...node) (node, error) { return op.Expand(in[0], 0, 2, 3) }, "Expand: (2, 3) to (0, 2, 3)"},
		{"two shapes", func(in ...node) (node, error) {
			y, err := op.Reshape(in[0], 6)
			if err != nil {
				return nil, err
			}
			return op.Hadamard(in[0], y)
		}, "Hadamard: operands are (2, 3) and (6), want one shape"},
		{"no derivative", func(in ...node) (node, error) { return op.Map(in[0], op.Function{F: math.Sin}) }, "Map: function or derivative is nil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := graphtest.Op{F: tt.f, In: []dense{x}}.Run()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}
