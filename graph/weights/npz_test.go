package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// npzOf is a zip file of the given names and contents.
func npzOf(t testing.TB, compressed bool, entries ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e[0]}
		if compressed {
			h.Method = zip.Deflate
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// array is one in NumPy's format with the given dictionary.
func array(dict, data string) string {
	b := binary.LittleEndian.AppendUint16([]byte(npyMagic+"\x01\x00"), uint16(len(dict)))
	return string(b) + dict + data
}

func TestNPZRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.npz")
	if err := sample().SaveNPZ(path); err != nil {
		t.Fatal(err)
	}
	if f, err := LoadNPZ(path); err != nil || !same(f, sample()) {
		t.Errorf("got %v, error %v, want the sample", f, err)
	}
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := sample().EncodeNPZ(w); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("equal content gives different bytes")
	}
	if f, err := DecodeNPZ(a.Bytes()); err != nil || !same(f, sample()) {
		t.Errorf("got %v, error %v, want the sample", f, err)
	}
}

// TestNumPyWrote reads what NumPy wrote, see testdata/npz.py.
func TestNumPyWrote(t *testing.T) {
	f, err := LoadNPZ("testdata/numpy.npz")
	if err != nil {
		t.Fatal(err)
	}
	var counting []float64
	for i := range 24 {
		counting = append(counting, float64(i))
	}
	for name, want := range map[string]struct {
		dtype  tensor.Dtype
		shape  tensor.Shape
		values []float64
	}{
		"single":  {tensor.Float32, tensor.Shape{2, 3, 4}, counting},
		"columns": {tensor.Float32, tensor.Shape{2, 3, 4}, counting},
		"big":     {tensor.Float64, tensor.Shape{2, 3, 4}, counting},
		"half":    {tensor.Float32, tensor.Shape{8}, []float64{0, math.Copysign(0, -1), 1, -2.5, 65504, 0x1p-24, 0x3ffp-24, math.Inf(1)}},
		"scalar":  {tensor.Float32, tensor.Shape{}, []float64{7}},
		"vector":  {tensor.Float64, tensor.Shape{2}, []float64{0.1, 0.2}},
	} {
		got := f.Tensors[name]
		if got == nil || got.Dtype() != want.dtype || !slices.Equal(got.Shape(), want.shape) {
			t.Errorf("%s is %v, want %v of %v", name, got, want.shape, want.dtype)
			continue
		}
		data, _ := floats(got)
		var values []float64
		if v, ok := data.([]float64); ok {
			values = v
		} else {
			for _, v := range data.([]float32) {
				values = append(values, float64(v))
			}
		}
		if !slices.Equal(values, want.values) || math.Signbit(values[min(1, len(values)-1)]) != math.Signbit(want.values[min(1, len(values)-1)]) {
			t.Errorf("%s holds %v, want %v", name, values, want.values)
		}
	}
	if len(f.Tensors) != 6 {
		t.Errorf("%d arrays, want 6", len(f.Tensors))
	}
}

