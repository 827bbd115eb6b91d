// Package infer uses trained networks.
//
//	p, err := infer.Load("runs/cnn")
//	predictions, err := p.PredictImages(img)
//	fmt.Println(predictions[0].Label)
//
// It links no training code.
package infer

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/modelzoo/open"
)

// Predictor classifies images with one trained network. It is safe for
// concurrent use.
type Predictor struct {
	Input   [3]int   // channels, height, width of an image
	Classes []string // the name of each class

	preprocessing raster.Preprocessing
	models        *models
	thresholds    []float64        // nil for images of one class each
	temperature   float64          // 0 means 1
	unknown       *weights.Unknown // nil for never
	score         score            // of unknown, nil without
	products      *models          // that score computes with, nil without
	notes         []string
}

// Prediction is what the network thinks of one image.
type Prediction struct {
	Class         int       // the most probable one
	Label         string    // its name
	Probabilities []float32 // of all classes

	// Labels are the names of the image's classes, for a model whose images may have several,
	// see Predictor.Thresholds; Label has all of them, with semicolons between.
	Labels []string

	// For a model with a threshold, see Predictor.Unknown:
	Unknown bool    // the image is none of the classes, however probable one of them is
	Score   float64 // how well the network knows the image, the larger the better
}

// Load reads a trained network: a run's folder, or a file of any format that
// open.Open knows, among them ONNX and Keras. What a foreign file does not say has a
// default: see [Predictor.Notes].
func Load(path string) (*Predictor, error) { return LoadOutput(path, "") }

// LoadOutput is [Load] for another output of an ONNX file than its first.
func LoadOutput(path, output string) (*Predictor, error) {
	m, err := open.Options{Output: output}.Open(path)
	if err == nil {
		err = m.Classifier()
	}
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	return of(m)
}

// of is the predictor of a model that classifies.
func of(m open.Model) (*Predictor, error) {
	layer, err := m.Network()
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	p, err := newPredictor(layer, m.Model)
	if err != nil {
		return nil, fmt.Errorf("infer: %s: %w", m.Path, err)
	}
	p.notes = m.Notes
	return p, nil
}

// Preprocessing is what a picture goes through on its way into the network. Nobody
// changes its slices.
func (p *Predictor) Preprocessing() raster.Preprocessing { return p.preprocessing }

// Notes say, a line each, what the model's file left open about its input and its
// classes, and what was taken for it.
func (p *Predictor) Notes() []string { return slices.Clone(p.notes) }

// New returns a predictor for a network of your own, with a copy of the weights of
// m: they may be those of a network that goes on training.
func New(l graph.Layer, m weights.Model) (*Predictor, error) {
	m.Tensors = maps.Clone(m.Tensors)
	for name, t := range m.Tensors {
		if t != nil {
			m.Tensors[name] = t.Clone().(*tensor.Dense)
		}
	}
	return newPredictor(l, m)
}

// newPredictor is New with the weights of m themselves, which nobody changes any
// more.
func newPredictor(l graph.Layer, m weights.Model) (*Predictor, error) {
	var loss graph.Loss = graph.CrossEntropy{Temperature: m.Temperature}
	if m.Thresholds != nil {
		loss = graph.BinaryCrossEntropy{}
	}
	p, one, err := prepare(l, m, loss)
	if err != nil {
		return nil, err
	}
	if out := one.OutputShape(); len(out) != 2 || out[1] != len(m.Classes) {
		return nil, fmt.Errorf("infer: the network's output is %v, want (1,%d) for the classes %v", out, len(m.Classes), m.Classes)
	}
	if p.thresholds = m.Thresholds; p.thresholds != nil {
		return p, nil
	}
	return p.Calibrate(m.Temperature, m.Unknown)
}

// prepare builds a network whose output may be anything, and for which loss says what
// its prediction is, for one image.
func prepare(l graph.Layer, m weights.Model, loss graph.Loss) (p *Predictor, one *graph.Model, err error) {
	if err := m.Preprocessing.Check(m.Input[0], m.Input[1], m.Input[2]); err != nil {
		return nil, nil, fmt.Errorf("infer: %w", err)
	}
	w, o := &graph.Weights{From: m.Tensors}, graph.Options{Fixed: true, Loss: loss}
	o.Weights = w
	if available, known := memory.Available(); known {
		o.MaxMemory = max(1, available)
	}
	net, err := graph.NewNetwork(l, m.Input[:], o)
	if err != nil {
		return nil, nil, err
	}
	if len(m.Tensors) != len(w.Names()) { // Load says which is one too many, or missing
		return nil, nil, w.Load(m.Tensors)
	}
	w.From = nil
	if one, err = net.Model(graph.Infer, 1); err != nil {
		return nil, nil, err
	}
	p = &Predictor{
		Input: m.Input, Classes: slices.Clone(m.Classes), preprocessing: m.Preprocessing,
		models: newModels(l, net.Weights, m, one),
	}
	p.models.loss = loss
	return p, one, nil
}

