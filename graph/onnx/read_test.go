package onnx

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"tapenet/graph"
)

// stream hides how much of a file is left.
type stream struct{ io.Reader }

// raw are the bytes of numbers.
func raw(t testing.TB, values ...float32) []byte {
	t.Helper()
	b, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// gemm is x·wᵀ, with w (units,in) in raw bytes, as PyTorch writes it.
func gemm(t testing.TB, units, in int) *modelProto {
	t.Helper()
	w := tensorProto{Name: "w", Type: typeFloat, Dims: []int64{int64(units), int64(in)}, Raw: raw(t, noise(units*in)...)}
	return single(nodeProto{Op: "Gemm", Inputs: []string{"w"}, Attributes: []attributeProto{attributeInt("transB", 1)}}, 13, []int{in}, w)
}

// sameModel compares what two readers have made of a file.
func sameModel(t *testing.T, what string, m, want *Model, err, wantErr error) {
	t.Helper()
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%s: error %v, want %v", what, err, wantErr)
	}
	if err != nil {
		return
	}
	for name, c := range want.constants {
		got := m.constants[name]
		if !slices.Equal(got.shape, c.shape) || !slices.Equal(got.ints, c.ints) || !sameFloats(got.floats, c.floats) {
			t.Errorf("%s: %s is %v, want %v", what, name, got, c)
		}
	}
	if len(m.constants) != len(want.constants) || !reflect.DeepEqual(m.Input, want.Input) || len(m.nodes) != len(want.nodes) {
		t.Errorf("%s: another model than by Load", what)
	}
}

// sameFloats compares bits, as NaN is itself here.
func sameFloats(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// readers are the ways to read a file.
func readers(t *testing.T, file []byte) map[string]func() (*Model, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return map[string]func() (*Model, error){
		"Open":         func() (*Model, error) { return Open(path) },
		"a stream":     func() (*Model, error) { return Read(stream{bytes.NewReader(file)}) },
		"single bytes": func() (*Model, error) { return Read(iotest.OneByteReader(bytes.NewReader(file))) },
	}
}

// TestReaders: a file is the same by whichever way it is read.
func TestReaders(t *testing.T) {
	files := map[string][]byte{"Gemm": marshal(gemm(t, 70, 130)), "empty": nil, "text": []byte("no ONNX file")}
	for _, b := range blocks(t) {
		files[b.name] = b.file
	}
	for name, file := range odd {
		files[name] = marshal(file())
	}
	files["cut off"] = files["Gemm"][:len(files["Gemm"])-20]
	files["cut off in data"] = files["Gemm"][:len(files["Gemm"])/2]
	for name, file := range files {
		want, wantErr := Load(file)
		for what, read := range readers(t, file) {
			m, err := read()
			sameModel(t, name+" by "+what, m, want, err, wantErr)
		}
	}
}

// TestReadError: an error of the reader is passed on.
func TestReadError(t *testing.T) {
	_, err := Read(io.MultiReader(bytes.NewReader(marshal(gemm(t, 3, 4))[:50]), iotest.ErrReader(iotest.ErrTimeout)))
	if err == nil || !strings.Contains(err.Error(), iotest.ErrTimeout.Error()) {
		t.Errorf("error %v, want the reader's", err)
	}
}

// TestReadTakesLittle: besides the weights, reading and building a network with
// fixed weights takes little.
func TestReadTakesLittle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	file := marshal(gemm(t, 1500, 3000)) // 18 MB
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (graph.Options{Fixed: true, Loss: graph.MSE{}}).Build(m, graph.Infer, 1, 3000); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(len(file))*11/10; took > most {
		t.Errorf("a file of %d bytes took %d, want at most %d", len(file), took, most)
	}
}

