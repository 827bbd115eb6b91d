package search

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// known are settings as train has them.
var known = settings{
	"lr": 0.002, "batch": int64(32), "optimizer": "adam", "normalise": false, "epochs": int64(10), "seed": int64(1),
	"val": 0.0, "data": "mnist", "unfreeze": "", "unfreeze-epochs": int64(10), "lanes": int64(0), "patience": int64(0),
}

// file writes a space.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "space.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadSpace(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown", "dropout = [0.1]", `no setting "dropout", want some of batch, data, epochs, lanes, lr, `},
		{"one value", "lr = 0.1", "lr = 0.1, want a list of values or a range, as in lr = [0.1] or lr = {min = 1, max = 2}"},
		{"no value", "lr = []", "lr = [], want one value at least"},
		{"text for a number", `lr = [0.1, "high"]`, `lr = ["high"], want values like its default, 0.002`},
		{"number for text", "optimizer = [1]", `optimizer = [1], want values like its default, "adam"`},
		{"parts of a batch", "batch = [16, 16.5]", "batch = [16.5], want values like its default, 32"},
		{"twice", "batch = [16, 16]", "batch has 16 twice, want values that differ"},
		{"no end", "lr = {min = 1}", "lr: a range from min = 1 to max = NaN, want both, and max above min"},
		{"backwards", "lr = {min = 1, max = 0.5}", "lr: a range from min = 1 to max = 0.5, want both, and max above min"},
		{"not finite", "lr = {min = 1, max = inf}", "lr: a range from min = 1 to max = +Inf, want both, and max above min"},
		{"unknown key", "lr = {min = 1, max = 2, log = true}", `lr: no key "log", want min, max, and perhaps step or scale = "log"`},
		{"unknown scale", `lr = {min = 1, max = 2, scale = "ln"}`, `lr: scale = "ln", want "log" or "linear"`},
		{"min in words", `lr = {min = "1", max = 2}`, `lr: min = "1", want a number`},
		{"logarithm of zero", `lr = {min = 0, max = 2, scale = "log"}`, `lr: min = 0 with scale = "log", want a number above 0`},
		{"steps of a logarithm", `lr = {min = 1, max = 2, step = 1, scale = "log"}`, `lr: step with scale = "log", want one of the two, or a list of values`},
		{"long step", "lr = {min = 1, max = 2, step = 3}", "lr: step = 3, want a number above 0 that is at most max - min"},
		{"range of parts", "batch = {min = 1.5, max = 3}", "batch: min = 1.5, max = 3, step = 0, want whole numbers"},
		{"large", "batch = {min = 1, max = 9007199254740993}", "batch: min = 1, max = 9.007199254740992e+15, want smaller numbers"},
		{"range of text", "optimizer = {min = 1, max = 2}", `optimizer with a range, want a list of values like its default, "adam"`},
		{"other images", "seed = [1, 2]", "seed in a space, want it behind --, as in -- -seed VALUE: trials are judged on the same images"},
		{"nothing varies", "lr = [0.1]", " has one value for each setting, want one setting at least with several"},
		{"empty", "", " has no setting, want one at least, as in lr = "},
		{"no TOML", "batch = [1, 2]\nlr = [", ", line 2: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := file(t, tt.text)
			_, err := readSpace(path, known)
			if err == nil || !strings.HasPrefix(err.Error(), "search: ") || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := readSpace("nowhere.toml", known); err == nil || !strings.Contains(err.Error(), "nowhere.toml") {
		t.Errorf("error %v, want that there is no file", err)
	}
}

// TestDraw: what is drawn is in the space, all of it comes, and the first trials do not
// depend on how many there are.
func TestDraw(t *testing.T) {
	space, err := readSpace(file(t, `
batch = {min = 16, max = 128, step = 16}
epochs = {min = 1, max = 3}
lr = {min = 1e-4, max = 1e-2, scale = "log"}
optimizer = ["adam", "sgd"]
normalise = [true, false]
`), known)
	if err != nil {
		t.Fatal(err)
	}
	trials := drawTrials(space, 400, 1)
	seen, below := map[string]bool{}, 0
	for _, s := range trials {
		if n := s["batch"].(int64); n < 16 || n > 128 || n%16 != 0 {
			t.Errorf("batch %d, want a multiple of 16 up to 128", n)
		}
		if lr := s["lr"].(float64); lr < 1e-4 || lr > 1e-2 || len(strings.TrimLeft(fmt.Sprint(lr), "0.")) > 3 && lr >= 1e-3 {
			t.Errorf("rate %v, want three digits from 1e-4 to 1e-2", lr)
		} else if lr < 1e-3 {
			below++
		}
		for _, name := range []string{"batch", "epochs", "optimizer", "normalise"} {
			seen[fmt.Sprint(name, s[name])] = true
		}
	}
	if len(trials) != 400 || len(seen) != 8+3+2+2 {
		t.Errorf("%d trials with %d values (%v), want 400 with 15", len(trials), len(seen), seen)
	}
	if math.Abs(float64(below)-200) > 40 {
		t.Errorf("%d of 400 rates below 1e-3, want about half of them", below)
	}
	if few := drawTrials(space, 7, 1); !reflect.DeepEqual(few, trials[:7]) {
		t.Errorf("7 trials are %v, want the first of 400, %v", few, trials[:7])
	}
	if reflect.DeepEqual(drawTrials(space, 7, 2), trials[:7]) {
		t.Error("another seed draws the same")
	}
}

// TestDrawAll: a small space is drawn whole, each trial once.
func TestDrawAll(t *testing.T) {
	space, err := readSpace(file(t, "batch = [16, 32, 64]\nnormalise = [true, false]"), known)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range drawTrials(space, 20, 1) {
		seen[fmt.Sprint(s)] = true
	}
	if n := len(drawTrials(space, 20, 1)); n != 6 || len(seen) != 6 {
		t.Errorf("%d trials, %d of them different, want 6", n, len(seen))
	}
}

func TestRungs(t *testing.T) {
	for _, tt := range []struct {
		n, eta, epochs int
		want           []rung
		cost           int
	}{
		{20, 0, 10, []rung{{20, 0}}, 0},
		{27, 3, 27, []rung{{27, 1}, {9, 3}, {3, 9}, {1, 27}}, 27 + 18 + 18 + 18},
		{20, 3, 27, []rung{{20, 1}, {6, 3}, {2, 9}, {1, 27}}, 20 + 12 + 12 + 18},
		{8, 2, 10, []rung{{8, 2}, {4, 3}, {2, 5}, {1, 10}}, 16 + 4 + 4 + 5},
		{20, 3, 3, []rung{{20, 1}, {6, 3}}, 20 + 12},
		{9, 3, 1, []rung{{9, 1}}, 9},
		{1, 2, 5, []rung{{1, 5}}, 5},
		{4, 100, 50, []rung{{4, 1}, {1, 50}}, 4 + 49},
	} {
		got := rungs(tt.n, tt.eta, tt.epochs)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%d trials, 1/%d, %d epochs: %v, want %v", tt.n, tt.eta, tt.epochs, got, tt.want)
		}
		if c := cost(got); tt.eta > 0 && c != tt.cost {
			t.Errorf("%v cost %d epochs, want %d", got, c, tt.cost)
		}
	}
}
