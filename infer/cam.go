package infer

import (
	"fmt"
	"image"

	"tapenet/graph"
	"tapenet/graph/raster"
)

// ActivationMap is a class activation map: how much each place of an image speaks for a
// class, in the network's last layer that has places (Grad-CAM, Selvaraju et al. 2017;
// see [graph.Model.GradCAM]). In a network that ends in global average pooling and one
// Dense it is the map of Zhou et al. 2016, but for what is below 0.
type ActivationMap struct {
	Class         int
	Layer         string    // its path, as graph.Model's Summary shows it
	Height, Width int       // of the layer's output, which lies over the whole image
	Values        []float32 // row by row, 1 for the place that speaks for the class most; all 0 if none does
}

// GradCAM computes it for an image, as Predict takes them, and one of the classes. It has
// the same bits for any number of threads. A network without places, such as one of Dense
// layers alone, is an error that wraps [graph.ErrNoPlaces].
func (p *Predictor) GradCAM(image []float32, class int) (ActivationMap, error) {
	if err := p.check(image); err != nil {
		return ActivationMap{}, fmt.Errorf("infer: %w", err)
	}
	if class < 0 || class >= len(p.Classes) {
		return ActivationMap{}, fmt.Errorf("infer: class activation map of class %d, want 0 to %d", class, len(p.Classes)-1)
	}
	var m graph.ActivationMap
	err := p.models.use(variant{batch: 1, activation: true}, [][]float32{image}, func(g *graph.Model) error {
		target := g.Target.Float32s()
		clear(target)
		target[class] = 1
		if err := g.Run(); err != nil {
			return err
		}
		m = g.GradCAM(0)
		return nil
	})
	if err != nil {
		return ActivationMap{}, err
	}
	a := ActivationMap{Class: class, Layer: m.Layer, Height: m.Height, Width: m.Width, Values: m.Scaled()}
	if !finite(a.Values) {
		return ActivationMap{}, fmt.Errorf("infer: the activation map of class %d is not finite for this image", class)
	}
	return a, nil
}

// Places is the size of the maps of GradCAM, 0 and 0 if there are none: if no convolution
// and no pooling of the network gives images with several rows and columns.
func (p *Predictor) Places() (height, width int) { return p.models.places[0], p.models.places[1] }

// Region is the part of a picture that the network sees, see
// [raster.Preprocessing.Region]: an ActivationMap lies over it.
func (p *Predictor) Region(img image.Image) (raster.Region, error) {
	r, err := p.preprocessing.Region(img, p.Input[0], p.Input[1], p.Input[2])
	if err != nil {
		return r, fmt.Errorf("infer: %w", err)
	}
	return r, nil
}

// Over draws the map over the picture that became the image, by the model's
// Preprocessing: at the picture's own size, over what the network saw of it. What it did
// not see is darker.
func (p *Predictor) Over(img image.Image, a ActivationMap) (*image.RGBA, error) {
	seen, err := p.Region(img)
	if err != nil {
		return nil, err
	}
	return raster.Heat{Height: a.Height, Width: a.Width, Values: a.Values}.Over(img, seen), nil
}
