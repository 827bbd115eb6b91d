package onnx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// apart writes a network whose weights are in files of their own, as entries say,
// and returns its file's name.
func apart(t *testing.T, files map[string][]byte, entries ...[]entryProto) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := gemm(t, 3, 4)
	m.Graph.Nodes[0].Inputs = append(m.Graph.Nodes[0].Inputs, "b")
	m.Graph.Initializers = append(m.Graph.Initializers, tensorProto{Name: "b", Type: typeFloat, Dims: []int64{3}, Raw: raw(t, 1, 2, 3)})
	for i, e := range entries {
		init := &m.Graph.Initializers[i]
		init.Raw, init.Place, init.External = nil, 1, e
	}
	path := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(path, marshal(m), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func entries(pairs ...string) (e []entryProto) {
	for i := 0; i < len(pairs); i += 2 {
		e = append(e, entryProto{pairs[i], pairs[i+1]})
	}
	return e
}

// TestExternal reads weights from files beside the network's.
func TestExternal(t *testing.T) {
	w, b := raw(t, noise(12)...), raw(t, 1, 2, 3)
	both := append(append([]byte("padding."), w...), b...)
	tests := []struct {
		name    string
		files   map[string][]byte
		entries [][]entryProto
	}{
		{"a file each", map[string][]byte{"w.bin": w, "below/b.bin": b}, [][]entryProto{entries("location", "w.bin"), entries("location", "below/b.bin", "length", "12")}},
		{"one file", map[string][]byte{"data": both}, [][]entryProto{entries("location", "data", "offset", "8", "length", "48"), entries("location", "./data", "offset", "56", "length", "12", "checksum", "?")}},
		{"one apart", map[string][]byte{"data": w}, [][]entryProto{entries("location", "data")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := apart(t, tt.files, tt.entries...)
			m, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			got, x := m.constants["w"], noise(12)
			if !slices.Equal(got.shape, []int{4, 3}) || got.floats[1] != x[4] || got.floats[11] != x[11] {
				t.Errorf("weights %v, want the transpose of %v", got, x)
			}
			if !slices.Equal(m.constants["b"].floats, []float32{1, 2, 3}) {
				t.Errorf("bias %v, want 1 to 3", m.constants["b"])
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Load(file); err == nil || !strings.Contains(err.Error(), `tensor "w" is in a file of its own, want all in one, or a weight of a file that Open opens`) {
				t.Errorf("Load: error %v", err)
			}
		})
	}
}

// TestExternalErrors: a file outside, or less in it than a weight takes, is refused.
func TestExternalErrors(t *testing.T) {
	data := map[string][]byte{"data": make([]byte, 60)}
	tests := []struct {
		name    string
		entries [][]entryProto
		want    string
	}{
		{"no name", [][]entryProto{nil}, `tensor "w": data are in "", want a file beside the network's or below`},
		{"above", [][]entryProto{entries("location", "../data")}, `data are in "../data", want`},
		{"absolute", [][]entryProto{entries("location", "/etc/passwd")}, `data are in "/etc/passwd", want`},
		{"by a link", [][]entryProto{entries("location", "link/data")}, `tensor "w": `},
		{"missing", [][]entryProto{entries("location", "none")}, `none`},
		{"a folder", [][]entryProto{entries("location", "folder")}, "folder: found a folder, want a regular file"},
		{"another length", [][]entryProto{entries("location", "data", "length", "47")}, `"47" bytes from "0" on of data, which has 60, want 48 that are there`},
		{"no number", [][]entryProto{entries("location", "data", "offset", "x")}, `from "x" on of data`},
		{"before", [][]entryProto{entries("location", "data", "offset", "-1")}, `from "-1" on of data`},
		{"beyond", [][]entryProto{entries("location", "data", "offset", "13")}, `"48" bytes from "13" on of data, which has 60`},
		{"far beyond", [][]entryProto{entries("location", "data", "offset", "9223372036854775807")}, `which has 60`},
		{"twice", [][]entryProto{entries("location", "data"), entries("location", "./data", "offset", "0")}, ""},
		{"overlapping", [][]entryProto{entries("location", "short"), entries("location", "short")}, "tensor \"b\": more bytes than short has in all, want tensors that do not overlap"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string][]byte{"data": data["data"], "short": make([]byte, 50), "folder/x": nil}
			path := apart(t, files, tt.entries...)
			outside := t.TempDir()
			if err := os.WriteFile(filepath.Join(outside, "data"), data["data"], 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, filepath.Join(filepath.Dir(path), "link")); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
			m, err := Open(path)
			if tt.want == "" {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || m != nil {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestOpenErrors: what is no file is not waited for.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none.onnx")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: error %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "want a regular file") {
		t.Errorf("a folder: error %v", err)
	}
}

// TestExternalManyFiles: PyTorch writes a file for each weight where all of them have more
// than 2 GB; there may be as many as networks have, and not any number.
func TestExternalManyFiles(t *testing.T) {
	write := func(n int) string {
		dir := t.TempDir()
		m := gemm(t, 3, 4)
		for i := range n {
			last, name := m.Graph.Nodes[len(m.Graph.Nodes)-1].Outputs[0], "c"+strconv.Itoa(i)
			if err := os.WriteFile(filepath.Join(dir, name), raw(t, 1, 2, 3), 0o644); err != nil {
				t.Fatal(err)
			}
			m.Graph.Initializers = append(m.Graph.Initializers, tensorProto{Name: name, Type: typeFloat, Dims: []int64{3}, Place: 1, External: entries("location", name)})
			m.Graph.Nodes = append(m.Graph.Nodes, nodeProto{Op: "Add", Inputs: []string{last, name}, Outputs: []string{"sum" + strconv.Itoa(i)}})
		}
		m.Graph.Outputs[0].Name = "sum" + strconv.Itoa(n-1)
		path := filepath.Join(dir, "model.onnx")
		if err := os.WriteFile(path, marshal(m), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	m, err := Open(write(600))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.constants["c599"].floats; !slices.Equal(got, []float32{1, 2, 3}) {
		t.Errorf("the last weight is %v", got)
	}
	if _, err := Open(write(maxFiles + 1)); err == nil || !strings.Contains(err.Error(), "data are in more than 1024 files") {
		t.Errorf("error %v, want one that these are too many files", err)
	}
}
