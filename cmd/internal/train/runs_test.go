package train

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/train"
)

// read returns a file of a run.
func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestKeepEarlier: a new run does not overwrite an earlier one.
func TestKeepEarlier(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	var models [][]byte
	for i, seed := range []string{"1", "2", "3"} {
		out := trained(t, quick(t, "-seed", seed, "-out", dir+string(filepath.Separator))...)
		want := ""
		if i > 0 {
			want = "moved the earlier run to " + dir + "." + string(rune('0'+i)) + "\n"
		}
		if strings.Contains(out, "moved") != (i > 0) || !strings.Contains(out, want) {
			t.Errorf("run %d printed %q, want %q in it", i, out, want)
		}
		models = append(models, read(t, dir, train.ModelFile))
	}
	for name, want := range map[string][]byte{"x.1": models[0], "x.2": models[1], "x": models[2]} {
		if !bytes.Equal(read(t, filepath.Dir(dir), name, train.ModelFile), want) {
			t.Errorf("%s has another run's model", name)
		}
	}
}

// TestWrongFlagsMoveNothing: a run that cannot begin leaves the earlier one
// where it is.
func TestWrongFlagsMoveNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	trained(t, quick(t, "-out", dir)...)
	images := filepath.Join(t.TempDir(), "images")
	tooSmall(t, images)
	for _, wrong := range [][]string{{"-optimizer", "newton"}, {"-data", "none"}, {"-data", images}} {
		if _, _, err := trains(t, append(quick(t, "-out", dir), wrong...)...); err == nil {
			t.Errorf("%q: no error", wrong)
		}
		if _, err := os.Stat(filepath.Join(dir, train.ModelFile)); err != nil {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// tooSmall writes a dataset of two 2×2 images, which no convolution fits.
func tooSmall(t *testing.T, dir string) {
	t.Helper()
	err := os.Mkdir(dir, 0o755)
	for _, part := range []string{"train", "t10k"} {
		err = errors.Join(err,
			os.WriteFile(filepath.Join(dir, part+"-images-idx3-ubyte"), []byte("\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x0212345678"), 0o644),
			os.WriteFile(filepath.Join(dir, part+"-labels-idx1-ubyte"), []byte("\x00\x00\x08\x01\x00\x00\x00\x02\x00\x01"), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestResume: two epochs, and two more, are four.
func TestResume(t *testing.T) {
	dir, straight := filepath.Join(t.TempDir(), "x"), filepath.Join(t.TempDir(), "y")
	four := quick(t, "-epochs", "4")
	trained(t, quick(t, "-epochs", "2", "-out", dir)...)
	out := trained(t, append(four, "-resume", "-out", dir)...)
	if strings.Contains(out, "moved") || strings.Contains(out, "epoch 2/4") || !strings.Contains(out, "epoch 3/4") || !strings.Contains(out, "epoch 4/4") {
		t.Errorf("printed %s, want epochs 3 and 4", out)
	}
	trained(t, append(four, "-out", straight)...)
	if !bytes.Equal(read(t, dir, train.ModelFile), read(t, straight, train.ModelFile)) {
		t.Error("the model is not that of four epochs at once")
	}
	if want := "going on with " + dir + " in epoch 3\n"; !strings.Contains(out, want) {
		t.Errorf("printed %s, want %q", out, want)
	}
	before := read(t, dir, train.CheckpointFile)
	for _, epochs := range []string{"4", "3"} { // nothing left to do
		out = trained(t, append(four, "-resume", "-out", dir, "-epochs", epochs)...)
		if want := dir + " has completed epoch 4: a larger -epochs goes on\n"; !strings.Contains(out, want) {
			t.Errorf("-epochs %s printed %s, want %q", epochs, out, want)
		}
	}
	if !bytes.Equal(read(t, dir, train.CheckpointFile), before) {
		t.Error("resuming a complete run changed its checkpoint")
	}
}

// TestNothingToResume: the error stands alone.
func TestNothingToResume(t *testing.T) {
	out, errs, err := trains(t, quick(t, "-resume", "-out", filepath.Join(t.TempDir(), "x"))...)
	if err == nil || !strings.Contains(err.Error(), "nothing to resume") || out != "" || errs != "" {
		t.Errorf("error %v after %q and %q, want nothing else", err, out, errs)
	}
}

func TestResumeAnotherRun(t *testing.T) {
	for _, tt := range [][2]string{
		{"-seed 2", "-seed 3"},
		{"-limit 180", "-limit 200 -val 0.1"}, // 180 training images each
		{"-data PICTURES -model resnet20 -height 8 -width 8", "-data PICTURES -model resnet20 -height 9 -width 9"},
	} {
		dir, images := filepath.Join(t.TempDir(), "x"), ""
		if strings.Contains(tt[0], "PICTURES") {
			images = pictures(t, 60)
		}
		args := func(flags string) []string {
			return append(quick(t, "-out", dir), strings.Fields(strings.ReplaceAll(flags, "PICTURES", images))...)
		}
		trained(t, args(tt[0])...)
		_, _, err := trains(t, append(args(tt[1]), "-resume", "-epochs", "2")...)
		if err == nil || !strings.Contains(err.Error(), "is of another run") {
			t.Errorf("%s after %s: error %v, want one that names the difference", tt[1], tt[0], err)
		}
	}
}

// TestResumeWithoutSettings: a run goes on whatever has become of its settings, which it
// does not need, and says where they are.
func TestResumeWithoutSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	trained(t, quick(t, "-epochs", "1", "-out", dir)...)
	file := filepath.Join(dir, configFile)
	if err := os.WriteFile(file, []byte{0, 'a', '\n', 0xff, '['}, 0o644); err != nil {
		t.Fatal(err)
	}
	out := trained(t, quick(t, "-epochs", "2", "-out", dir, "-resume")...)
	if want := "moved the earlier " + file + " to " + filepath.Join(dir, "config.1.toml") + ", as it cannot be read"; !strings.Contains(out, want) {
		t.Errorf("printed %s, want %q", out, want)
	}
	if s, err := readConfig(file); err != nil || s["epochs"] != int64(2) {
		t.Errorf("settings %v, error %v, want those of the run", s, err)
	}
}
