package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"tapenet/graph"
)

// largeExternal asks for TestExternalLarge's file of more than 2 GB. What it writes takes
// little of the disk, as most of it is holes.
const largeExternal = "TAPENET_LARGE_EXTERNAL"

// TestExternalLarge: weights lie behind one another in one file beside the network's,
// which is larger than what an offset of 32 bits reaches if the environment asks for that.
// Each weight doubles four numbers, and ONNX Runtime says so too.
func TestExternalLarge(t *testing.T) {
	side, layers := 64, 9
	if os.Getenv(largeExternal) != "" {
		side = 8192 // 256 MB each
	}
	dir := t.TempDir()
	data, err := os.Create(filepath.Join(dir, "weights.bin"))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(4 * side * side)
	m := single(nodeProto{Op: "Relu"}, 13, []int{side})
	m.Graph.Nodes[0].Outputs = []string{"v0"}
	for i := range layers {
		for k := range 4 {
			at := int64(i)*size + 4*int64(k*side+k)
			if _, err := data.WriteAt(binary.LittleEndian.AppendUint32(nil, math.Float32bits(2)), at); err != nil {
				t.Fatal(err)
			}
		}
		name := fmt.Sprint("w", i)
		m.Graph.Initializers = append(m.Graph.Initializers, tensorProto{Name: name, Type: typeFloat, Dims: []int64{int64(side), int64(side)}, Place: 1,
			External: entries("location", "weights.bin", "offset", fmt.Sprint(int64(i)*size), "length", fmt.Sprint(size))})
		m.Graph.Nodes = append(m.Graph.Nodes, nodeProto{Op: "MatMul", Inputs: []string{fmt.Sprint("v", i), name}, Outputs: []string{fmt.Sprint("v", i+1)}})
	}
	m.Graph.Outputs[0].Name = fmt.Sprint("v", layers)
	if err := data.Truncate(int64(layers) * size); err != nil {
		t.Fatal(err)
	}
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, marshal(m), 0o644); err != nil {
		t.Fatal(err)
	}
	x, want := noise(side), make([]float32, side)
	for k := range 4 {
		want[k] = x[k] * float32(int(1)<<layers)
	}
	ours, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Options{Fixed: true, Loss: graph.MSE{}}.Build(ours, graph.Infer, 1, side)
	if err != nil {
		t.Fatal(err)
	}
	copy(g.Input.Float32s(), x)
	if err := g.Run(); err != nil {
		t.Fatal(err)
	}
	near(t, "ours", g.Output().Float32s(), want, 1e-6)
	t.Logf("%d bytes of weights", int64(layers)*size)
	j := newJob(t, "ONNX Runtime", nil, []int{1, side}, x, want)
	j.Model = path
	runtimeAgrees(t, []job{j})
}
