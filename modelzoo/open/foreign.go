package open

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tapenet/graph"
	"tapenet/graph/keras"
	"tapenet/graph/keras/topology"
	"tapenet/graph/onnx"
	"tapenet/graph/raster"
	"tapenet/graph/regular"
	"tapenet/graph/tfjs"
)

// openSize is the height and width that are taken where a file leaves them open.
const openSize = 224

// foreign is a network from elsewhere on its way to a Model.
type foreign struct {
	*Model
	Description
	layer  graph.Layer // the network with its SoftMax, if it has one
	logits graph.Layer // without that, or without the Sigmoid at its end; nil if it has neither
	odds   bool        // it is a Sigmoid
	sample []int       // what layer takes; 0 where that is open

	ours        bool      // a file of ours, which says all of its preprocessing
	temperature float64   // that a file of ours names; 0 for none
	thresholds  []float64 // likewise; nil for none
}

// openONNX reads an ONNX file.
func (m *Model) openONNX() error {
	x, err := onnx.Open(m.Path)
	if err != nil && filepath.Ext(m.Path) == ".onnx" {
		return err
	} else if err != nil { // nobody says that it is an ONNX file
		return fmt.Errorf("%w; read are %s", err, wanted)
	}
	f := foreign{Model: m, sample: slices.Clone(x.Input)}
	if err := f.metadata(x.Metadata); err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	if err := f.described(); err != nil {
		return err
	}
	f.Output = cmp.Or(m.options.Output, f.Output)
	if f.Output != "" {
		if x, err = x.With(f.Output); err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	for _, o := range x.Outputs() {
		m.outputs = append(m.outputs, o.Name)
	}
	m.output = x.Output().Name
	m.whole.Output = m.output
	if f.Range == nil && f.Mean == nil && strings.Contains(x.Element, "int") {
		f.Range = []float64{0, 255}
		f.notef("its input is of type %s: pixels are 0 to 255", x.Element)
	}
	f.layer = x
	if logits, activation := x.Logits(); activation != "" {
		f.logits, f.odds = logits, activation == "Sigmoid"
	}
	return f.finish()
}

// openKeras reads a file of Keras or TensorFlow.js.
func (m *Model) openKeras() error {
	var k *topology.Model
	var err error
	if m.Format == TensorFlowJS {
		k, err = tfjs.Open(m.Path)
	} else {
		k, err = keras.Load(m.Path)
	}
	if err != nil {
		return err
	}
	f := foreign{Model: m, sample: slices.Clone(k.Input)}
	if k.Rescales {
		f.Range = []float64{0, 255}
	}
	f.teachable()
	if err := f.described(); err != nil {
		return err
	}
	if f.Output != "" {
		if k, err = k.With(f.Output); err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	m.outputs, m.output = k.Outputs(), k.Output()
	if f.layer = k; k.SoftMax {
		f.logits = k
		f.layer = graph.Sequential{k, graph.Probabilities(0)}
	}
	if logits, ok := k.BeforeSigmoid(); ok {
		f.logits, f.odds = logits, true
	}
	if f.Layout != "" {
		return fmt.Errorf("%s: layout %q, want none: Keras's is known", besides(m.Path), f.Layout)
	}
	f.Layout = "nchw" // of the layer
	if f.Range == nil && f.Mean == nil {
		f.Range = []float64{0, 1}
		f.notef("it does not say what values its pixels have: 0 to 1 are taken")
	}
	return f.finish()
}

// teachable reads the metadata.json that Teachable Machine writes beside a
// model.json: it cuts pictures to squares, and has pixels as p/127-1. A metadata.json
// of another program is none of the model's.
func (f *foreign) teachable() {
	path := filepath.Join(filepath.Dir(f.Path), "metadata.json")
	text, err := regular.Read(path, maxDescription)
	if f.Format != TensorFlowJS || err != nil {
		return
	}
	var of struct {
		Labels  []string `json:"labels"`
		Package string   `json:"packageName"`
	}
	if err := json.Unmarshal(text, &of); err != nil || of.Package != "@teachablemachine/image" {
		return
	}
	f.Classes.List, f.Range, f.Fit, f.Filter = of.Labels, []float64{-1, 255./127 - 1}, raster.Crop, raster.Linear
	f.notef("%s is Teachable Machine's: pictures are cut to squares, with pixels p/127-1", path)
}

// described reads the file beside the model's.
func (f *foreign) described() error {
	text, err := regular.Read(besides(f.Path), maxDescription)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = f.parse(text)
	}
	if err == nil {
		err = f.names(filepath.Dir(f.Path))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", besides(f.Path), err)
	}
	return nil
}

// finish makes the model of the network.
func (f *foreign) finish() error {
	m := f.Model
	image := len(f.sample) == 3
	if image {
		if err := f.size(); err != nil {
			return err
		}
	} else if i := slices.Index(f.sample, 0); i >= 0 {
		return fmt.Errorf("%s: dimension %d of a sample is open, want an open height or width of images at most", m.Path, i+1)
	}
	if err := f.build(); err != nil {
		return err
	}
	if m.SoftMax {
		f.temperature = 0 // the file divides by it
	}
	m.Temperature = f.temperature
	if !image {
		return nil
	}
	m.Input = [3]int(m.Sample)
	f.preprocess()
	m.description = f.Description
	if _, err := os.Stat(besides(m.Path)); err != nil && len(m.Notes) > 0 {
		m.notef("go run ./cmd/zoo -model %s -describe writes %s with all that, to be changed", m.Path, besides(m.Path))
	}
	if err := m.Preprocessing.Check(m.Input[0], m.Input[1], m.Input[2]); err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	return nil
}

// size finds the layout of images, and their size where the file leaves it open.
func (f *foreign) size() error {
	pictures := func(channels int) bool { return channels == 1 || channels == 3 }
	if f.Layout == "" {
		f.Layout = "nchw"
		if !pictures(f.sample[0]) && pictures(f.sample[2]) {
			f.Layout = "nhwc"
			f.notef("its images are %v: height, width, channels", f.sample)
		}
	}
	s := []int{f.sample[0], f.sample[1], f.sample[2]}
	if f.Layout == "nhwc" {
		s = []int{f.sample[2], f.sample[0], f.sample[1]}
	}
	s[1], s[2] = cmp.Or(s[1], f.options.Height), cmp.Or(s[2], f.options.Width)
	if err := f.sized(s[1], s[2]); err != nil {
		return err
	}
	defaults := []int{3, openSize, openSize}
	if f.Input != nil {
		defaults = f.Input
	} else if slices.Contains(s, 0) {
		f.notef("it leaves the size of its images open: %d×%d is taken", cmp.Or(s[1], openSize), cmp.Or(s[2], openSize))
	}
	for i := range s {
		s[i] = cmp.Or(s[i], defaults[i])
	}
	f.Sample = s
	f.whole.Sample = slices.Clone(s)
	if f.Layout == "nhwc" {
		f.whole.Sample = []int{s[1], s[2], s[0]}
	}
	return nil
}

// build builds the network once, to know its weights and what it gives.
func (f *foreign) build() error {
	m := f.Model
	if m.Sample == nil {
		m.Sample = f.sample
		m.whole.Sample = f.sample
	}
	m.whole.Layer = f.layer
	if f.logits != nil {
		shape, err := f.try(f.logits)
		if err != nil {
			return err
		}
		n := classes(shape)
		switch {
		case f.odds && n > 0 && len(m.Sample) == 3:
			return f.ofSigmoid(n)
		case !f.odds && n > 1:
			m.Classifies, m.SoftMax = true, true
			return f.name(n)
		}
	}
	shape, err := f.try(f.layer)
	if err != nil {
		return err
	}
	if n := classes(shape); n > 1 && len(m.Sample) == 3 {
		m.Classifies = true
		return f.name(n)
	}
	return nil
}

// ofSigmoid makes a classifier of a network whose n outputs are each a probability: one is
// that of the second of two classes, several are those of classes that an image may have
// together.
func (f *foreign) ofSigmoid(n int) error {
	m := f.Model
	m.Classifies = true
	if n > 1 {
		if m.Thresholds = f.thresholds; m.Thresholds == nil {
			m.Thresholds = slices.Repeat([]float64{0.5}, n)
			m.notef("its %d outputs end in a Sigmoid: an image has the classes with a probability from 0.5, several or none", n)
		}
		return f.name(n)
	}
	if _, err := f.try(twoClasses{f.logits}); err != nil {
		return err
	}
	m.SoftMax = true
	m.notef("its output is one probability, by a Sigmoid: it is taken for that of the second of two classes")
	return f.name(2)
}

// try builds a network and returns the shape of its output for one sample.
func (f *foreign) try(l graph.Layer) (output []int, err error) {
	m := f.Model
	if len(m.Sample) == 3 {
		l = arranged{l, f.Order == "bgr", f.Layout == "nhwc"}
	}
	net, err := graph.NewNetwork(l, m.Sample, graph.Options{Loss: graph.MSE{}, MaxMemory: m.most}) // a loss which leaves the output as it is
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Path, err)
	}
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Path, err)
	}
	m.Layer, m.Tensors, m.Gives = l, net.Weights.Map(), one.OutputShape()[1:]
	return one.OutputShape(), nil
}

