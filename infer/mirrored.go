package infer

import (
	"image"
	"slices"
)

// Classifier is what classifies images: a [Predictor], an [Ensemble], or [Mirrored].
type Classifier interface {
	Pixels(img image.Image) ([]float32, error)
	Predict(images [][]float32) ([]Prediction, error)
}

// Mirrored classifies every image together with its mirror image: the probabilities, and
// the score, are the means of the two (test-time augmentation). It is of use for pictures
// of things that have no left and right, and takes twice the time.
type Mirrored struct {
	Classifier
	Input   [3]int   // channels, height, width of an image
	Classes []string // the name of each class
}

// Predict is the Classifier's for both images, averaged. An image is of no class if both say so.
func (m Mirrored) Predict(images [][]float32) ([]Prediction, error) {
	plain, err := m.Classifier.Predict(images)
	if err != nil {
		return nil, err
	}
	mirrored := make([][]float32, len(images))
	for i, x := range images {
		mirrored[i] = slices.Clone(x)
		for line := range slices.Chunk(mirrored[i], m.Input[2]) {
			slices.Reverse(line)
		}
	}
	other, err := m.Classifier.Predict(mirrored)
	if err != nil {
		return nil, err
	}
	for i := range plain {
		p, o := &plain[i], other[i]
		for k, v := range o.Probabilities {
			p.Probabilities[k] = (p.Probabilities[k] + v) / 2
		}
		p.Class = 0
		for k, v := range p.Probabilities {
			if v > p.Probabilities[p.Class] {
				p.Class = k
			}
		}
		p.Label = m.Classes[p.Class]
		p.Score, p.Unknown = (p.Score+o.Score)/2, p.Unknown && o.Unknown
	}
	return plain, nil
}
