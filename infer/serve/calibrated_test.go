package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/graph/metric"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo/open"
)

// calibrate gives a saved model a temperature, and a threshold between the scores of
// the pictures if it is to have one.
func calibrate(t *testing.T, dir string, x [][]float32, threshold bool) *infer.Predictor {
	t.Helper()
	path := filepath.Join(dir, open.ModelFile)
	m, err := weights.LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	m.Temperature = 0.25
	if threshold {
		p, err := infer.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		u := &weights.Unknown{Score: weights.ScoreEnergy, Share: 0.5}
		scores, err := p.Score(x, u)
		if err != nil {
			t.Fatal(err)
		}
		u.Threshold = metric.Threshold(scores, 0.5) - 1e-6
		m.Unknown = u
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	p, err := infer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCalibratedProbabilities: all ways to ask give those of the temperature in the
// model's file.
func TestCalibratedProbabilities(t *testing.T) {
	dir, x := filepath.Join(t.TempDir(), "cnn"), pictures(5)
	save(t, dir, "cnn", 1)
	before := predictions(t, dir, x...)
	p := calibrate(t, dir, x, false)
	s := start(t, func(c *Config) { c.Model = dir })
	want, err := p.Predict(x)
	if err != nil {
		t.Fatal(err)
	}
	if near(want[0].Probabilities, before[0]) == nil {
		t.Fatal("the temperature changes nothing")
	}
	var v2 answerV2
	strict(t, ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(bodyV2(x...))).Body.Bytes(), &v2)
	var nested []any
	for _, image := range x {
		nested = append(nested, []any{slices.Collect(slices.Chunk(image, 28))})
	}
	images, err := json.Marshal(map[string]any{"instances": nested})
	if err != nil {
		t.Fatal(err)
	}
	var v1 struct {
		Predictions [][]float32 `json:"predictions"`
	}
	strict(t, ask(t, s, "POST", "/v1/models/cnn:predict", bytes.NewReader(images)).Body.Bytes(), &v1)
	if len(v1.Predictions) != len(x) || len(v2.Outputs) != 1 || len(v2.Outputs[0].Data) != 10*len(x) {
		t.Fatalf("answers of %d and %d images, want %d", len(v1.Predictions), len(v2.Outputs), len(x))
	}
	for i, r := range want {
		if err := near(v1.Predictions[i], r.Probabilities); err != nil {
			t.Errorf("version 1, image %d: %v", i, err)
		}
		if err := near(v2.Outputs[0].Data[10*i:][:10], r.Probabilities); err != nil {
			t.Errorf("version 2, image %d: %v", i, err)
		}
	}
	classified := ask(t, s, "POST", "/classify", bytes.NewReader(pngFile(t, drawing()))).Body.Bytes()
	drawn, err := p.PredictImages(drawing())
	if err != nil {
		t.Fatal(err)
	}
	var a classAnswer
	strict(t, classified, &a)
	if err := near(a.Probabilities, drawn[0].Probabilities); err != nil || a.Unknown != nil || a.Score != nil || bytes.Contains(classified, []byte("unknown")) {
		t.Errorf("/classify answers %s (%v), want %v and nothing about a threshold", classified, err, drawn[0])
	}
}

// TestUnknown: /classify and /explain say whether a picture is of no class; version 2
// of the protocol does so for a request that names these outputs, and is otherwise as
// without a threshold.
func TestUnknown(t *testing.T) {
	root, x := t.TempDir(), pictures(6)
	dir, plain := filepath.Join(root, "judge", "1"), filepath.Join(root, "plain", "judge", "1")
	save(t, dir, "cnn", 1)
	save(t, plain, "cnn", 1)
	p := calibrate(t, dir, x, true)
	calibrate(t, plain, x, false)
	want, err := p.Predict(x)
	if err != nil {
		t.Fatal(err)
	}
	unknown := 0
	for _, r := range want {
		if r.Unknown {
			unknown++
		}
	}
	if unknown != 3 {
		t.Fatalf("%d of 6 images are unknown, want 3", unknown)
	}
	s, without := start(t, func(c *Config) { c.Models = root }), start(t, func(c *Config) { c.Models = filepath.Join(root, "plain") })
	body := bodyV2(x...)
	got, same := ask(t, s, "POST", "/v2/models/judge/infer", strings.NewReader(body)), ask(t, without, "POST", "/v2/models/judge/infer", strings.NewReader(body))
	if got.Body.String() != same.Body.String() {
		t.Errorf("version 2 answers %s, want %s as without a threshold", got.Body, same.Body)
	}
	named := strings.Replace(body, `{"id"`, `{"outputs":[{"name":"unknown"},{"name":"score"}],"id"`, 1)
	var a struct {
		Outputs []struct {
			Name, Datatype string
			Shape          []int
			Data           []any
		}
	}
	if err := json.Unmarshal(ask(t, s, "POST", "/v2/models/judge/infer", strings.NewReader(named)).Body.Bytes(), &a); err != nil || len(a.Outputs) != 2 {
		t.Fatalf("%+v, %v, want two outputs", a, err)
	}
	for k, o := range a.Outputs {
		if kind := []string{"unknown BOOL", "score FP64"}[k]; o.Name+" "+o.Datatype != kind || !slices.Equal(o.Shape, []int{6}) || len(o.Data) != 6 {
			t.Fatalf("output %+v, want %s of 6", o, kind)
		}
	}
	for i, r := range want {
		if a.Outputs[0].Data[i] != r.Unknown || fmt.Sprint(a.Outputs[1].Data[i]) != fmt.Sprint(r.Score) {
			t.Errorf("image %d: %v with %v, want %v with %v", i, a.Outputs[0].Data[i], a.Outputs[1].Data[i], r.Unknown, r.Score)
		}
	}
	wantFailure(t, ask(t, without, "POST", "/v2/models/judge/infer", strings.NewReader(named)), 400, `output "unknown", want "output"`)
	metadata := ask(t, s, "GET", "/v2/models/judge", nil).Body.String()
	if !strings.Contains(metadata, `{"name":"unknown","datatype":"BOOL","shape":[-1]},{"name":"score","datatype":"FP64","shape":[-1]}`) {
		t.Errorf("metadata %s, want the two outputs", metadata)
	}
	drawn, err := p.PredictImages(drawing())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/classify?model=judge", "/explain?model=judge"} {
		w := ask(t, s, "POST", path, bytes.NewReader(pngFile(t, drawing())))
		var c struct {
			Unknown *bool
			Score   *float64
		}
		if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || c.Unknown == nil || c.Score == nil || *c.Unknown != drawn[0].Unknown || *c.Score != drawn[0].Score {
			t.Errorf("%s answers %s (%v), want unknown %v and score %v", path, w.Body, err, drawn[0].Unknown, drawn[0].Score)
		}
	}
}
