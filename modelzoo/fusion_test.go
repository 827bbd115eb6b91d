package modelzoo_test

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/graphtest"
	"tapenet/modelzoo"
)

// Fusion changes how a network is computed, not what: logits, loss, every
// gradient, the running statistics and the prediction after them are the same,
// up to rounding.
func TestFusionChangesNothing(t *testing.T) {
	small := map[string][]int{ // for those that take long
		"simplecnn": {1, 22, 22}, "simplecnn-m3": {1, 22, 22}, "simplecnn-m7": {1, 26, 26}, "smallcnn": {1, 20, 20}, "e2cnn": {1, 24, 24},
		"vgg11": {3, 7, 7}, "resnet20": {3, 14, 14}, "mobilenetv2": {3, 14, 14}, "mlpmixer": {3, 16, 16},
	}
	for _, s := range modelzoo.Specs() {
		input := small[s.Name]
		if input == nil {
			input = s.Input[:]
		}
		t.Run(s.Name, func(t *testing.T) { compareFused(t, s, input, graph.Options{Float64: true}, 1e-9) })
	}
	// In float32 only where no BatchNorm magnifies the rounding.
	for _, name := range []string{"cnn", "fcnn", "lenet5", "mlp", "mlpmixer"} {
		s, err := modelzoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name+" in float32", func(t *testing.T) { compareFused(t, s, s.Input[:], graph.Options{}, 1e-5) })
	}
}

func compareFused(t *testing.T, s modelzoo.Spec, input []int, o graph.Options, bound float64) {
	t.Helper()
	fused := trainOnce(t, s, input, o)
	o.NoFusion = true
	for name, want := range trainOnce(t, s, input, o) {
		got, top := fused[name], 1e-3 // some are 0 but for rounding: a mean of normalised values, the gradient of a shift before a normalisation
		for _, v := range want {
			top = max(top, math.Abs(v))
		}
		if len(got) != len(want) {
			t.Fatalf("%s has %d values fused, %d otherwise", name, len(got), len(want))
		}
		for i := range want {
			if d := math.Abs(got[i]-want[i]) / top; !(d <= bound) {
				t.Fatalf("%s[%d] is %v fused, %v otherwise", name, i, got[i], want[i])
			}
		}
	}
}

// trainOnce returns the results of a training run on made-up images, and of a
// prediction after it.
func trainOnce(t *testing.T, s modelzoo.Spec, input []int, o graph.Options) map[string][]float64 {
	t.Helper()
	const batch = 4
	net, err := graph.NewNetwork(s.New(10), input, o)
	if err != nil {
		t.Fatal(err)
	}
	results := map[string][]float64{}
	for _, mode := range []graph.Mode{graph.Train, graph.Infer} {
		m, err := net.Model(mode, batch)
		if err != nil {
			t.Fatal(err)
		}
		set(m.Input, graphtest.Random("images", 1, m.Input.Shape()...))
		if m.Target != nil {
			set(m.Target, tensor.New(tensor.WithBacking([]float64{3, 1, 4, 1})))
		}
		if err := m.Run(); err != nil {
			t.Fatal(err)
		}
		results[mode.String()+": logits"] = numbers(m.Output())
		if mode == graph.Train {
			results["loss"] = []float64{m.Loss()}
			for _, p := range m.Params() {
				results["gradient of "+p.Name] = numbers(p.Grad())
			}
		}
	}
	for name, w := range net.Weights.Map() {
		results[name] = numbers(w)
	}
	return results
}

// numbers returns a copy of a tensor's values.
func numbers(d *tensor.Dense) []float64 {
	if d.Dtype() == tensor.Float64 {
		return slices.Clone(d.Float64s())
	}
	var x []float64
	for _, v := range d.Float32s() {
		x = append(x, float64(v))
	}
	return x
}

// set copies the values of a float64 tensor into d.
func set(d, from *tensor.Dense) {
	for i, v := range from.Float64s() {
		if d.Dtype() == tensor.Float64 {
			d.Float64s()[i] = v
		} else {
			d.Float32s()[i] = float32(v)
		}
	}
}