// TestReadClaims: a stream that claims to be long takes what has come, not what it
// claims.
func TestReadClaims(t *testing.T) {
	long := func(num int, b []byte) []byte { // a field of a terabyte that begins so
		return append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(num)<<3|kindBytes), 1<<40), b...)
	}
	tensor := append(binary.AppendUvarint([]byte{2 << 3}, typeFloat), long(9, nil)...)
	for name, file := range map[string][]byte{
		"text":    long(2, []byte("producer")),
		"data":    long(7, long(5, tensor)),
		"message": long(7, long(1, long(3, nil))),
		"skipped": long(13, nil),
	} {
		for what, in := range map[string]io.Reader{"stream": stream{bytes.NewReader(file)}, "known": bytes.NewReader(file)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(in)
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; err == nil || !strings.Contains(err.Error(), "cut off") || took > 4<<20 {
				t.Errorf("%s, %s: error %v after %d bytes, want one at once", name, what, err, took)
			}
		}
	}
}

// TestTurned: weights are (in,out) in the network, in whatever order the file has
// them, and the file's where others use them too.
func TestTurned(t *testing.T) {
	x := noise(2 * 130)
	want := func() []float32 {
		w, y := noise(70*130), make([]float32, 2*70)
		for i := range y {
			for k := range 130 {
				y[i] += x[i/70*130+k] * w[i%70*130+k]
			}
		}
		return y
	}()
	twice := func(m *modelProto) {
		m.Graph.Nodes = append(m.Graph.Nodes, nodeProto{Op: "Gemm", Inputs: []string{"x", "w"}, Outputs: []string{"z"}, Attributes: []attributeProto{attributeInt("transB", 1)}},
			nodeProto{Op: "Mul", Inputs: []string{"z", "zero"}, Outputs: []string{"none"}}, nodeProto{Op: "Add", Inputs: []string{"y", "none"}, Outputs: []string{"sum"}})
		m.Graph.Initializers = append(m.Graph.Initializers, tensorProto{Name: "zero", Type: typeFloat, Floats: []float32{0}, Dims: []int64{1}})
		m.Graph.Outputs[0].Name = "sum"
	}
	tests := []struct {
		name  string
		file  func() []byte
		shape []int // of the weights
	}{
		{"as it comes", func() []byte { return marshal(gemm(t, 70, 130)) }, []int{130, 70}},
		{"used twice", func() []byte {
			m := gemm(t, 70, 130)
			twice(m)
			return marshal(m)
		}, []int{70, 130}},
		{"weights first", func() []byte { return weightsFirst(t, gemm(t, 70, 130), 0) }, []int{130, 70}},
		{"used twice, once by a node behind the weights", func() []byte {
			m := gemm(t, 70, 130)
			twice(m)
			return weightsFirst(t, m, 1)
		}, []int{70, 130}},
		{"numbers one by one", func() []byte {
			m := gemm(t, 70, 130)
			m.Graph.Initializers[0].Raw, m.Graph.Initializers[0].Floats = nil, noise(70*130)
			return marshal(m)
		}, []int{130, 70}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := tt.file()
			for what, read := range readers(t, file) {
				m, err := read()
				if err != nil {
					t.Fatal(err)
				}
				if got := m.constants["w"].shape; !slices.Equal(got, tt.shape) {
					t.Errorf("%s: weights of %v, want %v", what, got, tt.shape)
				}
				_, got, _ := imported(t, m, 130).run(t, x)
				near(t, what, got, want, 1e-5)
			}
		})
	}
}

// weightsFirst writes a file with the weights of its graph behind so many of its
// nodes, before the others.
func weightsFirst(t *testing.T, m *modelProto, nodes int) []byte {
	t.Helper()
	first := graphProto{Nodes: m.Graph.Nodes[:nodes], Initializers: m.Graph.Initializers}
	rest := graphProto{Nodes: m.Graph.Nodes[nodes:], Inputs: m.Graph.Inputs, Outputs: m.Graph.Outputs}
	body := append(marshal(&first), marshal(&rest)...) // a message's fields come in any order
	m.Graph = nil
	w := &wire{buf: marshal(m)}
	w.append(7, body)
	return w.buf
}

// TestNotTurned: only what the data fill is transposed while it is read.
func TestNotTurned(t *testing.T) {
	for _, dims := range [][]int64{{70, 131}, {1 << 20, 1 << 20}, {0, 130}, {9100}} {
		m := gemm(t, 70, 130)
		m.Graph.Initializers[0].Dims = dims
		if _, err := Load(marshal(m)); err == nil && len(dims) == 2 {
			t.Errorf("a tensor of %v and %d elements was read", dims, 70*130)
		}
	}
}