// Calibrate returns a predictor of the same network on the same weights with another
// temperature, where 0 means 1, and another threshold for images of no class, nil for
// none. It does not change p.
func (p *Predictor) Calibrate(temperature float64, u *weights.Unknown) (*Predictor, error) {
	if !(temperature >= 0) || math.IsInf(temperature, 0) {
		return nil, fmt.Errorf("infer: temperature %v, want a number above 0, or 0 for none", temperature)
	}
	if p.thresholds != nil {
		return nil, errors.New("infer: a temperature or a threshold for unknown images of a model whose images have several classes, want one of one class each")
	}
	c := *p
	c.models, c.temperature = p.models.with(temperature), temperature
	c.unknown, c.score, c.products = nil, nil, nil
	if u != nil {
		var err error
		if c.score, c.products, err = c.scoreOf(u); err != nil {
			return nil, err
		}
		c.unknown = u
	}
	return &c, nil
}

// Predict classifies any number of images. Each is its pixels, scaled to 0..1,
// channel by channel and row by row; if the network was trained on normalised
// images, it is normalised here. If the network's output for an image is not finite
// the error is a [NotFiniteError], and the predictions are those of all images
// nevertheless: others may be sound.
func (p *Predictor) Predict(images [][]float32) ([]Prediction, error) {
	outputs, notFinite := p.outputs(images, p.readsFeatures())
	if notFinite != nil && outputs == nil {
		return nil, notFinite
	}
	predictions := make([]Prediction, len(outputs))
	for i, o := range outputs {
		best := graph.ArgMax(o.probabilities)
		predictions[i] = Prediction{Class: best, Label: p.Classes[best], Probabilities: o.probabilities}
		if p.thresholds != nil {
			predictions[i].several(p)
		}
	}
	if p.score == nil {
		return predictions, notFinite
	}
	scores, err := p.score(outputs)
	if err != nil {
		return nil, err
	}
	for i, s := range scores {
		predictions[i].Score, predictions[i].Unknown = s, !(s >= p.unknown.Threshold)
	}
	return predictions, notFinite
}

// readsFeatures reports whether predictions need features: for the score of known images.
func (p *Predictor) readsFeatures() bool {
	return p.unknown != nil && p.unknown.Score == weights.ScoreNeighbours
}

// several fills in the classes that the image has.
func (r *Prediction) several(p *Predictor) {
	r.Labels = []string{}
	for k, v := range r.Probabilities {
		if float64(v) >= p.thresholds[k] {
			r.Labels = append(r.Labels, p.Classes[k])
		}
	}
	r.Label = strings.Join(r.Labels, "; ")
}

// Thresholds are the least probabilities of the classes that an image has, for a model whose
// images may have several; nil for one whose images have one each. Nobody changes them.
func (p *Predictor) Thresholds() []float64 { return p.thresholds }

func (p *Predictor) check(x []float32) error {
	if want := p.Input[0] * p.Input[1] * p.Input[2]; len(x) != want {
		return fmt.Errorf("%d values, want %d for %d×%d×%d", len(x), want, p.Input[0], p.Input[1], p.Input[2])
	}
	if finite(x) {
		return nil
	}
	i := slices.IndexFunc(x, func(v float32) bool { return v-v != 0 })
	return fmt.Errorf("value %d is %v, want a finite number", i, x[i])
}

// finite reports whether all values are finite: v-v is 0 for these alone. Four
// sums, as one addition has to wait for the one before it.
func finite(x []float32) bool {
	var a, b, c, d float32
	for ; len(x) >= 4; x = x[4:] {
		a, b, c, d = a+(x[0]-x[0]), b+(x[1]-x[1]), c+(x[2]-x[2]), d+(x[3]-x[3])
	}
	for _, v := range x {
		a += v - v
	}
	return a+b+c+d == 0
}
