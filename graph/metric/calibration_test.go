package metric_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"tapenet/graph/metric"
)

// reference is what scikit-learn makes of some samples; testdata/golden_metrics.py writes
// it.
type reference struct {
	Ranking []struct {
		In, Out      []float64
		AUROC, FPR95 float64
	}
	Probabilities [][]float32
	Classes       []int
	LogLoss       float64 `json:"log_loss"`
}

func sklearn(t *testing.T) (r reference) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden_metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Ranking) == 0 || len(r.Classes) == 0 {
		t.Fatal("no samples in golden_metrics.json")
	}
	return r
}

func wantClose(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %v, want %v within %v", what, got, want, within)
	}
}

func TestAgainstSklearn(t *testing.T) {
	r := sklearn(t)
	for _, s := range r.Ranking {
		wantClose(t, "AUROC", metric.AUROC(s.In, s.Out), s.AUROC, 1e-12)
		wantClose(t, "the false positive rate", metric.FalsePositiveRate(s.In, s.Out, 0.95), s.FPR95, 1e-12)
	}
	got, err := metric.NegativeLogLikelihood(r.Probabilities, r.Classes)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, "the negative log-likelihood", got, r.LogLoss, 1e-9)
}

// randomLogits are of classes that a network with this temperature would be right
// about as often as it says.
func randomLogits(n, classes int, temperature float64, seed uint64) (logits [][]float32, labels []int) {
	r := rand.New(rand.NewPCG(seed, 0))
	for range n {
		z := make([]float32, classes)
		for k := range z {
			z[k] = float32(4 * r.NormFloat64())
		}
		p, u, k := softMax(z, temperature), float32(r.Float64()), 0
		for ; k < classes-1 && u >= p[k]; k++ {
			u -= p[k]
		}
		logits, labels = append(logits, z), append(labels, k)
	}
	return logits, labels
}

func softMax(z []float32, temperature float64) []float32 {
	p, sum := make([]float32, len(z)), 0.0
	for _, v := range z {
		sum += math.Exp(float64(v) / temperature)
	}
	for k, v := range z {
		p[k] = float32(math.Exp(float64(v)/temperature) / sum)
	}
	return p
}

func allSoftMax(logits [][]float32, temperature float64) (p [][]float32) {
	for _, z := range logits {
		p = append(p, softMax(z, temperature))
	}
	return p
}

// TestSoftMax: probabilities are those of plain loops, large logits are no overflow, and
// probabilities below those of float32 stay apart.
func TestSoftMax(t *testing.T) {
	logits, _ := randomLogits(20, 5, 1, 3)
	for _, z := range logits {
		want := softMax(z, 2.5)
		for k, v := range metric.SoftMax(z, 2.5) {
			if math.Abs(v-float64(want[k])) > 1e-7 {
				t.Errorf("SoftMax of %v is %v at %d, want %v", z, v, k, want[k])
			}
		}
	}
	p := metric.SoftMax([]float32{0, 300, -50, -1e30}, 1)
	if !(p[1] == 1 && p[0] > 0 && p[2] > 0 && p[2] < p[0] && p[3] == 0) {
		t.Errorf("SoftMax of large logits is %v", p)
	}
}

// TestReliability compares the diagram with Guo's formula, bin by bin in plain loops.
func TestReliability(t *testing.T) {
	logits, classes := randomLogits(3000, 5, 2, 1)
	p := allSoftMax(logits, 1)
	for _, bins := range []int{1, 10, 15} {
		d, err := metric.Reliability(p, classes, bins)
		if err != nil {
			t.Fatal(err)
		}
		var ece, mce float64
		for b := range bins {
			lower, upper := float64(b)/float64(bins), float64(b+1)/float64(bins)
			var n, right, confidence float64
			for i := range p {
				best := 0
				for k := range p[i] {
					if p[i][k] > p[i][best] {
						best = k
					}
				}
				if c := float64(p[i][best]); c > lower && c <= upper {
					n, confidence = n+1, confidence+c
					if best == classes[i] {
						right++
					}
				}
			}
			if d[b].Count != int(n) {
				t.Fatalf("bin %d has %d predictions, want %v", b, d[b].Count, n)
			}
			if n == 0 {
				continue
			}
			wantClose(t, "the accuracy of a bin", d[b].Accuracy, right/n, 1e-12)
			wantClose(t, "the confidence of a bin", d[b].Confidence, confidence/n, 1e-12)
			gap := math.Abs(right-confidence) / n
			ece, mce = ece+gap*n/float64(len(p)), max(mce, gap)
		}
		wantClose(t, "ECE", d.ECE(), ece, 1e-12)
		wantClose(t, "MCE", d.MCE(), mce, 1e-12)
		if ece < 0.05 {
			t.Errorf("ECE is %v, want 0.05 or more of logits that are twice too large", ece)
		}
	}
}

