package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tapenet/graph"
	"tapenet/train/data"
)

// rule is an optimizer's formula for one weight, in float64 and as it is written in the paper.
type rule func(step int, w, g float64) float64

// adamRule is algorithm 1 of Kingma and Ba 2014.
func adamRule(lr, beta1, beta2, epsilon float64) rule {
	var m, v float64
	return func(t int, w, g float64) float64 {
		m = beta1*m + (1-beta1)*g
		v = beta2*v + (1-beta2)*g*g
		mHat := m / (1 - math.Pow(beta1, float64(t)))
		vHat := v / (1 - math.Pow(beta2, float64(t)))
		return w - lr*mHat/(math.Sqrt(vHat)+epsilon)
	}
}

// sgdRule is the one in the documentation of torch.optim.SGD, with dampening 0 and no Nesterov: the buffer is the first
// gradient at first.
func sgdRule(lr, momentum float64) rule {
	var buffer float64
	return func(t int, w, g float64) float64 {
		if t == 1 {
			buffer = g
		} else {
			buffer = momentum*buffer + g
		}
		return w - lr*buffer
	}
}

func TestOptimizerFormula(t *testing.T) {
	for _, tt := range []struct {
		rule Optimizer
		want func() rule
	}{
		{Adam{}, func() rule { return adamRule(0.001, 0.9, 0.999, 1e-7) }},
		{Adam{LR: 0.1, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-3}, func() rule { return adamRule(0.1, 0.8, 0.95, 1e-3) }},
		{SGD{}, func() rule { return sgdRule(0.01, 0) }},
		{SGD{LR: 0.1, Momentum: 0.9}, func() rule { return sgdRule(0.1, 0.9) }},
	} {
		t.Run(fmt.Sprint(tt.rule), func(t *testing.T) {
			const n, steps = 64, 10
			r := rand.New(rand.NewPCG(1, 2))
			w, g, want, rules := make([]float32, n), make([]float32, n), make([]float64, n), make([]rule, n)
			for i := range w {
				w[i] = float32(2 + r.Float64()) // away from 0, so that the error is relative
				want[i], rules[i] = float64(w[i]), tt.want()
			}
			var slots [][]float32
			for range tt.rule.Slots() {
				slots = append(slots, make([]float32, n))
			}
			for step := 1; step <= steps; step++ {
				for i := range g {
					g[i] = float32(r.NormFloat64() * math.Pow(10, float64(i%7-6))) // 1e-6 … 1
					want[i] = rules[i](step, want[i], float64(g[i]))
				}
				tt.rule.Update(uint64(step), w, g, slots)
				for i := range w {
					if math.Abs(float64(w[i])-want[i]) > 1e-6*math.Abs(want[i]) {
						t.Fatalf("step %d: weight %d is %.9g, want %.9g", step, i, w[i], want[i])
					}
				}
			}
		})
	}
}

// An update itself is compared, not the weight that swallows its error: from 0, where ε and the correction matter.
func TestAdamSmallGradients(t *testing.T) {
	for _, g := range []float32{1e-9, 1e-8, 1e-7, 1e-5, 1, 1e5} {
		w, slots, want := []float32{0}, [][]float32{{0}, {0}}, 0.0
		formula := adamRule(0.001, 0.9, 0.999, 1e-7)
		for step := 1; step <= 10; step++ {
			Adam{}.Update(uint64(step), w, []float32{g}, slots)
			want = formula(step, want, float64(g))
			if math.Abs(float64(w[0])-want) > 1e-5*math.Abs(want) {
				t.Fatalf("gradient %g, step %d: weight %.9g, want %.9g", g, step, w[0], want)
			}
		}
	}
}

// decay is a user's optimizer: it keeps a running mean of the gradients' signs.
type decay struct{ LR float32 }

func (decay) Slots() []string { return []string{"sign", "count"} }

