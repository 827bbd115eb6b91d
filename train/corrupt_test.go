package train

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph/weights"
)

// corruptConfig is a run of two epochs of three batches.
func corruptConfig(dir string) Config { return Config{Epochs: 2, Batch: 8, Dir: dir} }

// interruptedRun is the folder of a run that stands at epoch 1, batch 2.
func interruptedRun(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	c := corruptConfig(dir)
	fit(t, plainNet(), blobSet(20, 5), Config{Epochs: 1, Batch: c.Batch, Dir: dir})
	c.Resume = true
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.Callbacks = append(c.Callbacks, BatchFunc(func(p Progress) {
		if p.Images == 16 {
			cancel()
		}
	}))
	_, err := Fit(ctx, plainNet(), blobSet(20, 5), c)
	checkError(t, err, "stopped in epoch 2 after 16 of 20 images")
	return dir
}

// What a checkpoint says about its run is not believed.
func TestResumeDamagedState(t *testing.T) {
	dir := interruptedRun(t)
	good := loadFile(t, dir, CheckpointFile).Metadata[stateKey]
	for _, tt := range []struct {
		name     string
		old, new string // in the state's JSON; an empty old replaces all of it
		want     string
	}{
		{"no JSON", "", "{", "is damaged"},
		{"nothing", "", "", "is damaged"},
		{"null", "", "null", "is damaged"},
		{"empty object", "", "{}", "is damaged"},
		{"array", "", "[1]", "is damaged"},
		{"two values", "", good + good, "is damaged"},
		{"negative epoch", `"Epoch":1,"Batch":2`, `"Epoch":-1,"Batch":2`, "is damaged"},
		{"huge epoch", `"Epoch":1,"Batch":2`, `"Epoch":9000000000000000000,"Batch":2`, "is damaged"},
		{"epoch beyond an int", `"Epoch":1,"Batch":2`, `"Epoch":1e99,"Batch":2`, "is damaged"},
		{"epoch with no history", `"Epoch":1,"Batch":2`, `"Epoch":2,"Batch":2`, "is damaged"},
		{"negative batch", `"Batch":2,"Sums"`, `"Batch":-2,"Sums"`, "is damaged"},
		{"huge batch", `"Batch":2,"Sums"`, `"Batch":4611686018427387905,"Sums"`, "is damaged"},
		{"batch beyond the epoch", `"Batch":2,"Sums"`, `"Batch":4,"Sums"`, "is damaged"},
		{"fractional batch", `"Batch":2,"Sums"`, `"Batch":1.5,"Sums"`, "is damaged"},
		{"another batch", `"Batch":2,"Sums"`, `"Batch":1,"Sums"`, "is damaged"},
		{"negative images", `"Images":16`, `"Images":-16`, "is damaged"},
		{"other images", `"Images":16`, `"Images":17`, "is damaged"},
		{"negative hits", `"Correct":`, `"Correct":-9`, "is damaged"},
		{"more hits than images", `"Correct":`, `"Correct":9`, "is damaged"},
		{"loss NaN", `"Loss":`, `"Loss":NaN,"":`, "is damaged"},
		{"loss beyond a float", `"Loss":`, `"Loss":1e999,"":`, "is damaged"},
		{"absurd loss", `"Loss":`, `"Loss":1e300,"":`, "is damaged"},
		{"negative time", `"Seconds":`, `"Seconds":-`, "is damaged"},
		{"absurd time", `"Seconds":`, `"Seconds":1e300,"":`, "is damaged"},
		{"absurd speed", `"Seconds":`, `"Seconds":1e-300,"":`, "is damaged"},
		{"negative step", `"Step":5`, `"Step":-5`, "is damaged"},
		{"other step", `"Step":5`, `"Step":6`, "is damaged"},
		{"step a string", `"Step":5`, `"Step":"5"`, "is damaged"},
		{"history of the wrong epoch", `"epoch":1`, `"epoch":7`, "is damaged"},
		{"absurd history", `"val_loss":`, `"val_loss":-1e308,"":`, "is damaged"},
		{"null history", `"History":[`, `"History":null,"":[`, "is damaged"},
		{"lines", `"Dataset":"blobs"`, `"Dataset":"a\nb\u0000c"`, "another run"},
		{"long", `"Dataset":"blobs"`, `"Dataset":"` + strings.Repeat("x", 1e5) + `"`, "another run"},
		{"batch size a string", `"Batch":8`, `"Batch":"a\nb"`, "is damaged"},
		{"shape an object", `"Shape":[1,4,4]`, `"Shape":{"a":
	1}`, "another run"},
		{"seed negative", `"Batch":8`, `"Batch":8,"Seed":-3`, "another run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.new
			if tt.old != "" {
				if s = strings.Replace(good, tt.old, tt.new, 1); s == good {
					t.Fatalf("no %s in %s", tt.old, good)
				}
			}
			c := corruptConfig(damagedCopy(t, dir, func(f *weights.File) { f.Metadata[stateKey] = s }))
			c.Resume = true
			c.Callbacks = append(c.Callbacks, BatchFunc(func(Progress) { t.Error("a batch was trained") }))
			_, err := Fit(t.Context(), plainNet(), blobSet(20, 5), c)
			checkError(t, err, "train: ", filepath.Join(c.Dir, CheckpointFile), tt.want)
			if len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
	c := corruptConfig(damagedCopy(t, dir, func(f *weights.File) { f.Metadata = nil }))
	c.Resume = true
	failing(t, plainNet(), blobSet(20, 5), c, "train: ", "is damaged")
}

// A negative position whose every consequence fits, thanks to integers that wrap around.
func TestStateWrapsAround(t *testing.T) {
	s := stateOf(t, interruptedRun(t))
	if !s.possible() {
		t.Fatalf("%+v is refused", s)
	}
	s.At.Batch, s.At.Sums = -1<<61, tally{} // times a batch size of 8
	s.Step = uint64(s.At.Epoch*3 + s.At.Batch)
	if s.possible() {
		t.Errorf("%+v is accepted", s)
	}
}

// Its tensors are not believed either.
func TestResumeDamagedTensors(t *testing.T) {
	dir := interruptedRun(t)
	set := func(name string, v float64) func(*weights.File) {
		return func(f *weights.File) { f.Tensors[name].Float32s()[1] = float32(v) }
	}
	put := func(name string, shape ...int) func(*weights.File) {
		return func(f *weights.File) {
			f.Tensors[name] = tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32))
		}
	}
	for _, tt := range []struct {
		name string
		edit func(*weights.File)
		want string
	}{
		{"weight NaN", set("weights/dense/weight", math.NaN()), CheckpointFile + " is damaged: weights/dense/weight holds NaN or Inf"},
		{"weight infinite", set("weights/dense/bias", math.Inf(-1)), CheckpointFile + " is damaged: weights/dense/bias holds NaN or Inf"},
		{"slot NaN", set("optimizer/v/dense/bias", math.NaN()), CheckpointFile + " is damaged: optimizer/v/dense/bias holds NaN or Inf"},
		{"weight too large for float32", func(f *weights.File) {
			f.Tensors["weights/dense/bias"] = tensor.New(tensor.WithShape(3), tensor.WithBacking([]float64{0, 1e300, 0}))
		}, CheckpointFile + " is damaged: weights/dense/bias holds NaN or Inf"},
		{"no weight", func(f *weights.File) { delete(f.Tensors, "weights/dense/bias") }, "tensor dense/bias is missing"},
		{"no slot", func(f *weights.File) { delete(f.Tensors, "optimizer/m/dense/bias") }, "m/dense/bias is missing"},
		{"no tensors", func(f *weights.File) { clear(f.Tensors) }, "is missing"},
		{"shape of a weight", put("weights/dense/bias", 4), "dense/bias is (4)"},
		{"shape of a slot", put("optimizer/v/dense/bias", 4), "v/dense/bias is missing or not"},
		{"slot of float64", func(f *weights.File) {
			f.Tensors["optimizer/v/dense/bias"] = tensor.New(tensor.WithShape(3), tensor.Of(tensor.Float64))
		}, "v/dense/bias is missing or not"},
		{"one weight more", put("weights/dense_1/bias", 4), `no tensor "dense_1/bias"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := corruptConfig(damagedCopy(t, dir, tt.edit))
			c.Resume = true
			before := filesOf(t, c.Dir)
			failing(t, plainNet(), blobSet(20, 5), c, "train: ", tt.want)
			if after := filesOf(t, c.Dir); after[0] != before[0] || len(after) != 1 {
				t.Error("the folder has changed")
			}
		})
	}
}

// A file that is cut off anywhere, or that has a bit flipped in its header, is an error or the run of the original: never
// a panic, never a position that the run cannot have.
func TestResumeDamagedFile(t *testing.T) {
	dir := interruptedRun(t)
	if err := os.Remove(filepath.Join(dir, PreviousFile)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, CheckpointFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(b []byte) error {
		t.Helper()
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		c := corruptConfig(dir)
		c.Epochs, c.Resume = 1, true // of which one is done: nothing is trained
		_, err := Fit(t.Context(), plainNet(), blobSet(20, 5), c)
		if err != nil {
			checkError(t, err, "train: ")
		}
		return err
	}
	for n := 0; n < len(good); n += 97 {
		if err := try(good[:n]); err == nil {
			t.Errorf("no error for %d of %d bytes", n, len(good))
		}
	}
	header := len(good) - 4*(3*(16*3+3)) // the tensors are weight (16,3) and bias (3), each with two slots
	flipped, accepted := 0, 0
	for i := 0; i < header; i += 3 {
		b := append([]byte(nil), good...)
		b[i] ^= 1 << (i % 8)
		flipped++
		if try(b) == nil {
			accepted++ // the checksum's key, which is then not read
		}
	}
	if accepted > len("tapenet.sha256") {
		t.Errorf("%d of %d flipped bits were accepted", accepted, flipped)
	}
}

// Whatever a checkpoint says, going on from it is an error of one line or works.
func FuzzResume(f *testing.F) {
	dir := interruptedRun(f)
	file := loadFile(f, dir, CheckpointFile)
	good := file.Metadata[stateKey]
	f.Add(good)
	f.Add("{}")
	f.Add(strings.Replace(good, `"Batch":2,"Sums"`, `"Batch":-2,"Sums"`, 1))
	f.Add(strings.Replace(good, `"accuracy":`, `"accuracy":1e38,"":`, 1))
	f.Fuzz(func(t *testing.T, s string) {
		c := corruptConfig(t.TempDir())
		c.Resume = true
		file.Metadata[stateKey] = s
		if file.Save(filepath.Join(c.Dir, CheckpointFile)) != nil {
			t.Skip("no file holds this") // not UTF-8
		}
		res, err := Fit(t.Context(), plainNet(), blobSet(20, 5), c)
		if err != nil {
			checkError(t, err, "train: ")
			return
		}
		if len(res.History) < c.Epochs {
			t.Errorf("%d epochs, want %d", len(res.History), c.Epochs)
		}
		if _, err := json.Marshal(res.History); err != nil {
			t.Errorf("history: %v", err)
		}
	})
}
