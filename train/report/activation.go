package report

import (
	"errors"
	"fmt"
	"html/template"
	"slices"

	"tapenet/graph"
	"tapenet/graph/raster"
	"tapenet/train/data"
)

// activation draws class activation maps of a network over its images.
type activation struct {
	model *graph.Model
	data  data.Dataset
}

// newActivation returns nil for a network without places, as graph.ErrNoPlaces says.
func newActivation(net *graph.Network, d data.Dataset) (*activation, error) {
	o := graph.Options{Weights: net.Weights, Loss: graph.Score{}, ClassActivation: true}
	m, err := o.Build(net.Layer, graph.Eval, append([]int{1}, net.Input...)...)
	if errors.Is(err, graph.ErrNoPlaces) {
		return nil, nil
	}
	return &activation{m, d}, err
}

// draw draws the map of a class over an image, as d.Test gives it. It is "" for a map that is
// not finite.
func (a *activation) draw(x []float32, class int) (template.URL, error) {
	copy(a.model.Input.Float32s(), x)
	target := a.model.Target.Float32s()
	clear(target)
	target[class] = 1
	if err := a.model.Run(); err != nil {
		return "", fmt.Errorf("class activation map: %w", err)
	}
	m := a.model.GradCAM(0)
	values := m.Scaled()
	if slices.ContainsFunc(values, func(v float32) bool { return v-v != 0 }) {
		return "", nil
	}
	img := photograph(x, a.data.Shape, a.data.Stats)
	size := img.Bounds().Size()
	whole := raster.Region{Right: float64(size.X), Bottom: float64(size.Y)}
	return encode(raster.Heat{Height: m.Height, Width: m.Width, Values: values}.Over(img, whole))
}