func (d decay) Update(step uint64, w, grad []float32, slots [][]float32) {
	for i, g := range grad {
		slots[0][i] = 0.5*slots[0][i] + 0.5*float32(math.Copysign(1, float64(g)))
		slots[1][i]++
		if slots[1][i] != float32(step) {
			panic(fmt.Sprintf("step %d, but slot count is %g", step, slots[1][i]))
		}
		w[i] -= d.LR * slots[0][i]
	}
}

// Each optimizer's slots are in the checkpoint, one of each for each parameter, with the values of the last step.
func TestSlotsSaved(t *testing.T) {
	for _, tt := range []struct {
		rule Optimizer
		want []string
	}{
		{Adam{}, []string{"optimizer/m/dense/bias", "optimizer/m/dense/weight", "optimizer/v/dense/bias", "optimizer/v/dense/weight"}},
		{SGD{}, nil},
		{SGD{Momentum: 0.9}, []string{"optimizer/momentum/dense/bias", "optimizer/momentum/dense/weight"}},
		{decay{0.01}, []string{"optimizer/count/dense/bias", "optimizer/count/dense/weight", "optimizer/sign/dense/bias", "optimizer/sign/dense/weight"}},
	} {
		t.Run(fmt.Sprintf("%T %v", tt.rule, tt.rule), func(t *testing.T) {
			dir := t.TempDir()
			fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 2, Batch: 8, Optimizer: tt.rule, Dir: dir})
			var got []string
			for name, tensor := range loadFile(t, dir, CheckpointFile).Tensors {
				if name == "weights/dense/bias" || name == "weights/dense/weight" {
					continue
				}
				got = append(got, name)
				if slices.Max(tensor.Float32s()) == 0 && slices.Min(tensor.Float32s()) == 0 {
					t.Errorf("%s is all zeros", name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("the checkpoint has %v, want %v", got, tt.want)
			}
			if _, ok := tt.rule.(decay); ok {
				if n := loadFile(t, dir, CheckpointFile).Tensors["optimizer/count/dense/bias"].Float32s()[0]; n != 6 {
					t.Errorf("%g updates, want 6: two epochs of three batches", n)
				}
			}
		})
	}
}

