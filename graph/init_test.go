package graph_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// The variance of a uniform distribution on ±limit is limit²/3. Each entry has
// 20,000 values or more: their sample variance is within 5 % of the true one
// (standard error 1 % for a normal distribution), their mean within 4 standard
// errors of 0.
func TestInits(t *testing.T) {
	type fans struct {
		name    string
		shape   []int
		in, out float64
	}
	shapes := []fans{
		{"dense", []int{100, 300}, 100, 300},
		{"conv", []int{64, 32, 3, 5}, 32 * 15, 64 * 15},
	}
	tests := []struct {
		name     string
		init     graph.Init
		variance func(f fans) float64
		uniform  bool
	}{
		{"GlorotUniform", graph.GlorotUniform, func(f fans) float64 { return 2 / (f.in + f.out) }, true},
		{"GlorotNormal", graph.GlorotNormal, func(f fans) float64 { return 2 / (f.in + f.out) }, false},
		{"HeUniform", graph.HeUniform, func(f fans) float64 { return 2 / f.in }, true},
		{"HeNormal", graph.HeNormal, func(f fans) float64 { return 2 / f.in }, false},
	}
	for _, tt := range tests {
		for _, f := range shapes {
			t.Run(tt.name+"/"+f.name, func(t *testing.T) {
				values := make([]float64, elements(f.shape))
				tt.init(rand.New(rand.NewPCG(1, 2)), values, f.shape)
				checkMoments(t, values, tt.variance(f))
				limit := math.Sqrt(3 * tt.variance(f))
				top := math.Max(slices.Max(values), -slices.Min(values))
				if inside := top <= limit; inside != tt.uniform {
					t.Errorf("largest value is %g, the uniform limit %g", top, limit)
				}
				if tt.uniform && top < 0.999*limit {
					t.Errorf("largest value is %g, want close to %g", top, limit)
				}
			})
		}
	}
}

