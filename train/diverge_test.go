package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
)

// bomb is SGD until a step, whose update spoils the bias of the hidden layer.
type bomb struct {
	at    uint64 // 0 is never
	value float64
}

func (bomb) Slots() []string { return nil }

// String is the same for all bombs: that it goes off is no setting.
func (bomb) String() string { return "bomb" }

func (b bomb) Update(step uint64, w, grad []float32, slots [][]float32) {
	SGD{}.Update(step, w, grad, slots)
	if step == b.at && len(w) == hiddenUnits {
		w[0] = float32(b.value)
	}
}

const hiddenUnits = 8

func hiddenNet() graph.Layer {
	return graph.Sequential{graph.Flatten{}, graph.Dense{Units: hiddenUnits, Activation: graph.ReLU}, graph.Dense{Units: 3}}
}

// A run whose loss or weights become NaN or infinite stops with an error; its folder keeps the last good state, from
// which it goes on as if nothing had happened.
func TestDiverge(t *testing.T) {
	straight := t.TempDir()
	base := Config{Epochs: 3, Batch: 10, Optimizer: bomb{}, Dir: straight} // three batches an epoch
	want := fit(t, hiddenNet(), blobSet(25, 5), base)
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name        string
		bomb        bomb
		cancelAfter int // batches of the second epoch; 0 is never
		want        []string
	}{
		{"in the middle of an epoch", bomb{4, nan}, 0, []string{"the loss is NaN at epoch 2, step 2"}},
		{"infinite", bomb{4, inf}, 0, []string{"the loss is NaN at epoch 2, step 2"}},
		{"in an epoch's last batch", bomb{6, nan}, 0, []string{"the loss is NaN at epoch 2, step 3"}},
		{"just before a cancellation", bomb{5, nan}, 2, []string{"dense/bias holds NaN or Inf", "epoch 2, step 2"}},
		{"before a cancelled evaluation", bomb{6, nan}, 3, []string{"dense/bias holds NaN or Inf", "epoch 2, step 3"}},
		{"hidden by a ReLU", bomb{5, -inf}, 0, []string{"dense/bias holds NaN or Inf", "epoch 2, step 3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := base
			c.Dir, c.Epochs = t.TempDir(), 1
			fit(t, hiddenNet(), blobSet(25, 5), c)
			before := filesOf(t, c.Dir)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.Resume, c.Epochs, c.Optimizer = true, 3, tt.bomb
			batches := 0
			c.Callbacks = append(c.Callbacks, BatchFunc(func(Progress) {
				if batches++; batches == tt.cancelAfter {
					cancel()
				}
			}))
			_, err := Fit(ctx, hiddenNet(), blobSet(25, 5), c)
			checkError(t, err, append(tt.want, "train: diverged: ", "; try a lower learning rate")...)
			if errors.Is(err, context.Canceled) {
				t.Errorf("%v: says that it was stopped, which would mean that it was saved", err)
			}
			if after := filesOf(t, c.Dir); !slices.Equal(after, before) {
				t.Error("the folder is not what it was after the first epoch")
			}
			c.Optimizer, c.Callbacks = bomb{}, nil
			compareRuns(t, fit(t, hiddenNet(), blobSet(25, 5), c), want, c.Dir, straight)
		})
	}
	t.Run("hidden by a ReLU, without a folder", func(t *testing.T) {
		failing(t, hiddenNet(), blobSet(25, 5), Config{Batch: 10, Optimizer: bomb{2, -inf}}, "dense/bias holds NaN or Inf", "epoch 1, step 3")
	})
}

// The usual way to diverge: a learning rate that is far too high.
func TestDivergeLearningRate(t *testing.T) {
	for _, lr := range []float64{1e30, 3e38} {
		dir := t.TempDir()
		c := Config{Epochs: 3, Batch: 10, Optimizer: SGD{LR: lr}, Dir: dir}
		failing(t, hiddenNet(), blobSet(25, 5), c, "train: ", "at epoch 1, step ", "try a lower learning rate")
		if _, err := os.Stat(filepath.Join(dir, ModelFile)); err == nil {
			t.Error("there is a model")
		}
		if s := stateOf(t, dir); s.Step != 0 {
			t.Errorf("the checkpoint is of step %d, want 0", s.Step)
		}
		c.Optimizer = SGD{}
		fit(t, hiddenNet(), blobSet(25, 5), c) // in the same folder
	}
}

// Initial weights that are no numbers are found before anything is trained.
func TestDivergeInit(t *testing.T) {
	bad := func(_ *rand.Rand, values []float64, _ []int) { values[0] = math.NaN() }
	net := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3, WeightInit: bad}}
	dir := t.TempDir()
	c := Config{Epochs: 1, Dir: dir, Callbacks: []Callback{BatchFunc(func(Progress) { t.Error("a batch was trained") })}}
	failing(t, net, blobSet(25, 5), c, "train: dense/weight holds NaN or Inf before the first step, want an init of finite numbers")
	if files := strings.Join(filesOf(t, dir), ""); files != "" {
		t.Errorf("the folder has %.40q, want nothing", files)
	}
}
