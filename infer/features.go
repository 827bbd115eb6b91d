package infer

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"tapenet/graph"
)

// FeatureMaps are the channels of a layer's output for one image.
type FeatureMaps struct {
	Layer                   string // its path, as graph.Model's Summary shows it
	Channels, Height, Width int
	Values                  []float32 // channel by channel, row by row
}

// FeatureLayers lists the layers that have feature maps, those whose outputs are
// images, in the order in which they were built. Their outputs are (1,C,H,W).
func (p *Predictor) FeatureLayers() []graph.LayerInfo { return slices.Clone(p.models.layers) }

// FeatureMaps computes the output of one of FeatureLayers for an image, as
// Predict takes them. Layer "" is the first.
func (p *Predictor) FeatureMaps(image []float32, layer string) (FeatureMaps, error) {
	if err := p.check(image); err != nil {
		return FeatureMaps{}, fmt.Errorf("infer: %w", err)
	}
	var paths []string
	for _, l := range p.models.layers {
		paths = append(paths, l.Path)
	}
	if len(paths) == 0 {
		return FeatureMaps{}, errors.New("infer: no layer of the network has feature maps: none gives images")
	}
	if layer == "" {
		layer = paths[0]
	}
	if !slices.Contains(paths, layer) {
		return FeatureMaps{}, fmt.Errorf("infer: no feature maps of layer %.64q, want one of %s", layer, strings.Join(paths, ", "))
	}
	f := FeatureMaps{Layer: layer}
	err := p.models.use(variant{batch: 1, watch: layer}, [][]float32{image}, func(g *graph.Model) error {
		if err := g.Run(); err != nil {
			return err
		}
		s := g.Watched().Shape()
		f.Channels, f.Height, f.Width = s[1], s[2], s[3]
		f.Values = slices.Clone(g.Watched().Float32s())
		return nil
	})
	return f, err
}

// featureLayers are the layers of a network, in a graph for one image, whose outputs are
// images: a row or a column alone is none, nor are several images, such as the windows
// of a transformer.
func featureLayers(m *graph.Model) []graph.LayerInfo {
	return slices.DeleteFunc(m.Layers(), func(l graph.LayerInfo) bool {
		return len(l.Ops) == 0 || len(l.Output) != 4 || l.Output[0] != 1 || l.Output[2] == 1 || l.Output[3] == 1
	})
}

// Images are the maps as pictures, all in one scale: black is 0, or the smallest
// value if that is below, and white the largest.
func (f FeatureMaps) Images() []*image.Gray {
	least, most := min(0, slices.Min(f.Values)), slices.Max(f.Values)
	scale := 0.0
	if most > least {
		scale = 1 / (float64(most) - float64(least))
	}
	images := make([]*image.Gray, f.Channels)
	for c := range images {
		images[c] = image.NewGray(image.Rect(0, 0, f.Width, f.Height))
		for i, v := range f.Values[c*f.Height*f.Width:][:f.Height*f.Width] {
			images[c].Pix[i] = level(float32((float64(v) - float64(least)) * scale))
		}
	}
	return images
}
