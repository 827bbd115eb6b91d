package train

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/report"
)

// notes are the comment lines of a run's settings.
func notes(t *testing.T, dir string) (text string) {
	t.Helper()
	for line := range strings.Lines(string(read(t, dir, configFile))) {
		if strings.HasPrefix(line, "#") {
			text += line
		}
	}
	return text
}

// A run's settings say where it went on, and whether with others; a call that
// trains nothing leaves them as they are.
func TestConfigGoesOn(t *testing.T) {
	dir, again := filepath.Join(t.TempDir(), "x"), filepath.Join(t.TempDir(), "y")
	base := quick(t, "-schedule", "onecycle", "-keep", "9", "-out", dir)
	file := filepath.Join(dir, configFile)
	want := repeats
	if trained(t, base...); notes(t, dir) != want {
		t.Fatalf("a new run says %q, want %q", notes(t, dir), want)
	}
	want = changed + "# went on after epoch 1 with -epochs 2 instead of 1, -patience 7 instead of 0\n"
	trained(t, append(base, "-resume", "-epochs", "2", "-patience", "7")...)
	if got := notes(t, dir); got != want {
		t.Errorf("with more epochs it says %q, want %q", got, want)
	}
	if s, err := readConfig(file); err != nil || s["epochs"] != int64(2) || s["patience"] != int64(7) {
		t.Errorf("settings %v, error %v, want those of the second call", s, err)
	}
	before := read(t, file)
	trained(t, append(base, "-resume", "-epochs", "1", "-patience", "7")...) // has completed epoch 2
	if !bytes.Equal(read(t, file), before) {
		t.Errorf("a complete run says %s", read(t, file))
	}
	if err := os.Rename(filepath.Join(dir, "epoch-0001.safetensors"), filepath.Join(dir, train.CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	trained(t, append(base, "-resume", "-epochs", "2", "-patience", "7")...)
	if want += "# went on after epoch 1\n"; notes(t, dir) != want {
		t.Errorf("after a rewind it says %q, want %q", notes(t, dir), want)
	}
	trained(t, "-config", file, "-out", again)
	if got := notes(t, again); got != repeats || bytes.Equal(read(t, again, train.ModelFile), read(t, dir, train.ModelFile)) {
		t.Errorf("two epochs of one cycle say %q, or are the same as one and another", got)
	}
}

// A line of settings that are no one line is one line, and comments of one's own
// stay.
func TestConfigLines(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, configFile)
	if err := os.WriteFile(file, []byte("# mine\r\ndata = \"a\\nb\"\nlr = 0.1\n# the end"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := settings{"data": "c", "lr": 0.1, "seed": uint64(1<<64 - 1)}
	at := train.Progress{Epoch: 1, Epochs: 3, Images: 64, Of: 200}
	var out bytes.Buffer
	show := &display{people: &out}
	want := changed + "# mine\n# the end\n"
	for _, with := range []string{` with -data "c" instead of "a\nb"`, ""} {
		if err := s.goOn(dir, at, show); err != nil {
			t.Fatal(err)
		}
		want += "# went on after 64 of 200 images of epoch 1" + with + "\n"
		if got := notes(t, dir); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	if got, err := readConfig(file); err != nil || got["data"] != "c" || got["seed"] != "18446744073709551615" {
		t.Errorf("settings %v, error %v", got, err)
	}
	if err := os.WriteFile(file, []byte("epochs 3"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.goOn(dir, at, show); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "moved the earlier "+file+" to "+filepath.Join(dir, "config.1.toml")+", as it cannot be read (train: settings: "+file+", line 1: "; !strings.HasPrefix(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
	if got, want := notes(t, dir), repeats+"# went on after 64 of 200 images of epoch 1\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// Settings of one's own in the folder of a new run are kept.
func TestConfigOfOnesOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "exp")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, configFile)
	mine := []byte("# my notes\nmodel = 'mlp'\naugment = 'none'\nlimit = 100\nepochs = 1\n")
	if err := os.WriteFile(file, mine, 0o644); err != nil {
		t.Fatal(err)
	}
	out := trained(t, "-data", digits(t), "-config", file, "-out", dir)
	if kept := filepath.Join(dir, "config.1.toml"); !bytes.Equal(read(t, kept), mine) || !strings.Contains(out, "moved the earlier "+file+" to "+kept+"\n") {
		t.Errorf("printed %s, want where the settings are now", out)
	}
	if s, err := readConfig(file); err != nil || s["batch"] == nil {
		t.Errorf("settings %v, error %v, want all of the run", s, err)
	}
}

// A run that is refused leaves settings as they are.
func TestConfigOfRefused(t *testing.T) {
	dir := t.TempDir()
	mine := []byte("# my notes\n")
	for _, name := range []string{train.ModelFile, configFile} {
		if err := os.WriteFile(filepath.Join(dir, name), mine, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, _, err := trains(t, quick(t, "-out", dir)...)
	if err == nil || !strings.Contains(err.Error(), "holds a model already") || out != "" {
		t.Errorf("error %v after %q, want a refusal alone", err, out)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 || !bytes.Equal(read(t, dir, configFile), mine) {
		t.Errorf("the folder has %v (%v), want it as it was", files, err)
	}
}

// TestConfigArithmetic: the settings of a run that went on in another arithmetic do
// not repeat it.
func TestConfigArithmetic(t *testing.T) {
	dir := t.TempDir()
	s, want := settings{"lr": 0.1}, repeats
	for epoch, p := range []train.Progress{{}, {Rounding: "other kernels"}, {}} {
		p.Epoch, p.Epochs = epoch+1, 9
		if err := s.goOn(dir, p, nil); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("# went on after epoch %d", epoch)
		if p.Rounding != "" {
			want, line = strings.Replace(want, repeats, changed, 1), line+", in another arithmetic"
		}
		want += line + "\n"
		if got := notes(t, dir); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

// TestConfigFromGo: the settings that a run from Go leaves make the command train to the same
// weights, given what it is told of the data.
func TestConfigFromGo(t *testing.T) {
	d, err := data.IDX(digits(t))
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 200), data.Limit(d.Test, 200)
	dir := t.TempDir()
	c := train.Config{
		Epochs: 2, Batch: 50, Seed: 5, Model: "lenet5", Dir: filepath.Join(dir, "go"), LabelSmoothing: 0.1, ClipNorm: 1,
		Optimizer: train.NAdam{LR: 0.003, WeightDecay: 0.001}, Schedule: train.Exponential{Decay: 0.5},
	}
	spec, err := modelzoo.Lookup(c.Model)
	if err != nil {
		t.Fatal(err)
	}
	res, err := report.Fit(t.Context(), spec.New(10), d, c)
	if err != nil {
		t.Fatal(err)
	}
	out := trained(t, "-config", filepath.Join(c.Dir, configFile), "-data", digits(t), "-limit", "200", "-out", filepath.Join(dir, "command"))
	if !strings.Contains(out, res.SHA256) {
		t.Errorf("the command does not come to the weights %s:\n%s", res.SHA256, out)
	}
}
