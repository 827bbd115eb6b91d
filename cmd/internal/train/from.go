package train

import (
	"fmt"
	"path/filepath"

	"gorgonia.org/tensor"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/cmd/internal/testset"
	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
	"tapenet/train/data"
)

// origin is what a run begins with: a network of the zoo, or one that -from names,
// with its weights.
type origin struct {
	name string // in the zoo; "" for a foreign network
	spec modelzoo.Spec

	from    *open.Model // nil without -from
	layer   graph.Layer
	tensors map[string]*tensor.Dense
	file    []byte // an ONNX file of a foreign network, for the run's folder
	cut     cutOff // its features, for a new head; zero without
}

// fineTunes reports whether the network gets a new head.
func (from origin) fineTunes() bool { return from.cut.layer != nil }

// lookup finds a network by its name; a test adds one that the zoo lacks.
var lookup = modelzoo.Lookup

// origin opens what the options name.
func (o options) origin() (origin, error) {
	if o.from == "" {
		spec, err := lookup(o.model)
		if err != nil {
			return origin{}, cli.Usagef("%v%s", err, cli.Meant(o.model, modelzoo.Names()))
		}
		return origin{name: o.model, spec: spec}, nil
	}
	if o.normalise {
		return origin{}, cli.Usagef("train: -normalise with -from, want the model's own preprocessing alone")
	}
	if o.recipe == fineTuned {
		m, c, err := o.cutOff()
		return origin{from: &m, cut: c}, err
	}
	m, err := open.Open(o.from)
	if err != nil {
		return origin{}, fmt.Errorf("train: -from: %w", err)
	}
	if !m.Classifies {
		return origin{}, fmt.Errorf("train: -from: %s is no classifier of images, its samples are %v", m.Path, m.Sample)
	}
	layer, err := m.Network()
	if err != nil {
		return origin{}, fmt.Errorf("train: -from: %w", err)
	}
	from := origin{name: m.Name, from: &m, layer: layer, tensors: m.Tensors}
	if m.Name != "" {
		return from, nil
	}
	return from.standalone()
}

// standalone makes the network that of a file that the run's folder keeps: whoever
// opens the run needs no other.
func (from origin) standalone() (origin, error) {
	var err error
	if from.layer, from.tensors, from.file, err = standAlone(from.layer, from.tensors, from.from.Sample); err != nil {
		err = fmt.Errorf("train: -from: %s: %w", from.from.Path, err)
	}
	return from, err
}

// dataset opens the dataset; pictures are prepared as the network has it.
func (from origin) dataset(o options) (data.Dataset, error) {
	if from.from == nil {
		return dataset.Open(o.pictures(), o.data)
	}
	in := from.from.Input
	if o.height != 0 && o.height != in[1] || o.width != 0 && o.width != in[2] || o.channels != 0 && o.channels != in[0] {
		return data.Dataset{}, cli.Usagef("train: -channels, -height and -width with -from, want none: the model takes %s", cli.Shape(in))
	}
	if o.pictureFit != "" {
		return data.Dataset{}, cli.Usagef("train: -fit with -from, want none: pictures are prepared as the model says")
	}
	return testset.Pictures(o.data, in, from.from.Preprocessing.For(in[0]), o.maxPixels)
}

// pictures says how pictures are opened, and where prepared ones are kept.
func (o options) pictures() data.Options {
	images := data.Options{Height: o.height, Width: o.width, Channels: o.channels, MaxPixels: o.maxPixels, Spill: filepath.Dir(o.out)}
	images.Preprocessing.Fit = o.pictureFit
	if free, known := memory.Available(); known {
		images.Memory = max(1, int64(free)/4)
	}
	return images
}

// stats are what the network takes of pixels; zero for the pixels themselves.
func (from origin) stats() data.Stats {
	if from.from == nil {
		return data.Stats{}
	}
	return data.Stats{Mean: from.from.Preprocessing.Mean, Deviation: from.from.Preprocessing.Deviation}
}

// network is the layer for a dataset's classes.
func (from origin) network(d data.Dataset) (graph.Layer, error) {
	if from.from == nil {
		return from.spec.New(len(d.Classes)), nil
	}
	if from.fineTunes() {
		if from.from.Input != d.Shape {
			return nil, fmt.Errorf("train: -from: %s takes images of %s, the dataset has %s and no pictures to scale, want the same",
				from.from.Path, cli.Shape(from.from.Input), cli.Shape(d.Shape))
		}
		return nil, nil // prepared.fineTune makes it
	}
	if n := len(from.from.Classes); n != len(d.Classes) || from.from.Input != d.Shape {
		return nil, fmt.Errorf("train: -from: %s takes images of %s in %d classes, the dataset has %s in %d, want the same",
			from.from.Path, cli.Shape(from.from.Input), n, cli.Shape(d.Shape), len(d.Classes))
	}
	return from.layer, nil
}