// TestReliabilityEdges: a bin has its upper bound and not its lower one.
func TestReliabilityEdges(t *testing.T) {
	d, err := metric.Reliability([][]float32{{0.5, 0.5}, {1, 0}, {0, 0}, {0.75, 0.25}}, []int{0, 1, 0, 0}, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := metric.Diagram{
		{Lower: 0, Upper: 0.25, Count: 1, Confidence: 0, Accuracy: 1},
		{Lower: 0.25, Upper: 0.5, Count: 1, Confidence: 0.5, Accuracy: 1},
		{Lower: 0.5, Upper: 0.75, Count: 1, Confidence: 0.75, Accuracy: 1},
		{Lower: 0.75, Upper: 1, Count: 1, Confidence: 1, Accuracy: 0},
	}
	for b := range want {
		if d[b] != want[b] {
			t.Errorf("bin %d is %+v, want %+v", b, d[b], want[b])
		}
	}
	wantClose(t, "ECE", d.ECE(), (1+0.5+0.25+1)/4, 0)
	wantClose(t, "MCE", d.MCE(), 1, 0)
	if empty, err := metric.Reliability(nil, nil, 15); err != nil || empty.ECE() != 0 {
		t.Errorf("ECE of nothing is %v, %v, want 0", empty.ECE(), err)
	}
}

// TestFitTemperature: the temperature is the one that the samples were drawn with,
// and no neighbour is more likely.
func TestFitTemperature(t *testing.T) {
	for _, want := range []float64{0.5, 1, 2.5} {
		logits, classes := randomLogits(20000, 6, want, 3)
		got, err := metric.FitTemperature(logits, classes)
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, "the temperature", got, want, 0.05*want)
		if got != float64(float32(got)) {
			t.Errorf("the temperature is %v, want one that float32 holds", got)
		}
		nll := func(temperature float64) float64 {
			v, err := metric.NegativeLogLikelihood(allSoftMax(logits, temperature), classes)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if best := nll(got); best > nll(got*1.01) || best > nll(got/1.01) {
			t.Errorf("a temperature beside %v is more likely", got)
		}
		d, err := metric.Reliability(allSoftMax(logits, got), classes, 15)
		if err != nil {
			t.Fatal(err)
		}
		if d.ECE() > 0.012 {
			t.Errorf("ECE with the fitted temperature is %v, want 0.012 or less", d.ECE())
		}
	}
}

func TestCalibrationErrors(t *testing.T) {
	two := [][]float32{{3, 1}, {1, 2}}
	nan := float32(math.NaN())
	reliability := func(p [][]float32, classes []int, bins int) error {
		_, err := metric.Reliability(p, classes, bins)
		return err
	}
	fit := func(z [][]float32, classes []int) error { _, err := metric.FitTemperature(z, classes); return err }
	_, nll := metric.NegativeLogLikelihood(two, []int{0, 2})
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"no bins", reliability(nil, nil, 0), "want 1 or more"},
		{"other lengths", reliability(two, []int{0}, 15), "want as many"},
		{"ragged", reliability([][]float32{{1, 0}, {1}}, []int{0, 0}, 15), "want one for each class"},
		{"logits for probabilities", reliability(two, []int{0, 1}, 15), "want one in 0..1"},
		{"no number", reliability([][]float32{{nan, 0}}, []int{0}, 15), "want finite numbers"},
		{"no such class", nll, "want 0 to 1"},
		{"no samples", fit(nil, nil), "want some that training has not seen"},
		{"all right", fit(two, []int{0, 1}), "want more samples"},
		{"all wrong", fit(two, []int{1, 0}), "no better than by chance"},
	} {
		if tt.err == nil || !strings.HasPrefix(tt.err.Error(), "metric: ") || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: error %v, want metric: … %s", tt.name, tt.err, tt.want)
		}
	}
}
