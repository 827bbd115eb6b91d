package train

import (
	"fmt"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/modelzoo/open"
	"tapenet/train"
	"tapenet/train/data"
)

// teacher is the model that -teacher names, for a dataset's images and classes.
func (o options) teacher(set data.Dataset) (train.Defence, error) {
	m, err := open.Open(o.teacherPath)
	if err != nil {
		return nil, fmt.Errorf("train: -teacher: %w", err)
	}
	if !m.Classifies || !sameClasses(m.Classes, set.Classes) {
		return nil, fmt.Errorf("train: -teacher: %s has the classes %.100q, want a network for those of the dataset, %.100q", m.Path, m.Classes, set.Classes)
	}
	if m.Input != set.Shape {
		return nil, fmt.Errorf("train: -teacher: %s takes images of %s, the dataset has %s, want the same; -height, -width and -channels set those of pictures",
			m.Path, cli.Shape(m.Input), cli.Shape(set.Shape))
	}
	layer, err := m.Network()
	if err != nil {
		return nil, fmt.Errorf("train: -teacher: %w", err)
	}
	net, err := graph.NewNetwork(layer, m.Sample, graph.Options{})
	if err != nil {
		return nil, fmt.Errorf("train: -teacher: %s: %w", m.Path, err)
	}
	if err := net.Weights.Load(m.Tensors); err != nil {
		return nil, fmt.Errorf("train: -teacher: %s: %w", m.Path, err)
	}
	return train.Teacher{
		Network: net, Stats: data.Stats{Mean: m.Preprocessing.Mean, Deviation: m.Preprocessing.Deviation},
		Temperature: o.temperature, Share: o.teacherShare,
	}, nil
}
