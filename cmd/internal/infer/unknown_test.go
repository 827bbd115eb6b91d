package infer

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/graph/metric"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// judging saves the trained model with a threshold that half of the pictures pass,
// and says which do not.
func judging(t *testing.T, files []string) (model string, unknown []bool) {
	t.Helper()
	m, err := weights.LoadModel(filepath.Join(trained(t), "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := infer.Load(trained(t))
	if err != nil {
		t.Fatal(err)
	}
	n, err := load(trained(t), "", 8)
	if err != nil {
		t.Fatal(err)
	}
	var pixels [][]float32
	for _, file := range files {
		x, _, err := reader{pixels: n.Pixels}.read(file)
		if err != nil {
			t.Fatal(err)
		}
		pixels = append(pixels, x)
	}
	m.Unknown = &weights.Unknown{Score: weights.ScoreEnergy, Share: 0.5}
	scores, err := p.Score(pixels, m.Unknown)
	if err != nil {
		t.Fatal(err)
	}
	m.Unknown.Threshold = metric.Threshold(scores, 0.5) - 1e-4
	strange := 0
	for _, s := range scores {
		if unknown = append(unknown, s < m.Unknown.Threshold); s < m.Unknown.Threshold {
			strange++
		}
	}
	if strange == 0 || strange == len(files) {
		t.Fatalf("%d of %d pictures are below the threshold, want some", strange, len(files))
	}
	model = filepath.Join(t.TempDir(), "judge.safetensors")
	if err := m.Save(model); err != nil {
		t.Fatal(err)
	}
	return model, unknown
}

// TestNoneOfThese: each way of printing says which pictures are of no class; without a
// threshold none has a word about it.
func TestNoneOfThese(t *testing.T) {
	files, _ := pictures(t, 12)
	model, unknown := judging(t, files)
	printed := func(args ...string) string {
		t.Helper()
		out, errs, err := classified(t, append(args, files...)...)
		if err != nil || errs != "" {
			t.Fatalf("%v: error %v, stderr %q", args, err, errs)
		}
		return out
	}
	lines := strings.Split(printed("-model", model), "\n")
	objects := strings.Split(printed("-model", model, "-json"), "\n")
	votes := strings.Split(printed("-model", model+","+trained(t), "-json"), "\n")
	table, err := csv.NewReader(strings.NewReader(printed("-model", model, "-csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if head := strings.Join(table[0][:4], " "); head != "file class unknown 0" {
		t.Errorf("columns %s, want file class unknown 0 …", head)
	}
	for i, want := range unknown {
		if strings.Contains(lines[i], ": none of these  (") != want || !strings.Contains(lines[i], " %, ") {
			t.Errorf("line %q, want none of these: %v, and probabilities", lines[i], want)
		}
		for _, text := range []string{objects[i], votes[i]} {
			var o struct {
				Class         string
				Probabilities []float32
				Unknown       *bool
			}
			if err := json.Unmarshal([]byte(text), &o); err != nil || o.Unknown == nil || *o.Unknown != want || o.Class == "" || len(o.Probabilities) != 10 {
				t.Errorf("%s (%v), want unknown %v", text, err, want)
			}
		}
		if table[i+1][2] != fmt.Sprint(want) || len(table[i+1]) != 13 {
			t.Errorf("row %v, want unknown %v", table[i+1], want)
		}
	}
	for _, format := range []string{"-top=3", "-json", "-csv"} {
		if out := printed("-model", trained(t), format); strings.Contains(out, "unknown") || strings.Contains(out, noClass) {
			t.Errorf("%s without a threshold prints %s", format, out)
		}
	}
}

// TestEvaluateUnknown: an evaluation counts the images of no class.
func TestEvaluateUnknown(t *testing.T) {
	files, _ := pictures(t, 40)
	model, unknown := judging(t, files)
	strange := 0
	for _, u := range unknown {
		if u {
			strange++
		}
	}
	dir := idx(t, 40, 10)
	out, _, err := classified(t, "-model", model, "-data", dir)
	if want := fmt.Sprintf("\nnone of these: %d of 40 images (%.1f %%)", strange, 2.5*float64(strange)); err != nil || !strings.Contains(out, want) {
		t.Errorf("printed %s (%v), want %s", out, err, want)
	}
	var e struct{ Unknown *int }
	out, _, err = classified(t, "-model", model, "-data", dir, "-json")
	if err := json.Unmarshal([]byte(out), &e); err != nil || e.Unknown == nil || *e.Unknown != strange {
		t.Errorf("%s (%v), want %d unknown", out, err, strange)
	}
	if err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{}, {"-json"}} {
		out, _, err := classified(t, append(args, "-model", trained(t), "-data", dir)...)
		if err != nil || strings.Contains(out, "unknown") || strings.Contains(out, noClass) {
			t.Errorf("%v without a threshold prints %s (%v)", args, out, err)
		}
	}
}
