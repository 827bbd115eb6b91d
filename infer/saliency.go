package infer

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"tapenet/graph"
	"tapenet/graph/raster"
)

// Saliency says how much each pixel of an image mattered for a class: the
// absolute value of the gradient of the class's logit for the pixel, the largest
// of its channels' (Simonyan, Vedaldi and Zisserman 2013, Deep Inside
// Convolutional Networks).
type Saliency struct {
	Class         int
	Height, Width int
	Values        []float32 // row by row, 1 for the pixel that mattered most; all 0 if none did
}

// Saliency computes it for an image, as Predict takes them, and one of the
// classes.
func (p *Predictor) Saliency(image []float32, class int) (Saliency, error) {
	if err := p.check(image); err != nil {
		return Saliency{}, fmt.Errorf("infer: %w", err)
	}
	if class < 0 || class >= len(p.Classes) {
		return Saliency{}, fmt.Errorf("infer: saliency for class %d, want 0 to %d", class, len(p.Classes)-1)
	}
	s := Saliency{Class: class, Height: p.Input[1], Width: p.Input[2], Values: make([]float32, p.Input[1]*p.Input[2])}
	err := p.models.use(variant{batch: 1, gradient: true}, [][]float32{image}, func(g *graph.Model) error {
		target := g.Target.Float32s()
		clear(target)
		target[class] = 1
		if err := g.Run(); err != nil {
			return err
		}
		s.set(g.InputGrad().Float32s(), p.models.affine)
		return nil
	})
	if err != nil {
		return Saliency{}, err
	}
	if math.IsNaN(float64(slices.Max(s.Values))) {
		return Saliency{}, fmt.Errorf("infer: the gradient of class %d is not finite for this image", class)
	}
	return s, nil
}

// set fills in the values from the gradient for what the network takes, which is
// the pixels normalised. They become NaN if it is not finite.
func (s *Saliency) set(gradient []float32, normalised raster.Normalisation) {
	plane := len(s.Values)
	for i, v := range gradient {
		v = float32(math.Abs(float64(v)))
		if normalised != nil {
			v *= normalised[i/plane].Scale
		}
		s.Values[i%plane] = max(s.Values[i%plane], v)
	}
	if top := slices.Max(s.Values); top > 0 {
		for i := range s.Values {
			s.Values[i] /= top
		}
	}
}

// Image is a picture to lay over the image: orange, transparent where a pixel
// did not matter.
func (s Saliency) Image() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, s.Width, s.Height))
	for i, v := range s.Values {
		img.SetNRGBA(i%s.Width, i/s.Width, color.NRGBA{R: 255, G: 122, A: level(v)})
	}
	return img
}
