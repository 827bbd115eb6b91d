package onnx

import (
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
)

// TestExportTooLarge: weights of more than a file can hold are refused before memory is
// taken for them.
func TestExportTooLarge(t *testing.T) {
	one, all := tensor.New(tensor.WithShape(1<<22), tensor.Of(tensor.Float32)), map[string]*tensor.Dense{}
	for i := range 129 {
		all[strconv.Itoa(i)] = one // 16 MB each
	}
	_, err := Options{}.Export(graph.Dense{Units: 1}, all, 2)
	if err == nil || !strings.Contains(err.Error(), "the weights have 2064 MB, want less than 2048") {
		t.Errorf("error %v, want that the weights are too large", err)
	}
}
