package infer

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/metric"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// labelled are images with classes.
type labelled struct {
	images  [][]float32
	classes []int
	failure error
}

func (l labelled) Len() int { return len(l.images) }

func (l labelled) Read(i int, x []float32) (int, error) {
	copy(x, l.images[i])
	return l.classes[i], l.failure
}

// hidden is a network whose last Dense reads 8 features, for 1×2×2 images.
var hidden = graph.Sequential{graph.Flatten{}, graph.Dense{Units: 8, Activation: graph.ReLU}, graph.Dense{Units: 3}}

// calibratable is a predictor of hidden with logits of some size, and images whose
// classes were drawn as its logits over the temperature say.
func calibratable(t testing.TB, n int, temperature float64) (*Predictor, weights.Model, labelled) {
	t.Helper()
	m := untrained(t, hidden, weights.Model{Input: [3]int{1, 2, 2}, Classes: []string{"a", "b", "c"}})
	for name, w := range m.Tensors {
		if name == "dense_1/weight" {
			for i, v := range w.Float32s() {
				w.Float32s()[i] = 20 * v
			}
		}
	}
	p, err := New(hidden, m)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 12))
	var l labelled
	for range n {
		x := make([]float32, 4)
		for i := range x {
			x[i] = r.Float32()
		}
		l.images = append(l.images, x)
	}
	logits, err := p.Logits(l.images)
	if err != nil {
		t.Fatal(err)
	}
	for _, probabilities := range softMax(logits, temperature) {
		u, k := r.Float32(), 0
		for ; k < 2 && u >= probabilities[k]; k++ {
			u -= probabilities[k]
		}
		l.classes = append(l.classes, k)
	}
	return p, m, l
}

// TestFit: the temperature is the one that the classes were drawn with, the network
// with it is calibrated, and of the held-out images the share passes, in batches of
// every size.
func TestFit(t *testing.T) {
	p, m, l := calibratable(t, 3000, 2)
	for _, score := range weights.Scores() {
		c := Calibration{Score: score, Share: 0.9, Known: l, Most: 200}
		f, err := c.Fit(context.Background(), p, l)
		if err != nil {
			t.Fatal(err)
		}
		if f.Temperature < 1.8 || f.Temperature > 2.2 || f.Images != 3000 {
			t.Errorf("%s: temperature %v of %d images, want about 2 of 3000", score, f.Temperature, f.Images)
		}
		if f.Before.ECE() < 0.05 || f.After.ECE() > 0.025 {
			t.Errorf("%s: ECE %v before and %v after, want 0.05 or more and 0.025 or less", score, f.Before.ECE(), f.After.ECE())
		}
		m.Temperature, m.Unknown = f.Temperature, f.Unknown
		q, err := New(hidden, m)
		if err != nil {
			t.Fatal(err)
		}
		r := predict(t, q, l.images)
		known := 0
		var probabilities [][]float32
		for _, r := range r {
			probabilities = append(probabilities, r.Probabilities)
			if !r.Unknown {
				known++
			}
		}
		if known < 2700 || known > 2750 {
			t.Errorf("%s: %d of 3000 held-out images are known, want 2700, or few more of equal score", score, known)
		}
		d, err := metric.Reliability(probabilities, l.classes, 15)
		if err != nil || math.Abs(d.ECE()-f.After.ECE()) > 1e-6 {
			t.Errorf("%s: ECE of the model is %v, %v, want %v as fitted", score, d.ECE(), err, f.After.ECE())
		}
		for i, x := range l.images[:20] {
			if one := predict(t, q, [][]float32{x})[0]; math.Abs(one.Score-r[i].Score) > 1e-5 {
				t.Errorf("%s: image %d has the score %v alone and %v among others", score, i, one.Score, r[i].Score)
			}
		}
		again, err := c.Fit(context.Background(), q, l)
		if err != nil || again.Temperature != f.Temperature || again.Unknown.Threshold != f.Unknown.Threshold {
			t.Errorf("%s: fitted again: %v, %+v, %v, want what it was", score, again.Temperature, again.Unknown, err)
		}
	}
}

// TestTemperature: the probabilities are SoftMax of the logits over the temperature;
// the classes, their order and the saliency stay, and a temperature of 1 changes no
// bit.
func TestTemperature(t *testing.T) {
	p, m, l := calibratable(t, 150, 1)
	plain := predict(t, p, l.images)
	logits, err := p.Logits(l.images)
	if err != nil {
		t.Fatal(err)
	}
	for _, temperature := range []float64{1, 0.4, 3} {
		m.Temperature = temperature
		q, err := New(hidden, m)
		if err != nil {
			t.Fatal(err)
		}
		if q.Temperature() != temperature {
			t.Errorf("temperature %v, want %v", q.Temperature(), temperature)
		}
		want := softMax(logits, temperature)
		for i, r := range predict(t, q, l.images) {
			if r.Class != plain[i].Class || temperature == 1 && !slices.Equal(r.Probabilities, plain[i].Probabilities) {
				t.Fatalf("temperature %v: %+v, without %+v", temperature, r, plain[i])
			}
			if r.Unknown || r.Score != 0 {
				t.Errorf("without a threshold: %+v", r)
			}
			for k, v := range r.Probabilities {
				if math.Abs(float64(v-want[i][k])) > 1e-6 {
					t.Errorf("temperature %v: image %d has %v, want %v", temperature, i, r.Probabilities, want[i])
				}
			}
		}
		was, err := p.Saliency(l.images[0], 1)
		if err != nil {
			t.Fatal(err)
		}
		is, err := q.Saliency(l.images[0], 1)
		if err != nil || !slices.Equal(was.Values, is.Values) {
			t.Errorf("temperature %v changes the saliency: %v, %v", temperature, is, err)
		}
	}
}

