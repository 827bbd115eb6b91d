package modelzoo_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/graphtest"
)

// goldenTolerance bounds every comparison with testdata/golden_cnn.json. PyTorch's own float32 run is within a fifth of it
// of the float64 result; TestGoldenIsSharp holds that.
const goldenTolerance = 1e-4

// golden is testdata/golden_cnn.json. Its numbers come from PyTorch 1.13 through testdata/golden_cnn.py, whose first lines
// describe the network, the generator and the fields.
type golden struct {
	Source          string             `json:"source"`
	Batches         []int              `json:"batches"` // step s trains on batch Batches[s]
	Generated       []goldenStream     `json:"generated"`
	InitialDense    goldenTensor       `json:"initial_dense"`  // dense/weight before training
	Logits          goldenTensor       `json:"logits"`         // of the first batch, before training
	Gradients       []goldenTensor     `json:"gradients"`      // of the first batch, before training
	Losses          goldenTensor       `json:"losses"`         // of each step, before its update
	Weights         []goldenTensor     `json:"weights"`        // after the last step
	TrainedLogits   goldenTensor       `json:"trained_logits"` // of the first batch, after the last step
	EpsilonHatError map[string]float64 `json:"epsilon_hat_error"`
}

// goldenStream is what the script generated under a name: the check that both generators agree.
type goldenStream struct {
	Name  string    `json:"name"`
	Shape []int     `json:"shape"`
	CRC32 uint32    `json:"crc32"` // IEEE, of the little-endian float32 or int64 values
	First []float64 `json:"first"`
}

// goldenTensor holds every Stride-th value of a tensor; Norm and Projections cover the values between.
type goldenTensor struct {
	Name            string    `json:"name"`
	Shape           []int     `json:"shape"`
	Stride          int       `json:"stride"`
	MaxAbs          float64   `json:"max_abs"`
	Norm            float64   `json:"norm"`
	Float32Error    float64   `json:"float32_error"`
	Float32ErrorAll float64   `json:"float32_error_all"`
	Projections     []float64 `json:"projections"`
	Values          []float64 `json:"values"`
}

// goldenParam is a weight or, with no fans, a bias of the network.
type goldenParam struct {
	name          string
	shape         []int
	fanIn, fanOut int
}

var goldenParams = []goldenParam{
	{"conv2d/weight", []int{32, 1, 3, 3}, 9, 288},
	{"conv2d/bias", []int{32}, 0, 0},
	{"dense/weight", []int{5408, 128}, 5408, 128},
	{"dense/bias", []int{128}, 0, 0},
	{"dense_1/weight", []int{128, 10}, 128, 10},
	{"dense_1/bias", []int{10}, 0, 0},
}

// initial returns the parameter's values before training, in row-major order.
func (p goldenParam) initial() []float32 {
	limit := float32(0.1)
	if p.fanIn > 0 {
		limit = float32(math.Sqrt(6 / float64(p.fanIn+p.fanOut)))
	}
	out := make([]float32, volume(p.shape))
	fill(p.name, out, func(z uint64) float32 { return float32(int32(z>>40)-1<<23) * 0x1p-23 * limit })
	return out
}

// goldenBatch returns the images (8,1,28,28) and labels (8) of batch k.
func goldenBatch(k int) (images []float32, labels []int64) {
	images, labels = make([]float32, 8*1*28*28), make([]int64, 8)
	fill(fmt.Sprintf("input/%d", k), images, func(z uint64) float32 { return float32(z>>40) * 0x1p-24 })
	fill(fmt.Sprintf("label/%d", k), labels, func(z uint64) int64 { return int64(z % 10) })
	return images, labels
}

// fill sets out[i] to the value of the i-th number of the name's stream.
func fill[T any](name string, out []T, value func(z uint64) T) {
	for i, z := range graphtest.Stream(name, len(out)) {
		out[i] = value(z)
	}
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func loadGolden(t *testing.T) *golden {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "golden_cnn.json"))
	if err != nil {
		t.Fatal(err)
	}
	g := new(golden)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(g); err != nil {
		t.Fatalf("golden_cnn.json: %v", err)
	}
	return g
}

