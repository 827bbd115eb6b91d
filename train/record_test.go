package train

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
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
	if r.EvaluatedOn != "test" {
		t.Errorf("evaluated on %q, want test", r.EvaluatedOn)
	}
	defended := t.TempDir()
	fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 1, Dir: defended, Defence: Adversarial{Method: "fgsm", Epsilon: 0.2}})
	if r, err := ReadRecord(defended); err != nil || r.Defence != "fgsm epsilon 0.2 linf steps 1 of 0.25" {
		t.Errorf("defence %q (%v), want fgsm's", r.Defence, err)
	}
	if r, err = ReadRecord(interruptedRun(t)); err != nil || len(r.History) != 1 {
		t.Errorf("record %+v and error %v, want one epoch", r, err)
	}
}

// TestRecordHeldOut: a record says what its accuracies are of, and one of a
// checkpoint that does not say is no worse for it.
func TestRecordHeldOut(t *testing.T) {
	dir := t.TempDir()
	d := blobSet(20, 5)
	d.HeldOut = true
	c := Config{Epochs: 1, Batch: 8, Dir: dir}
	fit(t, plainNet(), d, c)
	if r, err := ReadRecord(dir); err != nil || r.EvaluatedOn != "validation" {
		t.Errorf("evaluated on %q, error %v, want validation", r.EvaluatedOn, err)
	}
	f := loadFile(t, dir, CheckpointFile)
	f.Metadata[stateKey] = olderState(t, f.Metadata[stateKey])
	if err := f.Save(filepath.Join(dir, CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	if r, err := ReadRecord(dir); err != nil || r.EvaluatedOn != "" {
		t.Errorf("evaluated on %q, error %v, want nothing", r.EvaluatedOn, err)
	}
	c.Resume, c.Epochs = true, 2
	if res := fit(t, plainNet(), d, c); len(res.History) != 2 {
		t.Errorf("%d epochs, want 2", len(res.History))
	}
}

func TestRecordSums(t *testing.T) {
	r := Record{Images: 100, History: []Epoch{
		{Epoch: 1, ValLoss: 0.3, ValAccuracy: 0.5, ImagesPerSecond: 50},
		{Epoch: 2, ValLoss: 0.3, ValAccuracy: 0.9, ImagesPerSecond: 100},
		{Epoch: 3, ValLoss: 0.4, ValAccuracy: 0.9, ImagesPerSecond: 0}, // as a damaged file may have it
	}}
	if best, most := r.Best(), r.MostAccurate(); best.Epoch != 1 || most.Epoch != 2 {
		t.Errorf("best epoch %d and most accurate %d, want 1 and 2", best.Epoch, most.Epoch)
	}
	if got := r.Time(); got != 3*time.Second {
		t.Errorf("time %v, want 3s", got)
	}
	if best, most := (Record{}).Best(), (Record{}).MostAccurate(); best.Epoch != 0 || most.Epoch != 0 {
		t.Errorf("best epoch %d, most accurate %d before the first, want 0", best.Epoch, most.Epoch)
	}
	never := Record{History: []Epoch{{Epoch: 1}}}
	if best, most := never.Best(), never.MostAccurate(); best.Epoch != 1 || most.Epoch != 1 {
		t.Errorf("best epoch %d, most accurate %d with accuracy 0, want 1", best.Epoch, most.Epoch)
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

// TestStateOfManyElements: a history of very many very short epochs takes no memory that
// its text does not have, nor do settings.
func TestStateOfManyElements(t *testing.T) {
	const n = 1 << 20
	for name, tt := range map[string]struct{ text, want string }{
		"empty epochs":  {`{"History":[{}` + strings.Repeat(",{}", n) + "]}", "want 32 bytes for each at least"},
		"null epochs":   {`{"History":[null` + strings.Repeat(",null", n) + "]}", "want 32 bytes for each at least"},
		"number epochs": {`{"History":[0` + strings.Repeat(",0", n) + "]}", "cannot unmarshal number"},
		"settings":      {`{"Settings":{"a":0` + strings.Repeat(`,"":0`, n) + "}}", "settings of 5242887 bytes, want at most 1048576"},
		"no list":       {`{"History":{}}`, "a history that begins with {, want a list"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := parseState(tt.text)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if cost, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+4*len(tt.text)); cost > most {
				t.Errorf("allocates %d bytes in all, want at most %d", cost, most)
			}
		})
	}
}
