package train

import (
	"context"
	"errors"
	"math"
	"testing"

	"tapenet/graph"
)

// TestEvaluationOfRun: a run evaluates digits as always, and photographs with no more
// images at a time than it trains with.
func TestEvaluationOfRun(t *testing.T) {
	for _, tt := range []struct {
		batch int
		image []int
		want  int
	}{{32, []int{1, 28, 28}, 128}, {8, []int{3, 64, 64}, 8}, {64, []int{3, 64, 64}, 64}, {256, []int{3, 64, 64}, 128}, {32, []int{3, 224, 224}, 10}, {1, []int{3, 224, 224}, 1}, {4, []int{2}, 128}} {
		if got := (Config{Batch: tt.batch}).EvaluationBatch(tt.image); got != tt.want {
			t.Errorf("batch %d, images %v: %d, want %d", tt.batch, tt.image, got, tt.want)
		}
	}
}

// evalBatch is how many small images are evaluated at a time.
var evalBatch = EvaluationBatch([]int{1, 28, 28})

// Loss and accuracy are those of plain loops, for whole batches, for a short last one and for less than one.
func TestEvaluate(t *testing.T) {
	net, err := graph.NewNetwork(plainNet(), []int{1, 4, 4}, graph.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	w := net.Weights.Get("dense/weight").Float32s()
	for _, n := range []int{1, 5, evalBatch, evalBatch + 1, 3*evalBatch - 1} {
		var loss float64
		right := 0
		samples := &blobs{n: n}
		for i := range n {
			x := make([]float32, 16)
			class, _ := samples.Read(i, x)
			p := probabilities(x, w)
			loss -= math.Log(p[class])
			if p[class] >= max(p[0], p[1], p[2]) {
				right++
			}
		}
		samples.reads = nil
		gotLoss, gotAccuracy, err := Evaluate(t.Context(), net, samples)
		if err != nil {
			t.Fatal(err)
		}
		if want := loss / float64(n); math.Abs(gotLoss-want) > 1e-6*want {
			t.Errorf("%d samples: loss %.9g, want %.9g", n, gotLoss, want)
		}
		if want := float64(right) / float64(n); gotAccuracy != want {
			t.Errorf("%d samples: accuracy %g, want %g", n, gotAccuracy, want)
		}
		if len(samples.reads) != n {
			t.Errorf("%d reads, want %d", len(samples.reads), n)
		}
	}
}

// Evaluation changes nothing: not the running statistics, not the step that dropout draws from.
func TestEvaluateChangesNothing(t *testing.T) {
	net := fit(t, smallNet(), blobSet(20, 5), Config{Epochs: 1}).Network
	before, step := bits(net), net.Weights.Step
	loss, accuracy, err := Evaluate(t.Context(), net, &blobs{n: 30})
	if err != nil {
		t.Fatal(err)
	}
	if again, accuracyAgain, _ := Evaluate(t.Context(), net, &blobs{n: 30}); again != loss || accuracyAgain != accuracy {
		t.Errorf("loss %g and accuracy %g, then %g and %g", loss, accuracy, again, accuracyAgain)
	}
	after := bits(net)
	for name := range before {
		for i := range before[name] {
			if after[name][i] != before[name][i] {
				t.Errorf("%s has changed", name)
				break
			}
		}
	}
	if net.Weights.Step != step {
		t.Errorf("step %d, was %d", net.Weights.Step, step)
	}
}

func TestEvaluateErrors(t *testing.T) {
	network := func(l graph.Layer, o graph.Options) *graph.Network {
		t.Helper()
		n, err := graph.NewNetwork(l, []int{1, 4, 4}, o)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ok := network(plainNet(), graph.Options{})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		net     *graph.Network
		samples *blobs
		want    string
	}{
		{"no samples", t.Context(), ok, &blobs{}, "train: no samples to evaluate"},
		{"cancelled", canceled, ok, &blobs{n: 5}, "train: evaluation stopped after 0 of 5 samples: context canceled"},
		{"label beyond the outputs", t.Context(), network(graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}, graph.Options{}), &blobs{n: 5},
			"train: evaluation sample 2: class 2, want 0 to 1"},
		{"output is an image", t.Context(), network(graph.Conv2D{Filters: 3, Kernel: 1}, graph.Options{}), &blobs{n: 5}, "graph: loss: CrossEntropy: logits are (5, 3, 4, 4)"},
		{"double precision", t.Context(), network(plainNet(), graph.Options{Float64: true}), &blobs{n: 5}, "train: the network computes in float64, want float32"},
		{"regression", t.Context(), network(plainNet(), graph.Options{Loss: graph.MSE{}}), &blobs{n: 5}, "train: the network's output is (5, 3) and its targets (5, 3), want (N,classes) and (N)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Evaluate(tt.ctx, tt.net, tt.samples)
			checkError(t, err, tt.want)
			if tt.ctx.Err() != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want context.Canceled in it", err)
			}
		})
	}
}
