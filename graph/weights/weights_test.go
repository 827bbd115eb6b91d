package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"
	"gorgonia.org/tensor"
)

// raw assembles a file from a header and data.
func raw(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func f32(shape []int, data ...float32) *tensor.Dense { return dense(data, shape) }
func f64(shape []int, data ...float64) *tensor.Dense { return dense(data, shape) }

// sample has both types, a scalar, names that need care, and numbers that only
// bits can tell apart.
func sample() File {
	return File{
		Tensors: map[string]*tensor.Dense{
			"conv_1.weight": f32([]int{2, 1, 3}, 1, -2, 3.5, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1))),
			"scalar":        f32([]int{}, 7),
			"one":           f64([]int{1, 1}, 1e-300),
			"<é\n\">":       f64([]int{2}, math.NaN(), -1),
		},
		Metadata: map[string]string{"format": "1", "<b>": "a & b", "": "empty"},
	}
}

func encoded(t testing.TB, f File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// same reports whether two files hold the same, number for number as bits.
func same(a, b File) bool {
	return maps.Equal(a.Metadata, b.Metadata) && maps.EqualFunc(a.Tensors, b.Tensors, func(x, y *tensor.Dense) bool {
		return x.Dtype() == y.Dtype() && len(x.Shape()) == len(y.Shape()) && x.Shape().Eq(y.Shape()) && bytes.Equal(bits(x), bits(y))
	})
}

func bits(t *tensor.Dense) []byte {
	data, _ := floats(t)
	b, _ := binary.Append(nil, binary.BigEndian, data)
	return b
}

func TestRoundTrip(t *testing.T) {
	large := make([]float32, 3*pieceSize/4+1) // several pieces, the last of one number
	for i := range large {
		large[i] = float32(i)
	}
	tests := []struct {
		name string
		file File
	}{
		{"sample", sample()},
		{"empty", File{}},
		{"metadata only", File{Metadata: map[string]string{"a": "b"}}},
		{"empty name", File{Tensors: map[string]*tensor.Dense{"": f32([]int{1}, 1)}}},
		{"scalar and vector of one", File{Tensors: map[string]*tensor.Dense{"s": f64([]int{}, 1), "v": f64([]int{1}, 1)}}},
		{"several pieces", File{Tensors: map[string]*tensor.Dense{"large": f32([]int{len(large)}, large...), "x": f64([]int{1}, 2)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.safetensors")
			if err := tt.file.Save(path); err != nil {
				t.Fatal(err)
			}
			got, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if !same(got, tt.file) {
				t.Errorf("got %v, want %v", got, tt.file)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if want := encoded(t, tt.file); !bytes.Equal(b, want) {
				t.Errorf("Save wrote %q, Encode %q", b, want)
			}
		})
	}
}

// The layout, written down from the format's description: widest type first,
// then by name, spaces up to eight bytes.
func TestLayout(t *testing.T) {
	f := File{
		Tensors: map[string]*tensor.Dense{
			"w": f32([]int{2, 1}, 1, -2),
			"b": f32([]int{}, 0.5),
			"z": f64([]int{1}, 1),
		},
		Metadata: map[string]string{"k": "<v>", "a": "12"},
	}
	want := "\x80\x01\x00\x00\x00\x00\x00\x00" +
		`{"__metadata__":{"a":"12","k":"<v>","tapenet.sha256":"f4f7028150d0f9d7cd246eadc61f83d5e639c7a6e1924a1e2927f01da1492127",` +
		`"tapenet.sha256.metadata":"4593eff0ef4e22d8ff1cd82c6f6ee379fe6d6b6c7b54368efe8be8dbaa2ecf7b"},` +
		`"z":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},` +
		`"b":{"dtype":"F32","shape":[],"data_offsets":[8,12]},` +
		`"w":{"dtype":"F32","shape":[2,1],"data_offsets":[12,20]}}` + "       " +
		"\x00\x00\x00\x00\x00\x00\xf0\x3f" + // 1
		"\x00\x00\x00\x3f" + // 0.5
		"\x00\x00\x80\x3f" + "\x00\x00\x00\xc0" // 1, -2
	if got := encoded(t, f); string(got) != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestDeterministic(t *testing.T) {
	want := encoded(t, sample())
	for range 20 { // maps are walked in another order each time
		if got := encoded(t, sample()); !bytes.Equal(got, want) {
			t.Fatalf("got\n%q, then\n%q", want, got)
		}
	}
}

// view lets the other implementation write one of our tensors.
type view struct{ t *tensor.Dense }

func (v view) DataLen() uint64 { return uint64(len(v.Data())) }
func (v view) DType() safetensors.DType {
	if v.t.Dtype() == tensor.Float64 {
		return safetensors.F64
	}
	return safetensors.F32
}

func (v view) Shape() []uint64 {
	shape := []uint64{}
	for _, d := range v.t.Shape() {
		shape = append(shape, uint64(d))
	}
	return shape
}

func (v view) Data() []byte {
	data, _ := floats(v.t)
	b, _ := binary.Append(nil, binary.LittleEndian, data)
	return b
}

// Another implementation of the format reads what we write, and we read what it
// writes.
func TestOtherImplementation(t *testing.T) {
	f := sample()
	st, err := safetensors.Deserialize(encoded(t, f))
	if err != nil {
		t.Fatal(err)
	}
	if st.Len() != len(f.Tensors) {
		t.Errorf("it reads %d tensors, want %d", st.Len(), len(f.Tensors))
	}
	views := map[string]view{}
	for name, d := range f.Tensors {
		views[name] = view{d}
		tv, ok := st.Tensor(name)
		if !ok || tv.DType() != views[name].DType() || !bytes.Equal(tv.Data(), views[name].Data()) {
			t.Errorf("it reads %q as %v, found %t", name, tv, ok)
		}
	}
	b, err := safetensors.Serialize(views, f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !same(got, f) {
		t.Errorf("we read %v, want %v", got, f)
	}
}

func TestDecodeOwnsMemory(t *testing.T) {
	b := encoded(t, sample())
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !same(got, sample()) {
		t.Error("clearing the input changed the tensors")
	}
}

func TestEncodeRefuses(t *testing.T) {
	m := f32([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	column, err := m.Slice(nil, tensor.S(0))
	if err != nil {
		t.Fatal(err)
	}
	block, err := m.Slice(nil, tensor.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	transposed := f32([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	one := f32([]int{1}, 1)
	tests := []struct {
		name   string
		key    string
		tensor *tensor.Dense
		want   string
	}{
		{"nil", "w", nil, `tensor "w": found nil`},
		{"no dtype", "w", &tensor.Dense{}, `tensor "w": `},
		{"reserved name", "__metadata__", one, "reserved"},
		{"bad name", "\xff", one, "UTF-8"},
		{"dtype", "w", tensor.New(tensor.WithShape(1), tensor.WithBacking([]int64{1})), "dtype int64, want float32 or float64"},
		{"dimension 0", "w", f32([]int{0, 3}), "dimension 0"},
		{"dimensions", "w", f32([]int{1, 1, 1, 1, 1, 1, 1, 1, 1}, 1), "9 dimensions, want at most 8"},
		{"column of a matrix", "w", column.(*tensor.Dense), "row-major"},
		{"block of a matrix", "w", block.(*tensor.Dense), "row-major"},
		{"transposed", "w", transposed, "row-major"},
		{"column-major", "w", tensor.New(tensor.WithShape(2, 2), tensor.AsFortran([]float32{1, 2, 3, 4})), "row-major"},
		{"masked", "w", tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{1}, []bool{true})), "mask"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := File{Tensors: map[string]*tensor.Dense{tt.key: tt.tensor}}.Encode(io.Discard)
			checkError(t, err, tt.want)
		})
	}
	t.Run("metadata", func(t *testing.T) {
		checkError(t, File{Metadata: map[string]string{"k": "\xff"}}.Encode(io.Discard), `metadata "k" is not valid UTF-8`)
	})
}

// Rows of a matrix are contiguous: a view of them is written as if it were a
// tensor of its own.
func TestEncodeRows(t *testing.T) {
	m := f32([]int{3, 2}, 1, 2, 3, 4, 5, 6)
	rows, err := m.Slice(tensor.S(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(encoded(t, File{Tensors: map[string]*tensor.Dense{"w": rows.(*tensor.Dense)}}))
	if err != nil {
		t.Fatal(err)
	}
	if want := (File{Tensors: map[string]*tensor.Dense{"w": f32([]int{2, 2}, 3, 4, 5, 6)}}); !same(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// failAfter fails once n bytes have been written.
type failAfter struct{ n int }

var errFull = errors.New("no room")

func (w *failAfter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestEncodeWriterFails(t *testing.T) {
	total := len(encoded(t, sample()))
	for n := range total {
		if err := sample().Encode(&failAfter{n}); !errors.Is(err, errFull) {
			t.Fatalf("with room for %d of %d bytes: got %v, want %v", n, total, err, errFull)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name string
		path string
		want string
	}{
		{"missing", filepath.Join(dir, "none"), "open "},
		{"folder", dir, "found a folder, want a regular file"},
		{"empty", write("empty", nil), "found 0 bytes"},
		{"cut off", write("cut", encoded(t, sample())[:150]), "want at most"},
		{"not the format", write("png", []byte("\x89PNG\r\n\x1a\n and more")), "not a safetensors file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(tt.path)
			checkError(t, err, tt.want)
			checkError(t, err, tt.path)
		})
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: got %v, want fs.ErrNotExist", err)
	}
}

// checkError expects a short one-line error of this package that contains want.
func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", want)
	}
	s := err.Error()
	if !strings.HasPrefix(s, "weights: ") || !strings.Contains(s, want) || strings.Contains(s, "\n") || len(s) > 400 {
		t.Errorf("got %q, want one short line of weights with %q", s, want)
	}
}
