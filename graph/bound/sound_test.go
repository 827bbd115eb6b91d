package bound

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph"
	"tapenet/graph/raster"
)

// randomNet is a network of a few layers that have bounds, for images (2,9,9) and three
// classes.
func randomNet(r *rand.Rand) graph.Layer {
	activations := []graph.Activation{graph.ReLU, graph.ReLU, graph.ReLU6, graph.LeakyReLU(0.2), graph.ELU(0.7), graph.Sigmoid, graph.Tanh}
	activation := func() graph.Activation { return activations[r.IntN(len(activations))] }
	l := graph.Sequential{graph.Conv2D{Filters: 2 + r.IntN(3), Kernel: 2 + r.IntN(2), Padding: graph.Same, Activation: activation()}}
	if r.IntN(4) == 0 {
		l = append(graph.Sequential{graph.PadChannels{Channels: 4}}, l...)
	}
	for range 1 + r.IntN(3) {
		switch r.IntN(6) {
		case 0:
			l = append(l, graph.MaxPool2D{Size: 2, Stride: 1})
		case 1:
			l = append(l, graph.AvgPool2D{Size: 2, Stride: 1})
		case 2:
			l = append(l, graph.BatchNorm{}, activation())
		case 3:
			l = append(l, graph.Residual{Body: graph.DepthwiseConv2D{Kernel: 3, Padding: graph.Same}}, activation())
		case 4:
			l = append(l, graph.Concat{graph.Conv2D{Filters: 2, Kernel: 1, Activation: activation()}, graph.MaxPool2D{Size: 3, Stride: 1, Padding: graph.Same}})
		case 5:
			l = append(l, graph.Conv2D{Filters: 3, Kernel: 3, Dilation: 1 + r.IntN(2), Padding: graph.Pad(2), Activation: activation()})
		}
	}
	if r.IntN(4) == 0 {
		return append(l, graph.Conv2D{Filters: 3, Kernel: 1}, graph.GlobalAvgPool2D{})
	}
	return append(l, graph.Flatten{}, graph.Dense{Units: 6, Activation: activation()}, graph.Dense{Units: 3})
}

// scramble gives a network random weights, among them a mean and a variance.
func scramble(w *graph.Weights, r *rand.Rand) {
	for _, name := range w.Names() {
		for i := range w.Get(name).Float32s() {
			v := float32(0.4 * r.NormFloat64())
			if len(name) > 8 && name[len(name)-8:] == "variance" {
				v = 0.3 + v*v
			}
			w.Get(name).Float32s()[i] = v
		}
	}
}

var soundScale = raster.Normalisation{{Scale: 3.2, Shift: -0.4}, {Scale: 0.7, Shift: 0.1}}

// attacked is a network whose least margins within a ball somebody looks for.
type attacked struct {
	net     *graph.Network
	shape   [3]int
	epsilon float64
}

// margins runs pixels, as many as classes, and returns the margins of the classes, and the
// signs of the loss's gradients.
func (a attacked) margins(t *testing.T, images [][]float32, classes []int) (margins []float64, gradient []float32) {
	t.Helper()
	m, err := a.net.Model(graph.Eval, len(images))
	if err != nil {
		t.Fatal(err)
	}
	size := len(images[0])
	for i, x := range images {
		to := m.Input.Float32s()[i*size:][:size]
		copy(to, x)
		soundScale[:a.shape[0]].Apply(to)
		m.Target.Float32s()[i] = float32(classes[i])
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
	logits := m.Output().Float32s()
	k := len(logits) / len(images)
	for i, class := range classes {
		most := math.Inf(-1)
		for j, z := range logits[i*k:][:k] {
			if j != class {
				most = max(most, float64(z))
			}
		}
		margins = append(margins, float64(logits[i*k+class])-most)
	}
	return margins, m.InputGrad().Float32s()
}

// search looks for the least margins: at random points and corners, and by steps along the
// signs of the gradient from each.
func (a attacked) search(t *testing.T, images [][]float32, classes []int, r *rand.Rand) []float64 {
	least := slices.Repeat([]float64{math.Inf(1)}, len(images))
	size := len(images[0])
	for try := range 12 {
		x := make([][]float32, len(images))
		for i, image := range images {
			x[i] = slices.Clone(image)
			for k := range x[i] {
				step := 2*r.Float64() - 1
				if try%2 == 0 {
					step = math.Copysign(1, step)
				}
				x[i][k] = a.within(image[k], float64(image[k])+step*a.epsilon)
			}
		}
		for range 6 {
			margins, gradient := a.margins(t, x, classes)
			for i, m := range margins {
				least[i] = min(least[i], m)
				for k := range x[i] {
					if g := gradient[i*size+k]; g != 0 {
						x[i][k] = a.within(images[i][k], float64(x[i][k])+math.Copysign(a.epsilon, float64(g)))
					}
				}
			}
		}
	}
	return least
}

// within is v moved into the ball around a pixel, in float32.
func (a attacked) within(pixel float32, v float64) float32 {
	low, high := max(float64(pixel)-a.epsilon, 0), min(float64(pixel)+a.epsilon, 1)
	return float32(min(max(v, low), high))
}

func randomImagesOf(r *rand.Rand, n, size int) (images [][]float32) {
	for range n {
		x := make([]float32, size)
		for k := range x {
			x[k] = float32(min(max(1.4*r.Float64()-0.2, 0), 1)) // some are at a limit
		}
		images = append(images, x)
	}
	return images
}

// TestSound: no point within the ball has a margin below the bound, not by a rounding; and
// in many networks the search comes near it.
func TestSound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tight := 0
	const nets = 60
	for k := range nets {
		l, epsilon := randomNet(r), []float64{0, 1e-4, 0.01, 0.1, 1}[r.IntN(5)]
		net, err := graph.NewNetwork(l, []int{2, 9, 9}, graph.Options{InputGradient: true})
		if err != nil {
			t.Fatal(err)
		}
		scramble(net.Weights, r)
		images, classes := randomImagesOf(r, 4, 2*9*9), []int{r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)}
		v, err := NewVerifier(l, net.Weights, [3]int{2, 9, 9}, soundScale)
		if err != nil {
			t.Fatal(err)
		}
		bounds, err := v.Margins(t.Context(), images, classes, epsilon)
		if err != nil {
			t.Fatal(err)
		}
		a := attacked{net, [3]int{2, 9, 9}, epsilon}
		found := a.search(t, images, classes, r)
		for i, bound := range bounds {
			if !(found[i] >= bound) {
				t.Errorf("network %d, radius %g: a margin of %g, want at least the bound %g\n%s", k, epsilon, found[i], bound, describe(net))
			}
			if epsilon > 0 && found[i]-bound < 0.3*(1+math.Abs(found[i])) {
				tight++
			}
		}
	}
	if tight < nets {
		t.Errorf("the search comes near the bound %d times, want it more often: else it proves little", tight)
	}
}

