package train

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/train/data/scenes"
)

// TestForSamples: few images get no epochs of two steps.
func TestForSamples(t *testing.T) {
	for _, tt := range []struct {
		n    int
		s    settings
		want settings
	}{
		{60000, settings{"batch": int64(128), "epochs": int64(30), "lr": 0.1, "optimizer": "sgd"}, settings{"batch": int64(128), "epochs": int64(30), "lr": 0.1, "optimizer": "sgd"}},
		{192, settings{"batch": int64(128), "epochs": int64(30), "lr": 0.1, "optimizer": "sgd"}, settings{"batch": int64(16), "epochs": int64(50), "lr": 0.0125, "optimizer": "sgd"}},
		{192, settings{"batch": int64(32), "epochs": int64(60), "lr": 0.003, "optimizer": "adam"}, settings{"batch": int64(16), "epochs": int64(60), "lr": 0.003, "optimizer": "adam"}},
		{6, settings{"batch": int64(32), "epochs": int64(10)}, settings{"batch": int64(8), "epochs": int64(100)}},
		{192, settings{"model": "own"}, settings{"model": "own"}},
	} {
		if got := maps.Clone(tt.s).forSamples(tt.n); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%v for %d images gives %v, want %v", tt.s, tt.n, got, tt.want)
		}
	}
}

// TestPhotographs: a folder of photographs alone chooses the network, the size and the
// run's folder; config.toml has the choice, and repeats the run.
func TestPhotographs(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := scenes.Write("places", scenes.Classes, 3, 1); err != nil {
		t.Fatal(err)
	}
	out := trained(t, "-data", "places", "-epochs", "1", "-report=false")
	for _, want := range []string{
		"12 photographs, 4 classes: resnet20 of (3,64,64), 1 epochs of 1 batches of 8, into " + filepath.Join("runs", "places") + "\n",
		"-augment resizedcrop,flip,jitter", "places: 8 training and 4 test images of (3,64,64), 4 classes",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	config := filepath.Join("runs", "places", "config.toml")
	text, err := os.ReadFile(config)
	if err != nil || !strings.Contains(string(text), `model = "resnet20"`) {
		t.Fatalf("config.toml %s, %v, want the network", text, err)
	}
	again := trained(t, "-config", config, "-out", "again", "-report=false")
	if sum(out) == "" || sum(out) != sum(again) {
		t.Errorf("the run's hash %q, repeated %q", sum(out), sum(again))
	}
	out = trained(t, "-data", "places", "-model", "cnn", "-height", "32", "-epochs", "1", "-report=false")
	if !strings.Contains(out, "images of (3,32,32)") || strings.Contains(out, "photographs") {
		t.Errorf("with a network that is named: %q", out)
	}
}

// sum is the hash that a run prints.
func sum(out string) string {
	_, after, _ := strings.Cut(out, "sha256 of weights and optimizer: ")
	line, _, _ := strings.Cut(after, "\n")
	return line
}
