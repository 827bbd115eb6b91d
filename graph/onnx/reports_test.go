package onnx

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// TestReports: files that were once computed wrongly or refused give what ONNX
// Runtime and PyTorch give, or are refused for a reason that the error says.
func TestReports(t *testing.T) {
	list, err := os.ReadFile("testdata/reports/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Kind, Error string
		Shape, WantShape  []int
		X, Want           []float32
	}
	if err := json.Unmarshal(list, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Kind+"/"+c.Name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join("testdata/reports", c.Name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			shape, got, err := ran(file, c.Shape, c.X)
			if c.Error != "" {
				if err == nil || !strings.Contains(err.Error(), c.Error) {
					t.Errorf("error %v, values %v, want an error that says %s", err, got, c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(shape, c.WantShape) {
				t.Errorf("shape %v, want %v", shape, c.WantShape)
			}
			near(t, c.Name, got, c.Want, 1e-5)
		})
	}
}

// ran runs a file for inference.
func ran(file []byte, shape []int, x []float32) (to []int, y []float32, err error) {
	m, err := Load(file)
	if err != nil {
		return nil, nil, err
	}
	g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, shape...)
	if err != nil {
		return nil, nil, err
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		return nil, nil, err
	}
	return g.OutputShape(), g.Output().Float32s(), nil
}
