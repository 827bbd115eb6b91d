package modelzoo_test

import (
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/modelzoo"
	"tapenet/train"
)

// The whole CNN agrees with PyTorch from the same weights and images: logits,
// loss, every gradient, and the weights after ten Adam steps.
func TestCNNAgreesWithPyTorch(t *testing.T) {
	g := loadGolden(t)
	var w graph.Weights
	m, err := graph.Options{Weights: &w}.Build(modelzoo.CNN(10), graph.Train, 8, 1, 28, 28)
	if err != nil {
		t.Fatal(err)
	}
	initial := map[string]*tensor.Dense{}
	for _, p := range goldenParams {
		initial[p.name] = tensor.New(tensor.WithShape(p.shape...), tensor.WithBacking(p.initial()))
	}
	if err := w.Load(initial); err != nil {
		t.Fatal(err)
	}

	runGolden(t, m, g.Batches[0])
	compare(t, "logits", m.Output().Float32s(), g.Logits)
	for i, p := range m.Params() {
		want := g.Gradients[i]
		if p.Name != want.Name {
			t.Fatalf("gradient %d is of %s, want %s", i, p.Name, want.Name)
		}
		compare(t, "gradient of "+p.Name, p.Grad().Float32s(), want)
	}

	compare(t, "losses", trainGolden(t, m, g.Batches), g.Losses)
	for i, p := range m.Params() {
		compare(t, p.Name+" after training", p.Value.Float32s(), g.Weights[i])
	}
	runGolden(t, m, g.Batches[0])
	compare(t, "logits after training", m.Output().Float32s(), g.TrainedLogits)
}

// runGolden runs the model on one batch.
func runGolden(t *testing.T, m *graph.Model, batch int) {
	t.Helper()
	images, labels := goldenBatch(batch)
	copy(m.Input.Float32s(), images)
	for i, label := range labels {
		m.Target.Float32s()[i] = float32(label)
	}
	if err := m.Run(); err != nil {
		t.Fatal(err)
	}
}

// trainGolden takes an Adam step on each batch and returns the losses.
func trainGolden(t *testing.T, m *graph.Model, batches []int) []float32 {
	t.Helper()
	slots := map[string][][]float32{}
	for _, p := range m.Params() {
		n := p.Value.Size()
		slots[p.Name] = [][]float32{make([]float32, n), make([]float32, n)}
	}
	var losses []float32
	for step, batch := range batches {
		runGolden(t, m, batch)
		losses = append(losses, float32(m.Loss()))
		for _, p := range m.Params() {
			train.Adam{}.Update(uint64(step+1), p.Value.Float32s(), p.Grad().Float32s(), slots[p.Name])
		}
	}
	return losses
}