// classes is how many numbers an output (1,n) or (1,n,1,…) has; 0 for others.
func classes(shape []int) int {
	if len(shape) < 2 || slices.ContainsFunc(shape[2:], func(d int) bool { return d != 1 }) {
		return 0
	}
	return shape[1]
}

// name gives the classes their names.
func (f *foreign) name(n int) error {
	m := f.Model
	if list := f.Classes.List; list != nil {
		if len(list) != n {
			return fmt.Errorf("%s: %d names of classes, want %d, one for each output", m.Path, len(list), n)
		}
		m.Model.Classes = list
		return nil
	}
	m.notef("it has no names for its %d classes: they are called by number", n)
	for i := range n {
		m.Model.Classes = append(m.Model.Classes, strconv.Itoa(i))
	}
	return nil
}

// preprocess sets the preprocessing, by defaults where nothing is said.
func (f *foreign) preprocess() {
	m := f.Model
	channels, h, w := m.Input[0], m.Input[1], m.Input[2]
	if f.ours {
		f.Preprocessing = f.Preprocessing.For(channels)
	} else if f.Mean == nil && f.Range == nil {
		f.normalise(channels, min(h, w))
	}
	if f.Fit == "" && channels == 3 {
		f.Fit = raster.Crop
		m.notef("it does not say how pictures get its size: they are scaled until they cover it, and the middle is taken")
	}
	m.Preprocessing = f.scaled(channels)
}

// normalise takes defaults for what the network takes of pixels: those of
// torchvision's classifiers for photographs, else the pixels themselves.
func (f *foreign) normalise(channels, side int) {
	if channels != 3 || side < photograph {
		f.notef("it does not say what values its pixels have: 0 to 1 are taken")
		return
	}
	f.Mean, f.Deviation = []float64{0.485, 0.456, 0.406}, []float64{0.229, 0.224, 0.225}
	f.notef("it does not say how its pixels are normalised: torchvision's mean %v and deviation %v for ImageNet are taken", f.Mean, f.Deviation)
	if f.Fit == "" && f.Model.Input[1] == f.Model.Input[2] {
		f.Fit, f.Filter, f.Shorter = raster.Crop, raster.Linear, (side*256+112)/224
		f.notef("it does not say how pictures get its size: as torchvision has it, the shorter side is scaled to %d, and the middle is taken", f.Shorter)
	}
}

// photograph is the side from which on images of three channels are taken for
// photographs that were prepared as torchvision does.
const photograph = 128
