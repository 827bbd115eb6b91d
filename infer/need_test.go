package infer

import (
	"strings"
	"testing"

	"tapenet/graph/weights"
)

// needOf is what a batch's graph says that it needs.
func needOf(t *testing.T, p *Predictor, batch int) int {
	t.Helper()
	g, err := p.models.build(variant{batch: batch}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return g.Need()
}

// TestTooLarge: a batch that the machine has no memory for is refused, with the largest
// one that fits, which then is predicted.
func TestTooLarge(t *testing.T) {
	p, err := Load(saved(t, func(*weights.Model) {}))
	if err != nil {
		t.Fatal(err)
	}
	input := 4 * p.Input[0] * p.Input[1] * p.Input[2]
	for _, tt := range []struct {
		name      string
		available int
		want      string
		fits      int
	}{
		{"a batch too large", needOf(t, p, 128) - 1, "want a smaller batch, such as 64", 64},
		{"an input too large to build the graph", 128*input - 1, "infer: a batch of 128 needs about ", 0},
		{"much too large", needOf(t, p, 16), "want a smaller batch, such as 16", 16},
		{"one image too many", needOf(t, p, 1) - 1, "want a machine with more, a smaller network or smaller images", 0},
	} {
		p.models.available = func() (int, bool) { return tt.available, true }
		_, err := p.Predict(digits(t, 128))
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "; available are ") {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
		if tt.fits == 0 {
			continue
		}
		if _, err := p.Predict(digits(t, tt.fits)); err != nil {
			t.Errorf("%s: a batch of %d: %v", tt.name, tt.fits, err)
		}
	}
	p.models.available = func() (int, bool) { return 0, false }
	if _, err := p.Predict(digits(t, 128)); err != nil {
		t.Errorf("the system does not tell what is available: %v", err)
	}
}

// TestPredictorMemory: the weights, and a graph more for each batch size.
func TestPredictorMemory(t *testing.T) {
	p, err := Load(saved(t, func(*weights.Model) {}))
	if err != nil {
		t.Fatal(err)
	}
	weights := p.Memory()
	if params := 4 * 693962; weights != params {
		t.Errorf("%d bytes before the first run, want the weights' %d", weights, params)
	}
	for _, n := range []int{1, 64} {
		before := p.Memory()
		predict(t, p, digits(t, n))
		grown := p.Memory() - before
		if need := needOf(t, p, n); float64(grown) < 0.9*float64(need) || float64(grown) > 1.1*float64(need) {
			t.Errorf("a batch of %d takes %d bytes, %d were needed before, want a tenth between them", n, grown, need)
		}
		predict(t, p, digits(t, n))
		if again := p.Memory() - before; float64(again) > 1.05*float64(grown) {
			t.Errorf("the same batch again: %d bytes, want the %d of the first one", again, grown)
		}
	}
}

// TestReserve: what batches and explanations need is told before they run, and is about
// what they take then. A byte less is refused, and so is more than the machine has.
func TestReserve(t *testing.T) {
	file := saved(t, func(*weights.Model) {})
	load := func() *Predictor {
		p, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := load()
	need, err := p.Reserve(32, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	images := digits(t, 32)
	for n := 1; n <= 32; n *= 2 {
		predict(t, p, images[:n])
	}
	for _, explain := range []func() error{
		func() error { _, err := p.FeatureMaps(images[0], ""); return err },
		func() error { _, err := p.GradCAM(images[0], 1); return err },
		func() error { _, err := p.Saliency(images[0], 1); return err },
	} {
		if err := explain(); err != nil {
			t.Fatal(err)
		}
	}
	if took := p.Memory(); float64(took) < 0.8*float64(need) || float64(took) > 1.2*float64(need) {
		t.Errorf("it takes %d bytes, %d were reserved, want a fifth between them at most", took, need)
	}
	if _, err := load().Reserve(32, need); err != nil {
		t.Errorf("as much as it needs: %v", err)
	}
	small := load()
	_, err = small.Reserve(32, need-1)
	if err == nil || !strings.Contains(err.Error(), "for batches of 32 images and explanations the network needs ") {
		t.Errorf("a byte less: error %v", err)
	}
	if _, err := small.Reserve(16, need-1); err != nil {
		t.Errorf("smaller batches: %v", err)
	}
	small = load()
	small.models.available = func() (int, bool) { return need / 2, true }
	if _, err = small.Reserve(32, 1<<40); err == nil || !strings.Contains(err.Error(), ", want at most ") {
		t.Errorf("a machine with less: error %v", err)
	}
}