// Fit gives an optimizer the gradient of the batch's mean loss: one step of SGD moves the weights by what plain loops find.
func TestFitStep(t *testing.T) {
	const lr = 0.5
	d := blobSet(6, 2)
	net, err := graph.NewNetwork(plainNet(), d.Shape[:], graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := net.Weights.Get("dense/weight").Float32s()
	want := logisticGradient(t, d.Train, before)
	after := fit(t, plainNet(), d, Config{Epochs: 1, Batch: 6, Optimizer: SGD{LR: lr}}).Network.Weights.Get("dense/weight").Float32s()
	for i := range after {
		if got := float64(before[i]-after[i]) / lr; math.Abs(got-want[i]) > 1e-5 {
			t.Errorf("weight %d moved by %.7g, want %.7g", i, got, want[i])
		}
	}
}

// ofClass are the samples of one class.
type ofClass struct {
	data.Samples
	which []int
}

func (o ofClass) Len() int { return len(o.which) }

func (o ofClass) Read(i int, x []float32) (int, error) { return o.Samples.Read(o.which[i], x) }

// With class weights, a step goes down the weighted mean of the samples' gradients.
func TestFitClassWeights(t *testing.T) {
	const lr = 0.5
	weights := []float64{1, 0.25, 3}
	d := blobSet(7, 2)
	net, err := graph.NewNetwork(plainNet(), d.Shape[:], graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := net.Weights.Get("dense/weight").Float32s()
	want, total := make([]float64, len(before)), 0.0
	for class, w := range weights {
		part := ofClass{Samples: d.Train}
		for i := class; i < 7; i += 3 { // the class of blobs' sample i is i mod 3
			part.which = append(part.which, i)
		}
		w *= float64(part.Len())
		total += w
		for i, g := range logisticGradient(t, part, before) {
			want[i] += w * g
		}
	}
	after := fit(t, plainNet(), d, Config{Epochs: 1, Batch: 7, Optimizer: SGD{LR: lr}, ClassWeights: weights}).Network.Weights.Get("dense/weight").Float32s()
	for i := range after {
		if got := float64(before[i]-after[i]) / lr; math.Abs(got-want[i]/total) > 1e-5 {
			t.Errorf("weight %d moved by %.7g, want %.7g", i, got, want[i]/total)
		}
	}
}

// With sample weights too: those of both kinds multiply. The weights stay with
// their samples however these are shuffled.
func TestFitSampleWeights(t *testing.T) {
	const lr = 0.5
	classes, samples := []float64{1, 0.25, 3}, []float32{2, 0, 1, 0.5, 4, 1, 0.125}
	d := blobSet(7, 2)
	net, err := graph.NewNetwork(plainNet(), d.Shape[:], graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := net.Weights.Get("dense/weight").Float32s()
	want, total := make([]float64, len(before)), 0.0
	for i := range 7 {
		w := classes[i%3] * float64(samples[i])
		total += w
		for k, g := range logisticGradient(t, ofClass{d.Train, []int{i}}, before) {
			want[k] += w * g
		}
	}
	c := Config{Epochs: 1, Batch: 7, Optimizer: SGD{LR: lr}, ClassWeights: classes, SampleWeights: samples}
	after := fit(t, plainNet(), d, c).Network.Weights.Get("dense/weight").Float32s()
	for i := range after {
		if got := float64(before[i]-after[i]) / lr; math.Abs(got-want[i]/total) > 1e-5 {
			t.Errorf("weight %d moved by %.7g, want %.7g", i, got, want[i]/total)
		}
	}

	// A batch without any weight moves nothing.
	c.ClassWeights, c.SampleWeights = nil, make([]float32, 7)
	for i, w := range fit(t, plainNet(), d, c).Network.Weights.Get("dense/weight").Float32s() {
		if w != before[i] {
			t.Errorf("weight %d went from %g to %g with samples that do not count", i, before[i], w)
		}
	}
}

// Label smoothing is that of the loss: of an untrained network with zero weights, the gradient is known.
func TestFitSmoothing(t *testing.T) {
	zero := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3, WeightInit: graph.Zeros}}
	move := func(smoothing float64) []float32 {
		c := Config{Epochs: 1, Batch: 6, Optimizer: SGD{LR: 1}, LabelSmoothing: smoothing}
		return fit(t, zero, blobSet(6, 2), c).Network.Weights.Get("dense/weight").Float32s()
	}
	// All probabilities are 1/3, so that a third of the targets taken away takes away a third of the gradient.
	plain, smooth := move(0), move(1.0/3)
	for i := range plain {
		if want := plain[i] * 2 / 3; math.Abs(float64(smooth[i]-want)) > 1e-6 {
			t.Errorf("weight %d moved by %g, want %g", i, smooth[i], want)
		}
	}
	if slices.Max(plain) == 0 {
		t.Error("nothing has moved")
	}
}

// logisticGradient is the gradient of the mean cross-entropy of x·w for w (16,3).
func logisticGradient(t *testing.T, samples data.Samples, w []float32) []float64 {
	t.Helper()
	grad := make([]float64, len(w))
	for i := range samples.Len() {
		x := make([]float32, 16)
		class, err := samples.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		p := probabilities(x, w)
		p[class]--
		for k := range w {
			grad[k] += float64(x[k/3]) * p[k%3] / float64(samples.Len())
		}
	}
	return grad
}

// probabilities is SoftMax of x·w, for x (16) and w (16,3).
func probabilities(x, w []float32) (p [3]float64) {
	var sum float64
	for c := range p {
		for k, v := range x {
			p[c] += float64(v) * float64(w[k*3+c])
		}
		p[c] = math.Exp(p[c])
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}
