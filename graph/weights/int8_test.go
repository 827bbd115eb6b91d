package weights

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// TestInt8: every weight comes back within half a step of its channel's scale,
// the largest of a channel to rounding, others as they were; the file is a
// quarter as large.
func TestInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(shape ...int) *tensor.Dense {
		x := make([]float32, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = float32(r.NormFloat64() * math.Exp(4*r.NormFloat64()))
		}
		return dense(x, shape)
	}
	f := File{Int8: true, Metadata: map[string]string{"a": "b"}, Tensors: map[string]*tensor.Dense{
		"filters": random(40, 7, 3, 5), "product": random(300, 17), "bias": random(33), "cube": random(2, 3, 4),
		"zeros": f32([]int{2, 2}, 0, 1, 0, -1), "tiny": f32([]int{1, 1}, math.SmallestNonzeroFloat32), "double": f64([]int{2, 2}, 1, 2, 3, 0.1),
	}}
	b := encoded(t, f)
	if n, plain := len(b), len(encoded(t, File{Tensors: f.Tensors})); 3*n > plain {
		t.Errorf("%d bytes, want a quarter of %d and a little", n, plain)
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Tensors) != len(f.Tensors) || got.Metadata["a"] != "b" {
		t.Fatalf("got %d tensors and %v, want those written", len(got.Tensors), got.Metadata)
	}
	for name, want := range f.Tensors {
		axis, quantised := outputs(want)
		if !quantised {
			if !bytes.Equal(bits(got.Tensors[name]), bits(want)) {
				t.Errorf("%s was changed", name)
			}
			continue
		}
		withinHalfAStep(t, name, got.Tensors[name], want, axis)
	}
}

// withinHalfAStep compares a tensor with what came back.
func withinHalfAStep(t *testing.T, name string, got, want *tensor.Dense, axis int) {
	t.Helper()
	n, stride := want.Shape()[axis], want.Strides()[axis]
	largest := make([]float64, n)
	for i, v := range want.Float32s() {
		largest[i/stride%n] = max(largest[i/stride%n], math.Abs(float64(v)))
	}
	for i, v := range want.Float32s() {
		step, top := largest[i/stride%n]/127, largest[i/stride%n]
		bound := step/2 + 1e-6*top + math.SmallestNonzeroFloat32
		if math.Abs(float64(v)) == top {
			bound = 1e-6*top + math.SmallestNonzeroFloat32
		}
		if d := math.Abs(float64(got.Float32s()[i] - v)); !(d <= bound) {
			t.Fatalf("%s: number %d is %g, want %g within %g", name, i, got.Float32s()[i], v, bound)
		}
	}
}

// TestInt8Twice: what was rounded is rounded no further.
func TestInt8Twice(t *testing.T) {
	f := File{Int8: true, Tensors: map[string]*tensor.Dense{"w": f32([]int{3, 2}, 1, -0.3, 0.77, 5, -0.999, 2.2)}}
	once, err := Decode(encoded(t, f))
	if err != nil {
		t.Fatal(err)
	}
	twice, err := Decode(encoded(t, File{Int8: true, Tensors: once.Tensors}))
	if err != nil || !same(once, twice) {
		t.Errorf("%v became %v, error %v", once.Tensors["w"], twice.Tensors["w"], err)
	}
}

// TestInt8Subnormal: where a scale has no bits to be exact, a number too large
// for it is the largest one, with its sign.
func TestInt8Subnormal(t *testing.T) {
	const unit = math.SmallestNonzeroFloat32
	f, err := Decode(encoded(t, File{Int8: true, Tensors: map[string]*tensor.Dense{"w": f32([]int{3, 1}, 180*unit, -180*unit, 5*unit)}}))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{127 * unit, -127 * unit, 5 * unit} {
		if got := f.Tensors["w"].Float32s()[i]; got != want {
			t.Errorf("number %d is %g, want %g", i, got, want)
		}
	}
}

func TestInt8Errors(t *testing.T) {
	matrix := f32([]int{1, 2}, 1, 2)
	tests := []struct {
		name string
		file File
		want string
	}{
		{"no number", File{Tensors: map[string]*tensor.Dense{"w": f32([]int{1, 2}, 1, float32(math.NaN()))}}, `tensor "w": found NaN`},
		{"infinite", File{Tensors: map[string]*tensor.Dense{"w": f32([]int{1, 2}, 1, float32(math.Inf(-1)))}}, "found -Inf"},
		{"name taken", File{Tensors: map[string]*tensor.Dense{"w": matrix, "w.scale": matrix}}, `the name is for the scales of "w"`},
		{"half", File{Half: true, Tensors: map[string]*tensor.Dense{"w": matrix}}, "found Half and Int8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.file.Int8 = true
			if err := tt.file.Encode(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
	if err := (File{Int8: true}).EncodeNPZ(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "want it for safetensors") {
		t.Errorf("error %v for .npz", err)
	}
}

// hostileInt8 lists files that must be refused.
var hostileInt8 = []struct {
	name string
	file []byte
	want string
}{
	{"no scales", raw(`{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}`, "0000"), `there is no "a.scale"`},
	{"scales of scales", raw(`{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"a.scale":{"dtype":"I8","shape":[1],"data_offsets":[1,2]},`+
		`"a.scale.scale":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`, "0000"), `there is no "a.scale" of numbers`},
	{"too short", raw(`{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,3]}}`, "000"), "does not fit its 3 bytes"},
	{"other dimensions", raw(`{"a":{"dtype":"I8","shape":[4],"data_offsets":[4,8]},"a.scale":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, "00000000"),
		`tensor "a.scale": found scales ()`},
	{"other size", raw(`{"a":{"dtype":"I8","shape":[4],"data_offsets":[8,12]},"a.scale":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "000000000000"),
		"found scales (2), want dimensions of (4) or 1"},
	{"doubles", raw(`{"a":{"dtype":"I8","shape":[8],"data_offsets":[8,16]},"a.scale":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, "0000000000000000"),
		"found scales (1) of float64"},
}

func TestInt8Hostile(t *testing.T) {
	for _, tt := range hostileInt8 {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode(tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
	// Numbers before their scales are fine.
	f, err := Decode(raw(`{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"a.scale":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`, "\x80\x01\x00\x40"))
	if err != nil || len(f.Tensors) != 1 {
		t.Fatalf("%d tensors, error %v, want one", len(f.Tensors), err)
	}
	if x := f.Tensors["a"].Float32s(); x[0] != -256 || x[1] != 2 {
		t.Errorf("got %v, want -256 and 2", x)
	}
}