func checkMoments(t *testing.T, values []float64, variance float64) {
	t.Helper()
	var sum, squares float64
	for _, v := range values {
		sum += v
		squares += v * v
	}
	n := float64(len(values))
	if mean, within := sum/n, 4*math.Sqrt(variance/n); math.Abs(mean) > within {
		t.Errorf("mean is %g, want 0 ± %g", mean, within)
	}
	if got := squares / n; math.Abs(got/variance-1) > 0.05 {
		t.Errorf("variance is %g, want %g", got, variance)
	}
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Vectors and scalars have a fan too, for a user's parameters.
func TestFansOfSmallShapes(t *testing.T) {
	for _, tt := range []struct {
		shape []int
		in    float64
	}{{nil, 1}, {[]int{6}, 6}, {[]int{6, 2}, 6}, {[]int{2, 3, 2}, 6}} {
		values := make([]float64, 2000)
		graph.HeUniform(rand.New(rand.NewPCG(1, 2)), values, tt.shape)
		if top, limit := slices.Max(values), math.Sqrt(6/tt.in); top > limit || top < 0.98*limit {
			t.Errorf("shape %v: largest value is %g, want close to %g", tt.shape, top, limit)
		}
	}
}

func TestConstantInits(t *testing.T) {
	values := []float64{7, 7}
	if graph.Ones(nil, values, []int{2}); !slices.Equal(values, []float64{1, 1}) {
		t.Errorf("Ones: got %v", values)
	}
	if graph.Zeros(nil, values, []int{2}); !slices.Equal(values, []float64{0, 0}) {
		t.Errorf("Zeros: got %v", values)
	}
}

func TestDefaultInits(t *testing.T) {
	m := build(t, graph.Options{}, graph.Sequential{
		graph.Conv2D{Filters: 8, Kernel: 3}, graph.Flatten{}, graph.Dense{Units: 20},
	}, graph.Train, 1, 4, 5, 5)
	for i, limit := range []float64{math.Sqrt(6. / (36 + 72)), 0, math.Sqrt(6. / (72 + 20)), 0} {
		p := m.Params()[i]
		if top := float64(slices.Max(p.Value.Float32s())); top > limit*(1+1e-6) || top < 0.95*limit {
			t.Errorf("%s: largest value is %g, want %g", p.Name, top, limit)
		}
	}
}

// What a parameter starts from depends on the seed and its path alone: neither
// on the mode and batch size, nor on the layers before it.
func TestInitStreams(t *testing.T) {
	dense := graph.Dense{Units: 5}
	weight := func(o graph.Options, l graph.Layer, mode graph.Mode, batch int, name string) []float32 {
		w := &graph.Weights{}
		o.Weights = w
		build(t, o, l, mode, batch, 5)
		return w.Get(name).Float32s()
	}
	base := weight(graph.Options{Seed: 1}, dense, graph.Train, 2, "dense/weight")
	same := weight(graph.Options{Seed: 1}, graph.Sequential{dense, dense}, graph.Infer, 3, "dense/weight")
	if !slices.Equal(base, same) {
		t.Error("same seed and path, other values")
	}
	others := map[string][]float32{
		"seed": weight(graph.Options{Seed: 2}, dense, graph.Train, 2, "dense/weight"),
		"path": weight(graph.Options{Seed: 1}, graph.Sequential{dense, dense}, graph.Train, 2, "dense_1/weight"),
	}
	for name, values := range others {
		if slices.Equal(base, values) {
			t.Errorf("other %s, same values", name)
		}
	}
}

func TestInitInFloat32IsRounded(t *testing.T) {
	double := build(t, graph.Options{Seed: 4, Float64: true}, smallCNN(), graph.Train, 1, 1, 8, 8)
	single := build(t, graph.Options{Seed: 4}, smallCNN(), graph.Train, 1, 1, 8, 8)
	for i, p := range double.Params() {
		for j, v := range p.Value.Float64s() {
			if got := single.Params()[i].Value.Float32s()[j]; got != float32(v) {
				t.Fatalf("%s[%d] is %v, want %v rounded", p.Name, j, got, v)
			}
		}
	}
}

// A large parameter in float32 is drawn in pieces: it has the values that it would have
// in float64, rounded. A user's init gets all values at once.
func TestLargeParameter(t *testing.T) {
	const units = 200 // of 200 inputs: 40,000 weights
	ramp := func(_ *rand.Rand, values []float64, _ []int) {
		for i := range values {
			values[i] = float64(i)
		}
	}
	for name, init := range map[string]graph.Init{
		"GlorotUniform": graph.GlorotUniform, "GlorotNormal": graph.GlorotNormal, "HeUniform": graph.HeUniform,
		"HeNormal": graph.HeNormal, "Ones": graph.Ones, "Zeros": graph.Zeros, "a user's": ramp, "none": nil,
	} {
		layer := graph.Dense{Units: units, WeightInit: init}
		single := build(t, graph.Options{Seed: 3}, layer, graph.Infer, 1, units).Params()[0].Value.Float32s()
		double := build(t, graph.Options{Seed: 3, Float64: true}, layer, graph.Infer, 1, units).Params()[0].Value.Float64s()
		for i, v := range double {
			if single[i] != float32(v) {
				t.Fatalf("%s: value %d is %v, want %v rounded", name, i, single[i], v)
			}
		}
	}
}

// Any function with the signature of an Init is one.
func TestUserInit(t *testing.T) {
	var gotShape []int
	ramp := func(_ *rand.Rand, values []float64, shape []int) {
		gotShape = shape
		for i := range values {
			values[i] = float64(i)
		}
	}
	m := build(t, graph.Options{Loss: graph.MSE{}}, layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Node(op.Add(x, s.Param("ramp", ramp, 2, 2)))
	}), graph.Infer, 2, 2)
	run(t, m)
	close32(t, "output", m.Output().Float32s(), []float32{0, 1, 2, 3}, 0)
	if !slices.Equal(gotShape, []int{2, 2}) {
		t.Errorf("init got shape %v, want [2 2]", gotShape)
	}
}
