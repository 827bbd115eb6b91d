package train

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/graph/weights"
)

// TestReadRecord: a run's record is what the run was, in the middle of an epoch too.
func TestReadRecord(t *testing.T) {
	dir := t.TempDir()
	res := fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 2, Batch: 8, Seed: 7, Model: "plain", Optimizer: SGD{LR: 0.1}, Dir: dir})
	r, err := ReadRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Model != "plain" || r.Dataset != "blobs" || r.Images != 20 || r.Batch != 8 || r.Seed != 7 ||
		r.Optimizer != "sgd lr 0.1 momentum 0" || r.Schedule != "" || r.Parameters != 16*3+3 || !slices.Equal(r.History, res.History) {
		t.Errorf("record %+v, want that of the run with history %+v", r, res.History)
	}
	if r, err = ReadRecord(interruptedRun(t)); err != nil || len(r.History) != 1 {
		t.Errorf("record %+v and error %v, want one epoch", r, err)
	}
}

// An epoch that was stopped has the speed of all its batches, also if it was
// stopped when it was evaluated; the time between does not count.
func TestRecordTimeOfStopped(t *testing.T) {
	c := resumeConfig(t.TempDir())
	c.Epochs = 1
	began := time.Now()
	stopped(t, c, afterBatch(4, "epoch 1 after 40 "))
	took := time.Since(began)
	at := stateOf(t, c.Dir).At
	if !(at.Seconds > 0) || at.Seconds > took.Seconds() {
		t.Fatalf("four batches took %gs of %v", at.Seconds, took)
	}
	// As if they had taken a thousand seconds: the others then take less.
	c.Dir = damagedCopy(t, c.Dir, func(f *weights.File) {
		f.Metadata[stateKey] = strings.Replace(f.Metadata[stateKey], fmt.Sprintf(`"Seconds":%v`, at.Seconds), `"Seconds":1000`, 1)
	})
	c.Resume = true
	c.OnStart = func(_ *graph.Network, p Progress) error {
		if p.ImagesPerSecond != 0.04 {
			t.Errorf("%g images/s in the beginning, want 0.04", p.ImagesPerSecond)
		}
		return nil
	}
	stopped(t, c, duringEvaluation)
	if at := stateOf(t, c.Dir).At; !(at.Seconds > 1000 && at.Seconds < 1100) {
		t.Errorf("all batches took %gs, want 1000 and a little", at.Seconds)
	}
	c.OnStart = nil
	fit(t, smallNet(), resumeSet(), c)
	r, err := ReadRecord(c.Dir)
	if err != nil || r.Time() < 1000*time.Second || r.Time() > 1100*time.Second {
		t.Errorf("the epoch took %v (%v), want 1000s and a little", r.Time(), err)
	}
	if at := stateOf(t, c.Dir).At; at.Seconds != 0 {
		t.Errorf("the next epoch begins with %gs", at.Seconds)
	}
}

func TestRecordSums(t *testing.T) {
	r := Record{Images: 100, History: []Epoch{
		{Epoch: 1, ValAccuracy: 0.5, ImagesPerSecond: 50},
		{Epoch: 2, ValAccuracy: 0.9, ImagesPerSecond: 100},
		{Epoch: 3, ValAccuracy: 0.9, ImagesPerSecond: 0}, // as a damaged file may have it
	}}
	if best := r.Best(); best.Epoch != 2 {
		t.Errorf("best epoch %d, want 2", best.Epoch)
	}
	if got := r.Time(); got != 3*time.Second {
		t.Errorf("time %v, want 3s", got)
	}
	if best := (Record{}).Best(); best.Epoch != 0 {
		t.Errorf("best epoch %d before the first, want 0", best.Epoch)
	}
	never := Record{History: []Epoch{{Epoch: 1}}}
	if best := never.Best(); best.Epoch != 1 {
		t.Errorf("best epoch %d with accuracy 0, want 1", best.Epoch)
	}
}

// TestReadRecordDamaged: what a file says is not believed.
func TestReadRecordDamaged(t *testing.T) {
	if _, err := ReadRecord(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: error %v, want fs.ErrNotExist", err)
	}
	dir := interruptedRun(t)
	f := loadFile(t, dir, CheckpointFile)
	good := f.Metadata[stateKey]
	for _, tt := range [][2]string{
		{good, ""}, {good, "null"}, {good, "{}"}, {good, "[]"},
		{`"Batch":8`, `"Batch":0`}, {`"Parameters":51`, `"Parameters":-1`}, {`"Images":20`, `"Images":-20`}, {`"Epoch":1,"Batch":2`, `"Epoch":2,"Batch":2`},
	} {
		f.Metadata[stateKey] = strings.Replace(good, tt[0], tt[1], 1)
		if f.Metadata[stateKey] == good {
			t.Fatalf("no %s in %s", tt[0], good)
		}
		if err := f.Save(filepath.Join(dir, CheckpointFile)); err != nil {
			t.Fatal(err)
		}
		if r, err := ReadRecord(dir); err == nil {
			t.Errorf("%s: record %+v, want an error", f.Metadata[stateKey], r)
		}
	}
}