// TestFeaturesOfLayers: a Dense at the end reads vectors, a convolution images, of
// which the channels' means count.
func TestFeaturesOfLayers(t *testing.T) {
	zoo := func(name string) graph.Layer {
		spec, err := modelzoo.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		return spec.New(10)
	}
	brighter := graph.Conv2D{Filters: 6, Kernel: 3, Activation: graph.ReLU}
	for _, tt := range []struct {
		name  string
		layer graph.Layer
		width int
	}{
		{"cnn", zoo("cnn"), 128},
		{"fcnn", zoo("fcnn"), 312},
		{"a convolution at the end", graph.Sequential{brighter, graph.Conv2D{Filters: 10, Kernel: 1}, graph.GlobalAvgPool2D{}}, 6},
	} {
		m := untrained(t, tt.layer, weights.Model{Input: [3]int{1, 28, 28}, Classes: make([]string, 10)})
		p, err := New(tt.layer, m)
		if err != nil {
			t.Fatal(err)
		}
		x := slices.Repeat([]float32{0.1, 0.9}, 392)
		f, err := p.Features([][]float32{x, x, x})
		if err != nil {
			t.Fatal(err)
		}
		if len(f) != 3 || len(f[0]) != tt.width || slices.Max(f[0]) == 0 {
			t.Fatalf("%s: %d rows of %d features up to %v, want 3 of %d with some above 0", tt.name, len(f), len(f[0]), slices.Max(f[0]), tt.width)
		}
		for k := range f[0] {
			if math.Abs(float64(f[0][k]-f[2][k])) > 1e-5 {
				t.Errorf("%s: feature %d is %v and %v, want one number for equal images", tt.name, k, f[0][k], f[2][k])
			}
		}
	}
}

func TestEnsembleOfCalibrated(t *testing.T) {
	p, _, l := calibratable(t, 40, 1)
	threshold := func(value float64) *weights.Unknown {
		return &weights.Unknown{Score: weights.ScoreEnergy, Threshold: value}
	}
	calibrated := func(temperature float64, u *weights.Unknown) *Predictor {
		q, err := p.Calibrate(temperature, u)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	never, always := threshold(-1e9), threshold(1e9)
	for _, tt := range []struct {
		name    string
		members []*Predictor
		unknown bool
	}{
		{"no thresholds", []*Predictor{calibrated(2, nil), calibrated(1, nil)}, false},
		{"one of one", []*Predictor{calibrated(2, always), calibrated(1, nil), calibrated(1, nil)}, true},
		{"one of two", []*Predictor{calibrated(1, always), calibrated(1, never)}, false},
		{"two of three", []*Predictor{calibrated(1, always), calibrated(1, never), calibrated(3, always)}, true},
	} {
		e, err := NewEnsemble(tt.members...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Predict(l.images)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got {
			if r.Unknown != tt.unknown {
				t.Errorf("%s: image %d is unknown: %v, want %v", tt.name, i, r.Unknown, tt.unknown)
			}
		}
		mean := make([]float32, 3)
		for _, q := range tt.members {
			for k, v := range predict(t, q, l.images[:1])[0].Probabilities {
				mean[k] += v / float32(len(tt.members))
			}
		}
		if !slices.Equal(mean, got[0].Probabilities) {
			t.Errorf("%s: probabilities %v, want %v, the mean of the calibrated ones", tt.name, got[0].Probabilities, mean)
		}
	}
}

func TestCalibrationErrors(t *testing.T) {
	p, _, l := calibratable(t, 50, 1)
	fit := func(c Calibration, held Samples) error {
		_, err := c.Fit(context.Background(), p, held)
		return err
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, stopped := Calibration{}.Fit(ended, p, l)
	if !errors.Is(stopped, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", stopped)
	}
	broken := errors.New("broken disk")
	wrong := labelled{images: l.images[:1], classes: []int{3}}
	failing := labelled{images: l.images[:1], classes: []int{0}, failure: broken}
	other := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{1, 0}))
	_, widths := p.Score(l.images, &weights.Unknown{Score: weights.ScoreNeighbours, Neighbours: 1, Features: other})
	_, temperature := p.Calibrate(-1, nil)
	for _, tt := range []struct {
		err  error
		want string
	}{
		{stopped, "infer: stopped after 0 of 50 samples"},
		{fit(Calibration{}, labelled{}), "no samples"},
		{fit(Calibration{}, wrong), "sample 0 is of class 3, want 0 to 2"},
		{fit(Calibration{}, failing), "broken disk"},
		{fit(Calibration{Score: "luck"}, l), `score "luck", want one of`},
		{fit(Calibration{Score: weights.ScoreEnergy, Share: 2}, l), "share 2, want a number in 0..1"},
		{fit(Calibration{Score: weights.ScoreNeighbours}, l), "no known images"},
		{fit(Calibration{Score: weights.ScoreNeighbours, Known: labelled{}}, l), "want one or more"},
		{fit(Calibration{Score: weights.ScoreNeighbours, Known: l, Neighbours: 51}, l), "51 neighbours of 50 images"},
		{widths, "have 2 features, want 8"},
		{temperature, "temperature -1, want"},
	} {
		wantError(t, tt.err, "infer: ", tt.want)
	}
}
