package infer

import (
	"errors"
	"fmt"
	"image"
	"slices"
)

// Ensemble classifies images with several networks, by majority vote. It is
// safe for concurrent use.
type Ensemble struct {
	Input   [3]int   // channels, height, width of an image
	Classes []string // the name of each class

	members []*Predictor
}

// NewEnsemble returns an ensemble of networks for the same images and classes.
func NewEnsemble(members ...*Predictor) (*Ensemble, error) {
	if len(members) == 0 {
		return nil, errors.New("infer: an ensemble of no networks, want one or more")
	}
	first := members[0]
	if slices.ContainsFunc(members, func(p *Predictor) bool { return p.thresholds != nil }) {
		return nil, errors.New("infer: an ensemble of networks for images of several classes, want one class each")
	}
	for i, p := range members[1:] {
		switch {
		case p.Input != first.Input || p.preprocessing.Fit != first.preprocessing.Fit:
			return nil, fmt.Errorf("infer: network %d of the ensemble takes other images than the first: (%d,%d,%d), want (%d,%d,%d) prepared in the same way",
				i+2, p.Input[0], p.Input[1], p.Input[2], first.Input[0], first.Input[1], first.Input[2])
		case !slices.Equal(p.Classes, first.Classes):
			return nil, fmt.Errorf("infer: network %d of the ensemble has the classes %v, want %v as the first", i+2, p.Classes, first.Classes)
		}
	}
	return &Ensemble{Input: first.Input, Classes: slices.Clone(first.Classes), members: slices.Clone(members)}, nil
}

// Predict classifies any number of images, as [Predictor.Predict] takes them.
// An image is of the class that most networks name; among classes with as many
// votes, of the one with the larger probability. The probabilities are the means
// of the networks', each with its temperature. An image is of no class if more than
// half of the networks that have a threshold say so; it has no score.
func (e *Ensemble) Predict(images [][]float32) ([]Prediction, error) {
	votes := make([][]int, len(images)) // by image and class
	means := make([][]float32, len(images))
	strange := make([]int, len(images)) // networks that do not know the image
	judges := 0
	for i := range images {
		votes[i], means[i] = make([]int, len(e.Classes)), make([]float32, len(e.Classes))
	}
	for _, p := range e.members {
		predictions, err := p.Predict(images)
		if err != nil {
			return nil, err
		}
		if p.unknown != nil {
			judges++
		}
		for i, r := range predictions {
			if r.Unknown {
				strange[i]++
			}
			votes[i][r.Class]++
			for k, v := range r.Probabilities {
				means[i][k] += v / float32(len(e.members))
			}
		}
	}
	predictions := make([]Prediction, len(images))
	for i := range images {
		k := winner(votes[i], means[i])
		predictions[i] = Prediction{Class: k, Label: e.Classes[k], Probabilities: means[i], Unknown: 2*strange[i] > judges}
	}
	return predictions, nil
}

// winner is the class with the most votes, of several the most probable one.
func winner(votes []int, probabilities []float32) int {
	best := 0
	for k, n := range votes {
		if n > votes[best] || n == votes[best] && probabilities[k] > probabilities[best] {
			best = k
		}
	}
	return best
}

// Pixels turns a picture into the networks' input, as [Predictor.Pixels] does.
func (e *Ensemble) Pixels(img image.Image) ([]float32, error) { return e.members[0].Pixels(img) }