func describe(net *graph.Network) (text string) {
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return err.Error()
	}
	for _, n := range m.Nodes() {
		text += fmt.Sprintf("  %s %s\n", n.Name, n.Op)
	}
	return text
}

// TestExactForLinear: the bound of a linear classifier is the least margin itself, which a
// corner of the ball has.
func TestExactForLinear(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	l := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 4}}
	net, err := graph.NewNetwork(l, []int{1, 5, 5}, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	scramble(net.Weights, r)
	images, classes := randomImagesOf(r, 70, 25), make([]int, 70) // more than a batch
	for i := range classes {
		classes[i] = i % 4
	}
	v, err := NewVerifier(l, net.Weights, [3]int{1, 5, 5}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const epsilon = 0.2
	got, err := v.Margins(t.Context(), images, classes, epsilon)
	if err != nil {
		t.Fatal(err)
	}
	w, b := net.Weights.Get("dense/weight").Float32s(), net.Weights.Get("dense/bias").Float32s()
	for i, x := range images {
		want := math.Inf(1)
		for j := range 4 {
			if j == classes[i] {
				continue
			}
			margin := float64(b[classes[i]]) - float64(b[j])
			for k, p := range x {
				d := float64(w[k*4+classes[i]]) - float64(w[k*4+j])
				margin += min(d*max(float64(p)-epsilon, 0), d*min(float64(p)+epsilon, 1))
			}
			want = min(want, margin)
		}
		if !(got[i] <= want) || got[i] < want-2e-3 {
			t.Errorf("image %d: bound %g, want just below %g", i, got[i], want)
		}
	}
}

// TestRoomForRounding: bounds in float32 are outside of those in float64, by little, for
// convolutions of every engine.
func TestRoomForRounding(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, l := range map[string]graph.Layer{
		"direct":   graph.Sequential{graph.Conv2D{Filters: 24, Kernel: 4, Stride: 2, Activation: graph.ReLU}, graph.Conv2D{Filters: 24, Kernel: 4, Activation: graph.ReLU}, graph.Flatten{}, graph.Dense{Units: 10}},
		"winograd": graph.Sequential{graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, graph.MaxPool2D{}, graph.Flatten{}, graph.Dense{Units: 10}},
	} {
		net, err := graph.NewNetwork(l, []int{1, 28, 28}, graph.Options{})
		if err != nil {
			t.Fatal(err)
		}
		images, classes := randomImagesOf(r, 2, 784), make([]int, 2)
		single, err := NewVerifier(l, net.Weights, [3]int{1, 28, 28}, nil)
		if err != nil {
			t.Fatal(err)
		}
		double, err := newVerifier(l, net.Weights, [3]int{1, 28, 28}, nil, graph.Options{Float64: true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, epsilon := range []float64{0, 0.1} {
			got, err := single.Margins(t.Context(), images, classes, epsilon)
			if err != nil {
				t.Fatal(err)
			}
			want, err := double.Margins(t.Context(), images, classes, epsilon)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if !(got[i] <= want[i]) || want[i]-got[i] > 0.2*(1+math.Abs(want[i])) {
					t.Errorf("%s, radius %g: the bound in float32 is %g, want just below %g", name, epsilon, got[i], want[i])
				}
			}
		}
	}
}
