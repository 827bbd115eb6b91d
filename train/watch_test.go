package train

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/train/data"
)

// scripted is a Defence that does nothing, and is watched: after each epoch so many of
// eight samples survive as its list says.
type scripted struct {
	survive  []int
	collapse float64
}

func (s scripted) Begin(t Task) (Defender, error)         { return &scriptedDefender{s, t, 0}, nil }
func (s scripted) watch() (samples int, collapse float64) { return 8, s.collapse }
func (s scripted) String() string                         { return "scripted" }
func (d *scriptedDefender) Loss() graph.Loss              { return d.task.Loss }
func (d *scriptedDefender) Batch(at Moment, _ *graph.Model, _ []int) error {
	d.epoch = len(at.History)
	return nil
}

type scriptedDefender struct {
	scripted
	task  Task
	epoch int
}

// survivors tells of a lane's part: all of the eight in one.
func (d *scriptedDefender) survivors(_, classes []float32) (int, error) {
	if len(classes) < 8 {
		return 0, os.ErrInvalid
	}
	return d.survive[d.epoch], nil
}

// watchedRun has three steps an epoch; its third epoch is the best, its fifth a collapse.
func watchedRun(dir string) Config {
	return Config{Epochs: 10, Batch: 20, Dir: dir, Defence: scripted{[]int{3, 4, 7, 6, 2, 8}, 0.5}}
}

// A run whose accuracy under attack collapses ends, with the weights of its best epoch,
// says so, and does no more when it goes on.
func TestCollapse(t *testing.T) {
	c := watchedRun(t.TempDir())
	res := fit(t, plainNet(), blobSet(53, 20), c)
	if !res.Collapsed || len(res.History) != 5 || res.Best != res.History[2] || res.Best.Attacked != 7.0/8 {
		t.Fatalf("collapsed: %t, %d epochs, the best is %+v, want 5 and epoch 3", res.Collapsed, len(res.History), res.Best)
	}
	short := watchedRun("")
	short.Epochs = 3
	want := fit(t, plainNet(), blobSet(53, 20), short)
	if want.Collapsed || !reflect.DeepEqual(bits(res.Network), bits(want.Network)) {
		t.Error("the weights are not those after three epochs")
	}
	if !slices.Equal(tensorBytes(t, c.Dir, ModelFile), tensorBytes(t, c.Dir, BestFile)) {
		t.Error("the model's file is not of the best epoch")
	}
	c.Resume, c.Callbacks = true, []Callback{BatchFunc(func(Progress) { t.Error("a batch of a run that has ended") })}
	if got := fit(t, plainNet(), blobSet(53, 20), c); !got.Collapsed || !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Error("resuming it gives another model")
	}
	text, err := os.ReadFile(filepath.Join(c.Dir, HistoryFile))
	if head := "epoch,loss,accuracy,val_loss,val_accuracy,images_per_second,learning_rate,attacked_accuracy\n"; !strings.HasPrefix(string(text), head) {
		t.Errorf("history.csv is %q (%v), want %q first", text, err, head)
	}
}

// A run that goes on in the middle collapses in the same way; and without a limit it does
// not, and ends with its last weights.
func TestCollapseResumes(t *testing.T) {
	want := fit(t, plainNet(), blobSet(53, 20), watchedRun(""))
	c := watchedRun(t.TempDir())
	c.Epochs = 4
	fit(t, plainNet(), blobSet(53, 20), c)
	c.Resume, c.Epochs = true, 10
	if got := fit(t, plainNet(), blobSet(53, 20), c); !got.Collapsed || got.SHA256 != want.SHA256 || !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
		t.Error("a run that went on has other weights")
	}
	c = watchedRun("")
	c.Defence, c.Epochs = scripted{[]int{3, 4, 7, 6, 2, 8}, 0}, 6
	if got := fit(t, plainNet(), blobSet(53, 20), c); got.Collapsed || len(got.History) != 6 || got.Best.Epoch != 6 {
		t.Errorf("collapsed: %t after %d epochs, best %d, want 6 epochs", got.Collapsed, len(got.History), got.Best.Epoch)
	}
}

// Patience counts epochs whose accuracy under attack is no better.
func TestPatienceUnderAttack(t *testing.T) {
	c := watchedRun("")
	c.Patience, c.Defence = 2, scripted{[]int{3, 7, 6, 5, 8}, 0}
	if got := fit(t, plainNet(), blobSet(53, 20), c); len(got.History) != 4 || got.Best.Epoch != 2 || got.Collapsed {
		t.Errorf("%d epochs, the best is %d, want 4 and 2", len(got.History), got.Best.Epoch)
	}
}

// Ranks collapse together, to the same weights.
func TestCollapseOfRanks(t *testing.T) {
	c := watchedRun("")
	c.Batch, c.Lanes = 53, 3 // lanes of 17 and 18
	want := fit(t, plainNet(), blobSet(53, 20), c)
	for r, got := range fitGroup(t, 3, plainNet, func() data.Dataset { return blobSet(53, 20) }, c, nil) {
		if got.err != nil || !got.Collapsed || got.SHA256 != want.SHA256 || !reflect.DeepEqual(bits(got.Network), bits(want.Network)) {
			t.Errorf("rank %d: error %v, or other weights than one process", r, got.err)
		}
	}
}