// compare reports where got, in row-major order, is not the golden tensor.
func compare(t *testing.T, name string, got []float32, want goldenTensor) {
	t.Helper()
	if err := want.mismatch(got); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// mismatch returns the first difference beyond goldenTolerance: a stored value, relative to the tensor's largest
// magnitude; the norm or a projection, relative to the norm. An element that is not stored is seen when it is off by more
// than the tolerance times the norm: for dense/weight a tenth of a typical value.
func (g goldenTensor) mismatch(got []float32) error {
	if n := volume(g.Shape); len(got) != n || len(g.Values) != (n+g.Stride-1)/g.Stride {
		return fmt.Errorf("%d values, want %d of shape %v", len(got), n, g.Shape)
	}
	for i, want := range g.Values {
		if v := float64(got[i*g.Stride]); !near(v, want, g.MaxAbs) {
			return fmt.Errorf("element %d is %.9g, want %.9g", i*g.Stride, v, want)
		}
	}
	if v := norm(got); !near(v, g.Norm, g.Norm) {
		return fmt.Errorf("norm is %.9g, want %.9g", v, g.Norm)
	}
	for j, want := range g.Projections {
		if v := projection(j, got); !near(v, want, g.Norm) {
			return fmt.Errorf("projection %d is %.9g, want %.9g: an element between the stored ones differs", j, v, want)
		}
	}
	return nil
}

// near is false for NaN.
func near(got, want, scale float64) bool {
	return math.Abs(got-want) <= goldenTolerance*scale
}

func norm(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// projection returns the dot product of x with the j-th vector of signs.
func projection(j int, x []float32) float64 {
	signs := make([]float64, len(x))
	fill(fmt.Sprintf("sign/%d", j), signs, func(z uint64) float64 { return 1 - 2*float64(z>>63) })
	var sum float64
	for i, v := range x {
		sum += signs[i] * float64(v)
	}
	return sum
}

func TestGoldenGenerator(t *testing.T) {
	g := loadGolden(t)
	made := map[string]any{}
	for _, p := range goldenParams {
		made[p.name] = p.initial()
	}
	for _, k := range g.Batches {
		made[fmt.Sprintf("input/%d", k)], made[fmt.Sprintf("label/%d", k)] = goldenBatch(k)
	}
	if len(g.Generated) != len(made) {
		t.Errorf("golden_cnn.json lists %d generated tensors, want %d", len(g.Generated), len(made))
	}
	for _, want := range g.Generated {
		t.Run(want.Name, func(t *testing.T) { want.check(t, made[want.Name]) })
	}
}

// check compares values, a []float32 or []int64, with the script's bit for bit.
func (s goldenStream) check(t *testing.T, values any) {
	t.Helper()
	var first []float64
	var bits []byte
	switch v := values.(type) {
	case []float32:
		first, bits = summarize(v)
	case []int64:
		first, bits = summarize(v)
	default:
		t.Fatalf("the test generates no tensor of this name, have %T", values)
	}
	if !slices.EqualFunc(first, s.First, func(a, b float64) bool { return math.Abs(a-b) <= 1e-8*math.Abs(b) }) {
		t.Errorf("first values %v, want %v", first, s.First)
	}
	if got := crc32.ChecksumIEEE(bits); got != s.CRC32 {
		t.Errorf("CRC-32 %#x over %d bytes, want %#x for shape %v", got, len(bits), s.CRC32, s.Shape)
	}
}

// summarize returns the first four values and the little-endian bytes of all.
func summarize[T float32 | int64](x []T) (first []float64, bits []byte) {
	for _, v := range x[:4] {
		first = append(first, float64(v))
	}
	bits, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		panic(err) // float32 and int64 have a fixed size
	}
	return first, bits
}

func TestGoldenIsSharp(t *testing.T) {
	g := loadGolden(t)
	all := slices.Concat(g.Gradients, g.Weights, []goldenTensor{g.Logits, g.Losses, g.TrainedLogits})
	if want := 2*len(goldenParams) + 3; len(all) != want {
		t.Errorf("golden_cnn.json holds %d tensors, want %d", len(all), want)
	}
	for _, e := range all {
		if e.Float32Error > goldenTolerance/5 {
			t.Errorf("%s: float32 is %g from float64, want at most a fifth of the tolerance %g", e.Name, e.Float32Error, goldenTolerance)
		}
	}
}

func TestGoldenCompare(t *testing.T) {
	want, dense := loadGolden(t).InitialDense, goldenParams[2]
	compare(t, dense.name, dense.initial(), want)

	between := want.Stride + 1 // an element that the file does not store
	tests := []struct {
		name    string
		change  func(x []float32) []float32
		message string // empty: no mismatch
	}{
		{"rounding", func(x []float32) []float32 { return scale(x, 1+1e-6) }, ""},
		{"stored element", func(x []float32) []float32 { x[want.Stride] += 1e-5; return x }, "element"},
		{"element between", func(x []float32) []float32 { x[between] += 0.05; return x }, "projection"},
		{"not a number between", func(x []float32) []float32 { x[between] = float32(math.NaN()); return x }, "norm"},
		{"exchanged between", func(x []float32) []float32 { exchange(x[1:want.Stride]); return x }, "projection"},
		{"all scaled", func(x []float32) []float32 { return scale(x, 1.001) }, "element"},
		{"too short", func(x []float32) []float32 { return x[1:] }, "values"},
		{"too long", func(x []float32) []float32 { return append(x, 0) }, "values"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := want.mismatch(test.change(dense.initial()))
			if test.message == "" && err != nil {
				t.Errorf("mismatch %v, want none", err)
			}
			if test.message != "" && (err == nil || !strings.Contains(err.Error(), test.message)) {
				t.Errorf("mismatch %v, want one that names %q", err, test.message)
			}
		})
	}
}

func scale(x []float32, by float32) []float32 {
	for i := range x {
		x[i] *= by
	}
	return x
}

// exchange swaps the two halves of x: the values and the norm stay.
func exchange(x []float32) {
	half := len(x) / 2
	for i := range half {
		x[i], x[half+i] = x[half+i], x[i]
	}
}
