package train

import (
	"math"
	"slices"
	"testing"

	"tapenet/graph"
)

// weightsOf are all values of a network, layer by layer.
func weightsOf(n *graph.Network) (all []float64) {
	for _, name := range n.Weights.Names() {
		all = append(all, float64s(n.Weights.Get(name).Float32s())...)
	}
	return all
}

// Batches whose gradients are accumulated make one large batch, the epoch's
// short last one included.
func TestAccumulate(t *testing.T) {
	train := func(batch, accumulate int) []float64 {
		c := Config{Epochs: 3, Batch: batch, Accumulate: accumulate, Optimizer: SGD{LR: 0.1, Momentum: 0.9}}
		return weightsOf(fit(t, plainNet(), blobSet(53, 5), c).Network)
	}
	checkClose(t, "weights", train(8, 3), train(24, 0), 1e-4)
	if got, want := train(8, 1), train(8, 0); !slices.Equal(got, want) {
		t.Errorf("weights %v with Accumulate 1, want %v as with 0", got, want)
	}
}

// The optimizer counts updates, not batches.
func TestAccumulateSteps(t *testing.T) {
	dir := t.TempDir()
	// decay panics if its step is not the number of its updates.
	fit(t, plainNet(), blobSet(53, 5), Config{Epochs: 2, Batch: 10, Accumulate: 4, Optimizer: decay{0.01}, Dir: dir})
	if n := loadFile(t, dir, CheckpointFile).Tensors["optimizer/count/dense/bias"].Float32s()[0]; n != 4 {
		t.Errorf("%g updates, want 4: two epochs of four batches and two", n)
	}
}

// A network whose weights hardly change evaluates as its average, and one whose
// weights change is evaluated, saved and returned with the average of all.
func TestAverage(t *testing.T) {
	var live [][]float64 // weights after each batch
	var net *graph.Network
	dir := t.TempDir()
	c := Config{Epochs: 2, Batch: 20, Average: 0.6, Optimizer: SGD{LR: 0.5}, Dir: dir}
	c.Callbacks = append(c.Callbacks, onStart(func(n *graph.Network, _ Progress) error { net = n; live = append(live, weightsOf(n)); return nil }))
	c.Callbacks = append(c.Callbacks, BatchFunc(func(Progress) { live = append(live, weightsOf(net)) }))
	res := fit(t, plainNet(), blobSet(53, 9), c)
	want := slices.Clone(live[0])
	for step, w := range live[1:] {
		d := min(0.6, (2+float64(step))/(11+float64(step)))
		for i := range want {
			want[i] = d*want[i] + (1-d)*w[i]
		}
	}
	got := weightsOf(res.Network)
	checkClose(t, "the network's weights", got, want, 1e-4)
	model, checkpoint := loadFile(t, dir, ModelFile), loadFile(t, dir, CheckpointFile)
	checkClose(t, "the model's bias", float64s(model.Tensors["dense/bias"].Float32s()), got[:3], 0)
	checkClose(t, "the checkpoint's bias", float64s(checkpoint.Tensors["weights/dense/bias"].Float32s()), live[len(live)-1][:3], 0)
	loss, _, err := Evaluate(t.Context(), res.Network, blobSet(53, 9).Test)
	if err != nil {
		t.Fatal(err)
	}
	if last := res.History[1].ValLoss; loss != last {
		t.Errorf("the last test loss is %v, the network's %v", last, loss)
	}
}

// Clipped gradients move the weights by no more than the limit allows.
func TestClip(t *testing.T) {
	for name, c := range map[string]Config{"norm": {ClipNorm: 1e-3}, "value": {ClipValue: 1e-4}} {
		c.Epochs, c.Batch, c.Optimizer = 1, 53, SGD{LR: 1}
		var before []float64
		c.Callbacks = append(c.Callbacks, onStart(func(n *graph.Network, _ Progress) error { before = weightsOf(n); return nil }))
		var norm, largest float64
		for i, w := range weightsOf(fit(t, plainNet(), blobSet(53, 5), c).Network) {
			norm += (w - before[i]) * (w - before[i])
			largest = max(largest, math.Abs(w-before[i]))
		}
		norm = math.Sqrt(norm)
		if name == "norm" && math.Abs(norm-1e-3) > 1e-5 || name == "value" && math.Abs(largest-1e-4) > 1e-6 {
			t.Errorf("%s: the step's norm is %g and its largest %g", name, norm, largest)
		}
	}
}