// TestNumPyReads has NumPy read what we write.
func TestNumPyReads(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import numpy").Run(); err != nil {
		t.Skipf("NumPy, Debian's python3-numpy, is not installed: %v", err)
	}
	path := filepath.Join(t.TempDir(), "w.npz")
	f := File{Metadata: map[string]string{"classes": `["ä"]`}, Tensors: map[string]*tensor.Dense{
		"conv2d/weight": f32([]int{2, 3}, 1, 2, 3, 4, 5, 6), "wide": f64([]int{1}, 0.1), "scalar": f32(nil, 7),
	}}
	if err := f.SaveNPZ(path); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(python, "testdata/npz.py", path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNPZRefuses(t *testing.T) {
	good := array("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", "0000")
	one := func(dict, data string) []byte { return npzOf(t, false, [2]string{"a.npy", array(dict, data)}) }
	whole := npzOf(t, false, [2]string{"a.npy", good})
	flipped := slices.Clone(whole)
	flipped[bytes.Index(flipped, []byte("0000"))] ^= 1
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "zip"},
		{"no zip", []byte("this is not a zip file, but as long as one"), "zip"},
		{"cut off", whole[:len(whole)-1], "zip"},
		{"bit flipped", flipped, "checksum"},
		{"other name", npzOf(t, false, [2]string{"a.txt", good}), `"a.txt": want a name ending in .npy`},
		{"no name", npzOf(t, false, [2]string{".npy", good}), "want a name"},
		{"twice", npzOf(t, false, [2]string{"a.npy", good}, [2]string{"a.npy", good}), "appears twice"},
		{"metadata of floats", npzOf(t, false, [2]string{"__metadata__.npy", good}), "want an array of floats"},
		{"no array", npzOf(t, false, [2]string{"a.npy", "0123456789"}), `found "01234567", want a NumPy array`},
		{"version", npzOf(t, false, [2]string{"a.npy", npyMagic + "\x04\x00\x00\x00"}), "version 4.0"},
		{"long header", npzOf(t, false, [2]string{"a.npy", npyMagic + "\x02\x00\xff\xff\xff\xff"}), "header of 4294967295 bytes"},
		{"no dictionary", one("['descr']", "0000"), "want a dictionary"},
		{"code", one("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}", "0000"), "want a dictionary"},
		{"one key thrice", one("{'shape': (1,), 'shape': (1,), 'shape': (1,)}", "0000"), "want floats"},
		{"objects", one("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "0000"), "type '|O', want floats"},
		{"integers", one("{'descr': '<i4', 'fortran_order': False, 'shape': (1,)}", "0000"), "type '<i4', want floats"},
		{"long floats", one("{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", "0000"), "want f2, f4 or f8"},
		{"text", one("{'descr': '<U1', 'fortran_order': False, 'shape': ()}", "0000"), "want an array of floats"},
		{"order", one("{'descr': '<f4', 'fortran_order': (), 'shape': (1,)}", "0000"), "fortran_order"},
		{"no shape", one("{'descr': '<f4', 'fortran_order': False, 'shape': 'a'}", "0000"), "shape is"},
		{"dimension 0", one("{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}", ""), "numbers of 1 or more"},
		{"nine dimensions", one("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "0000"), "up to 8 numbers"},
		{"terabytes", one("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}", "0000"), "does not fit its 4 bytes"},
		{"overflow", one("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "0000"), "does not fit its 4 bytes"},
		{"too long", one("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "00000000"), "needs 4 bytes"},
		{"scalar without bytes", one("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", ""), "needs 4 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := DecodeNPZ(tt.file)
			checkError(t, err, tt.want)
			if f.Tensors != nil {
				t.Errorf("got %v beside the error", f)
			}
		})
	}
}

// A small file of many zeros is not expanded.
func TestNPZBomb(t *testing.T) {
	const size = 1 << 26
	zeros := array("{'descr': '<f4', 'fortran_order': False, 'shape': (16777216,)}", strings.Repeat("\x00", size))
	file := npzOf(t, true, [2]string{"a.npy", zeros})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := DecodeNPZ(file)
	runtime.ReadMemStats(&after)
	checkError(t, err, "expands to")
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes", took)
	}
}

// TestHalf: every float16 survives, and what lies between two is rounded to the
// nearer one, or the even one.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		x := FromHalf(uint16(h))
		if x != x {
			if back := FromHalf(toHalf(x)); back == back {
				t.Errorf("%#x is no number, comes back as %v", h, back)
			}
		} else if back := toHalf(x); back != uint16(h) {
			t.Errorf("%#x is %v, comes back as %#x", h, x, back)
		}
	}
	for h := range uint16(0x7bff) { // the finite positive ones but the last
		low, high := float64(FromHalf(h)), float64(FromHalf(h+1))
		even := h + h&1
		middle := (low + high) / 2
		for _, tt := range []struct {
			x    float64
			want uint16
		}{{middle, even}, {above(middle, 1), h + 1}, {above(middle, -1), h}} {
			if got := toHalf(float32(tt.x)); got != tt.want {
				t.Fatalf("%g becomes %#x, want %#x", tt.x, got, tt.want)
			}
		}
	}
	if got := toHalf(65520); got != 0x7c00 {
		t.Errorf("65520 becomes %#x, want infinity", got)
	}
}

// above is the float32 next to x in a direction.
func above(x, direction float64) float64 {
	return float64(math.Nextafter32(float32(x), float32(direction*math.Inf(1))))
}

// TestHalfFiles: float16 files hold rounded numbers in half the space, in both
// formats.
func TestHalfFiles(t *testing.T) {
	f := File{Half: true, Tensors: map[string]*tensor.Dense{"a": f32([]int{3}, 1, 0.1, -65504), "d": f64([]int{1}, 0.1)}}
	want := File{Tensors: map[string]*tensor.Dense{"a": f32([]int{3}, 1, 0.0999755859375, -65504), "d": f64([]int{1}, 0.1)}}
	b := encoded(t, f)
	if n := 8 + int(binary.LittleEndian.Uint64(b)) + 8 + 3*2; len(b) != n {
		t.Errorf("%d bytes, want %d", len(b), n)
	}
	if got, err := Decode(b); err != nil || !same(got, want) {
		t.Errorf("got %v, error %v, want %v", got, err, want)
	}
	var z bytes.Buffer
	if err := f.EncodeNPZ(&z); err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeNPZ(z.Bytes()); err != nil || !same(got, want) {
		t.Errorf("got %v, error %v from npz, want %v", got, err, want)
	}
	f.Tensors["a"] = f32([]int{1}, 65520)
	checkError(t, f.Encode(&z), `tensor "a": found 65520, want at most 65504 for float16`)
}

func FuzzDecodeNPZ(f *testing.F) {
	var b bytes.Buffer
	if err := sample().EncodeNPZ(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	numpy, err := os.ReadFile("testdata/numpy.npz")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(numpy)
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := DecodeNPZ(file)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := got.EncodeNPZ(&b); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if again, err := DecodeNPZ(b.Bytes()); err != nil || !same(again, got) {
			t.Errorf("got %v, error %v, want %v", again, err, got)
		}
	})
}

// FuzzNPY reads headers, which a zip file's checksum hides from FuzzDecodeNPZ.
func FuzzNPY(f *testing.F) {
	f.Add(npyHeader("<f4", []int{2, 3}))
	f.Add(npyHeader("<U12", nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, length, err := readNPY(bytes.NewReader(b))
		if err != nil {
			return
		}
		if length > len(b) || len(h.shape) > maxDims {
			t.Errorf("header of %d bytes and %d dimensions from %d bytes", length, len(h.shape), len(b))
		}
		if h.kind == 'f' {
			if data, err := h.floats(bytes.NewReader(b[length:]), int64(len(b)-length)); err == nil && data == nil {
				t.Error("neither numbers nor an error")
			}
		}
	})
}

// TestEncodeNPY: what is written is what the reader of .npz files reads, and rows of
// another length are refused.
func TestEncodeNPY(t *testing.T) {
	rows := [][]float32{{1, 2, -3}, {0.5, float32(math.Pi), 1e-30}}
	var b bytes.Buffer
	if err := EncodeNPY(&b, rows, 3); err != nil {
		t.Fatal(err)
	}
	h, length, err := readNPY(&b)
	if err != nil || !slices.Equal(h.shape, []int{2, 3}) || h.fortran || length%64 != 0 {
		t.Fatalf("header %+v of %d bytes, error %v", h, length, err)
	}
	got, err := h.floats(&b, int64(b.Len()))
	if want := slices.Concat(rows...); err != nil || !slices.Equal(got.([]float32), want) {
		t.Errorf("%v, error %v, want %v", got, err, want)
	}
	if err := EncodeNPY(&b, rows, 2); err == nil || err.Error() != "weights: row 0 has 3 numbers, want 2" {
		t.Errorf("error %v", err)
	}
}
