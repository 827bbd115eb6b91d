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
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// Predictor classifies images with one trained network. It is safe for
// concurrent use.
type Predictor struct {
	Input   [3]int   // channels, height, width of an image
	Classes []string // the name of each class

	scaled          bool      // pictures are scaled as a whole
	mean, deviation []float64 // of the channels, as weights.Model has them
	models          *models
	temperature     float64          // 0 means 1
	unknown         *weights.Unknown // nil for never
	score           score            // of unknown, nil without
	more            func() int       // the memory that it takes
}

// Prediction is what the network thinks of one image.
type Prediction struct {
	Class         int       // the most probable one
	Label         string    // its name
	Probabilities []float32 // of all classes

	// For a model with a threshold, see Predictor.Unknown:
	Unknown bool    // the image is none of the classes, however probable one of them is
	Score   float64 // how well the network knows the image, the larger the better
}

// Files of a run's folder.
const (
	modelFile      = "model.safetensors"
	checkpointFile = "checkpoint.safetensors" // for training alone
)

// Load reads a trained network of modelzoo: a run's folder, or a model file.
func Load(path string) (*Predictor, error) {
	if s, err := os.Stat(path); err == nil && s.IsDir() {
		path = filepath.Join(path, modelFile)
	}
	if filepath.Base(path) == checkpointFile {
		return nil, fmt.Errorf("infer: %s is a run's checkpoint, for training to go on from: want %s, which lies beside it after the first epoch", path, modelFile)
	}
	if s, err := os.Stat(path); err == nil {
		if err := affordFile(path, s.Size(), memory.Available); err != nil {
			return nil, err
		}
	}
	m, err := weights.LoadModel(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	if m.Name == "" {
		return nil, fmt.Errorf("infer: %s is of a network that is not in modelzoo: read it with model, err := weights.LoadModel(%[1]q), build the network's layer, and call infer.New(layer, model)", path)
	}
	spec, err := modelzoo.Lookup(m.Name)
	if err != nil {
		return nil, fmt.Errorf("infer: %s: %w", path, err)
	}
	p, err := newPredictor(spec.New(len(m.Classes)), m)
	if err != nil {
		return nil, fmt.Errorf("infer: %s: %w", path, err)
	}
	return p, nil
}

// missing says why there is no model file.
func missing(path string, err error) error {
	dir := filepath.Dir(path)
	if _, e := os.Stat(filepath.Join(dir, checkpointFile)); e == nil && filepath.Base(path) == modelFile {
		return fmt.Errorf("infer: %s has no model yet, only %s: %s comes with its first whole epoch; its command with -resume goes on", dir, checkpointFile, modelFile)
	}
	return fmt.Errorf("infer: no model: %w; want a run's folder with %s, or such a file: go run ./cmd/train makes one", err, modelFile)
}

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
	c := m.Input[0]
	if m.Mean != nil && (len(m.Mean) != c || len(m.Deviation) != c) {
		return nil, fmt.Errorf("infer: %d means and %d deviations, want one of each for each of %d channels", len(m.Mean), len(m.Deviation), c)
	}
	w := &graph.Weights{From: m.Tensors}
	net, err := graph.NewNetwork(l, m.Input[:], graph.Options{Weights: w, Fixed: true})
	if err != nil {
		return nil, err
	}
	if len(m.Tensors) != len(w.Names()) { // Load says which is one too many, or missing
		return nil, w.Load(m.Tensors)
	}
	w.From = nil
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		return nil, err
	}
	if out := one.OutputShape(); len(out) != 2 || out[1] != len(m.Classes) {
		return nil, fmt.Errorf("infer: the network's output is %v, want (1,%d) for the classes %v", out, len(m.Classes), m.Classes)
	}
	p := &Predictor{
		Input: m.Input, Classes: slices.Clone(m.Classes), scaled: m.Scaled,
		mean: slices.Clone(m.Mean), deviation: slices.Clone(m.Deviation),
		models: newModels(l, net.Weights, m, one),
	}
	return p.Calibrate(m.Temperature, m.Unknown)
}

// Calibrate returns a predictor of the same network on the same weights with another
// temperature, where 0 means 1, and another threshold for images of no class, nil for
// none. It does not change p.
func (p *Predictor) Calibrate(temperature float64, u *weights.Unknown) (*Predictor, error) {
	if !(temperature >= 0) || math.IsInf(temperature, 0) {
		return nil, fmt.Errorf("infer: temperature %v, want a number above 0, or 0 for none", temperature)
	}
	c := *p
	c.models, c.temperature = p.models.with(temperature), temperature
	c.unknown, c.score, c.more = nil, nil, nil
	if u != nil {
		var err error
		if c.score, c.more, err = c.scoreOf(u); err != nil {
			return nil, err
		}
		c.unknown = u
	}
	return &c, nil
}

// Predict classifies any number of images. Each is its pixels, scaled to 0..1,
// channel by channel and row by row; if the network was trained on normalised
// images, it is normalised here.
func (p *Predictor) Predict(images [][]float32) ([]Prediction, error) {
	outputs, err := p.outputs(images, p.unknown != nil && p.unknown.Score == weights.ScoreNeighbours)
	if err != nil {
		return nil, err
	}
	predictions := make([]Prediction, len(outputs))
	for i, o := range outputs {
		best := graph.ArgMax(o.probabilities)
		predictions[i] = Prediction{Class: best, Label: p.Classes[best], Probabilities: o.probabilities}
	}
	if p.score == nil {
		return predictions, nil
	}
	scores, err := p.score(outputs)
	if err != nil {
		return nil, err
	}
	for i, s := range scores {
		predictions[i].Score, predictions[i].Unknown = s, !(s >= p.unknown.Threshold)
	}
	return predictions, nil
}

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
