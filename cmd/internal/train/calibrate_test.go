package train

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/train"
	"tapenet/train/data"
)

// TestCalibrate: a model is calibrated on what -val holds out, at the end of its run
// or later; without the flag, and when it goes on training, its file says nothing.
func TestCalibrate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := func(more ...string) []string {
		return quick(t, append([]string{"-limit", "1000", "-val", "0.4", "-epochs", "3", "-lr", "0.004", "-normalise", "-report=false", "-out", dir}, more...)...)
	}
	trained(t, args()...)
	path := filepath.Join(dir, train.ModelFile)
	if m, err := weights.LoadModel(path); err != nil || m.Temperature != 0 || m.Unknown != nil {
		t.Fatalf("without -calibrate: temperature %v, %+v, %v", m.Temperature, m.Unknown, err)
	}
	settings, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil || strings.Contains(string(settings), "calibrate") {
		t.Errorf("settings %s, %v, want none about calibration", settings, err)
	}
	out := trained(t, args("-resume", "-unknown", "neighbours:0.9")...)
	said := regexp.MustCompile(`calibrated on the (399|400|401) validation images: temperature \d\.\d{3}, calibration error \d+\.\d\d %, without \d+\.\d\d %\n` +
		`images with a score \(neighbours\) below \d(\.\d+)? are none of the classes; 90 % of the validation images reach it\n`)
	if !said.MatchString(out) {
		t.Errorf("printed\n%s\nwant %s", out, said)
	}
	held, known := heldOut(t, path)
	if share := float64(known) / float64(held); share < 0.9 || share > 0.92 {
		t.Errorf("%d of %d held-out images are known, want 90 %%", known, held)
	}
	trained(t, args("-resume", "-calibrate")...)
	if m, err := weights.LoadModel(path); err != nil || m.Temperature <= 0 || m.Temperature == 1 || m.Unknown != nil {
		t.Errorf("with -calibrate: temperature %v, %+v, %v, want one without a threshold", m.Temperature, m.Unknown, err)
	}
	trained(t, args("-resume", "-epochs", "4")...)
	if m, err := weights.LoadModel(path); err != nil || m.Temperature != 0 || m.Epoch != 4 {
		t.Errorf("after another epoch: temperature %v, epoch %d, %v, want none of other weights", m.Temperature, m.Epoch, err)
	}
}

// heldOut is how many images -val held out, and how many of them the model knows.
func heldOut(t *testing.T, path string) (held, known int) {
	t.Helper()
	p, err := infer.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(digits(t))
	if err != nil {
		t.Fatal(err)
	}
	d.Train = data.Limit(d.Train, 1000)
	if d, err = data.Split(d, 0.4, 1, true); err != nil {
		t.Fatal(err)
	}
	var images [][]float32
	for i := range d.Test.Len() {
		x := make([]float32, 784)
		if _, err := d.Test.Read(i, x); err != nil {
			t.Fatal(err)
		}
		images = append(images, x)
	}
	predictions, err := p.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range predictions {
		if !r.Unknown {
			known++
		}
	}
	return len(predictions), known
}

func TestCalibrateUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"-calibrate", "want -val too"},
		{"-unknown energy", "want -val too"},
		{"-val 0.1 -unknown luck", "-unknown luck, want one of probability, energy, neighbours"},
		{"-val 0.1 -unknown energy:", "-unknown energy:, want one of"},
		{"-val 0.1 -unknown energy:0", "-unknown energy:0, want one of"},
		{"-val 0.1 -unknown energy:2", "-unknown energy:2, want one of"},
	} {
		_, _, err := trains(t, strings.Fields(tt.args)...)
		var usage cli.UsageError
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.args, err, tt.want)
		}
		if !errors.As(err, &usage) {
			t.Errorf("%s: error %v is none of the command line", tt.args, err)
		}
	}
}
