package report

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"tapenet/train"
)

// read is a file of a run's folder.
func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFit: one call leaves the settings, the report and the model card, and trains as
// train.Fit does.
func TestFit(t *testing.T) {
	dir, d := filepath.Join(t.TempDir(), "run"), blobSet([3]int{1, 6, 5}, "ant", "bee", "cat")
	d.Changes = "rotated by up to 10 degrees; "
	c := train.Config{Epochs: 2, Batch: 16, Seed: 3, Dir: dir, Patience: 5, ClipNorm: 2, ClipValue: 0.5,
		Optimizer: train.AdamW{LR: 0.002, WeightDecay: 0.02}, Schedule: train.Cosine{Warmup: 1}}
	started := 0
	c.Callbacks = []train.Callback{train.BatchFunc(func(train.Progress) {
		started++
		read(t, dir, ConfigFile) // while the run goes on
	})}
	res, err := Fit(t.Context(), convNet(3), d, c)
	if err != nil || started == 0 {
		t.Fatalf("error %v after %d batches", err, started)
	}
	c.Dir, c.Callbacks = "", nil
	want, err := train.Fit(t.Context(), convNet(3), d, c)
	if err != nil {
		t.Fatal(err)
	}
	if res.SHA256 != want.SHA256 {
		t.Error("other weights than train.Fit's")
	}
	text := read(t, dir, ConfigFile)
	var flags map[string]any
	if _, err := toml.Decode(text, &flags); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"epochs": int64(2), "batch": int64(16), "seed": int64(3), "patience": int64(5), "clip": 2.0, "lanes": int64(1), "accumulate": int64(1),
		"optimizer": "adamw", "lr": 0.002, "decay": 0.02, "schedule": "cosine:1", "smoothing": 0.0,
	} {
		if !reflect.DeepEqual(flags[name], want) {
			t.Errorf("%s = %v, want %v", name, flags[name], want)
		}
	}
	has(t, text, "# ClipValue: 0.5\n", "# changes of the images: rotated by up to 10 degrees\n", "# dataset: blobs, 60 training and 45 test images of [1 6 5]\n", "# model: a network of the program's own\n")
	has(t, read(t, dir, File), "<h2>Confusion matrix</h2>", "<dt>patience</dt><dd>5</dd>", "<dt>ClipValue</dt><dd>0.5</dd>", "By default:")
	has(t, read(t, dir, CardFile), "# Model card: run")
	hasNot(t, read(t, dir, CardFile), "repeats the run")
}

// TestFitGoesOn: the settings are those with which a run goes on; the command's own file stays.
func TestFitGoesOn(t *testing.T) {
	dir, d := t.TempDir(), blobSet([3]int{1, 6, 5}, "a", "b", "c")
	c := train.Config{Epochs: 2, Dir: dir, Until: 1}
	if res, err := Fit(t.Context(), convNet(3), d, c); err != nil || !res.Paused {
		t.Fatalf("error %v, want a pause", err)
	}
	if _, err := os.Stat(filepath.Join(dir, File)); err == nil {
		t.Error("a run that pauses has a report")
	}
	c.Until, c.Resume, c.Epochs = 0, true, 3
	if _, err := Fit(t.Context(), convNet(3), d, c); err != nil {
		t.Fatal(err)
	}
	has(t, read(t, dir, ConfigFile), "epochs = 3\n")
	has(t, read(t, dir, File), "<h2>Curves</h2>")
	command := Repeats + "epochs = 3\n"
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(command), 0o644); err != nil {
		t.Fatal(err)
	}
	c.Epochs = 4
	if _, err := Fit(t.Context(), convNet(3), d, c); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, ConfigFile); got != command {
		t.Errorf("the command's settings have become %q", got)
	}
}

func TestFitErrors(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b", "c")
	if _, err := Fit(t.Context(), convNet(3), d, train.Config{}); err == nil || !strings.Contains(err.Error(), "want the folder of the run") {
		t.Errorf("without a folder: error %v", err)
	}
	dir := t.TempDir()
	if _, err := Fit(t.Context(), convNet(2), d, train.Config{Dir: dir}); err == nil {
		t.Error("no error for a network of two classes")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("%v (%v) after an error, want nothing", files, err)
	}
}

// strange is an optimizer that no flag can name.
type strange struct{ train.SGD }

// TestConfig: every field of train.Config is among the settings, or is none.
func TestConfig(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "a", "b", "c")
	plain := newConfig(train.Config{Optimizer: train.Adam{}}, d)
	none := map[string]bool{"Dir": true, "CheckpointEvery": true, "Resume": true, "Until": true, "OnEarlier": true, "Callbacks": true, "Group": true, "oneByOne": true}
	given := map[string]any{
		"Optimizer": strange{}, "Schedule": train.OneCycle{}, "Defence": train.IBP{Epsilon: 0.1}, "Backbone": &train.Backbone{},
		"Replan": func(done int) int { return done },
	}
	fields := reflect.TypeFor[train.Config]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if none[name] {
			continue
		}
		c := train.Config{Optimizer: train.Adam{}}
		to := reflect.ValueOf(&c).Elem().Field(i)
		switch v := given[name]; {
		case v != nil:
			to.Set(reflect.ValueOf(v))
		case to.CanInt():
			to.SetInt(7)
		case to.CanUint():
			to.SetUint(1 << 63)
		case to.CanFloat():
			to.SetFloat(0.25)
		case to.Kind() == reflect.String:
			to.SetString("cnn")
		case to.Kind() == reflect.Map:
			to.Set(reflect.MakeMap(to.Type()))
			to.SetMapIndex(reflect.ValueOf("a"), reflect.New(to.Type().Elem()).Elem())
		default:
			to.Set(reflect.MakeSlice(to.Type(), 1, 1))
		}
		if got := newConfig(c, d); reflect.DeepEqual(got, plain) {
			t.Errorf("field %s is no setting: want it among the flags, among the others, or in this test's list", name)
		} else if err := got.save(filepath.Join(t.TempDir(), ConfigFile)); err != nil {
			t.Errorf("field %s: %v", name, err)
		}
	}
}
