package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph/metric"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/data"
)

// carded is the model card of a run in a folder.
func carded(t *testing.T, dir string, d data.Dataset, change func(*weights.Model), tested bool) string {
	t.Helper()
	net := trained(t, dir, convNet(len(d.Classes)), d).Network
	path := filepath.Join(dir, train.ModelFile)
	m, err := weights.LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	if change(&m); m.Save(path) != nil {
		t.Fatal("the model cannot be saved")
	}
	r, err := New(t.Context(), dir, net, d)
	if err != nil {
		t.Fatal(err)
	}
	if tested {
		r.Tested(0.25, 0.8125)
	}
	file := filepath.Join(t.TempDir(), CardFile)
	if err := r.SaveCard(file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCard holds what a card says of a run, and that it has no path of the machine.
func TestCard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "first")
	card := carded(t, dir, blobSet([3]int{1, 6, 5}, "ant", "bee", "cat"), func(*weights.Model) {}, false)
	has(t, card, "give the same weights, bit for bit.\n", "# Model card: first\n", "which of 3 classes", "- network: tiny\n", "images of 5×6 pixels, one channel, grey", "147 parameters and 6 values of state",
		"| conv2d | (N,3,4,3) | 30 | 324 |", "- dataset: blobs\n- 60 images\n- 45 more images are its test part", "epochs: 2; seed: 3", "on the 45 test images:",
		"macro mean of the classes' AUC: 0.", "calibration error (ECE, 15 bins)", "| ant | 20 | 15 | ", "its strokes become light on black",
		"It knows only these 3 classes, and names one of them whatever a picture shows.", "There are fewer than 30 test images of every class",
		"go run ./cmd/infer -model first -cam where.png", "go run ./cmd/robust -model first`", "infer.Load(\"first\")")
	hasNot(t, card, filepath.Dir(dir), "NaN", "%!", "temperature", "under attack", "own test part")
	if strings.Contains(card, "\n\n\n") {
		t.Error("empty lines follow each other")
	}
}

// TestCardOfCalibrated: a temperature, a threshold and a result of the test part are said, and what
// they were fitted on.
func TestCardOfCalibrated(t *testing.T) {
	d := blobSet([3]int{3, 6, 5}, "ant", "bee", "cat")
	d.HeldOut, d.Preprocessing = true, raster.Preprocessing{Fit: raster.Crop, Shorter: 8}
	card := carded(t, t.TempDir(), d, func(m *weights.Model) {
		m.Temperature, m.Unknown = 2, &weights.Unknown{Score: weights.ScoreEnergy, Threshold: 0.5, Share: 0.95}
	}, true)
	has(t, card, "45 more images were held out of its training part, for validation", "on the 45 validation images:", "probabilities without the temperature:",
		"probabilities at the temperature 2.000", "these very ones", "where the score energy is below 0.5, which 95.0 % of the validation images reach",
		"On the dataset's own test part, which was not used before: accuracy 81.2 %, loss 0.2500.", "its shorter side is scaled to 8 pixels, and the middle of 5×6 pixels is taken")
}

// TestCardHostile: names stay text and rows stay rows.
func TestCardHostile(t *testing.T) {
	d := blobSet([3]int{1, 6, 5}, "<script>", "a|b\n# c", "`*_")
	d.Name = "[x](y)"
	dir := filepath.Join(t.TempDir(), "a `b` $(c)")
	card := carded(t, dir, d, func(*weights.Model) {}, false)
	has(t, card, "&lt;script\\>", `| a\|b \# c |`, "\\`\\*\\_", `\[x\](y)`, `-model 'a ?b? $(c)'`)
	hasNot(t, card, "<script>", "\n# c")
}

// TestLimits: they follow from the numbers alone.
func TestLimits(t *testing.T) {
	c := card{
		Dir: "x", Part: "test", Classes: []string{"a", "b", "c"}, Images: 200, confusion: metric.Confusion{{100, 0, 0}, {10, 80, 0}, {5, 0, 5}},
		trained: []int{900, 800, 0}, tested: []int{100, 90, 10},
	}
	c.Accuracy = c.confusion.Accuracy()
	text := strings.Join(c.limits(), "\n")
	has(t, text, "weaker than on average at finding c (50.0 %; 5 of 10), b (88.9 %; 80 of 90).", "to take b for a (10 of 90), c for a (5 of 10).",
		"fewer than 30 test images of c: numbers", "from 0 to 900 images", "It has never seen c: there are no training images.")
	c.confusion, c.trained, c.tested = metric.Confusion{{100, 0, 0}, {0, 50, 0}, {0, 0, 50}}, []int{10, 10, 10}, []int{100, 50, 50}
	c.Accuracy = 1
	text = strings.Join(c.limits(), "\n")
	has(t, text, "On its 200 images it makes no mistake")
	hasNot(t, text, "weaker", "mistakes", "fewer", "uneven", "never")
}
