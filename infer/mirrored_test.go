package infer

import (
	"errors"
	"image"
	"math"
	"testing"
)

// leaning says how much brighter the left half of an image is.
type leaning struct{ err error }

func (leaning) Pixels(image.Image) ([]float32, error) { return []float32{1, 2}, nil }

func (l leaning) Predict(images [][]float32) ([]Prediction, error) {
	all := make([]Prediction, len(images))
	for i, x := range images {
		p := x[0] / (x[0] + x[1])
		all[i] = Prediction{Probabilities: []float32{p * p, 1 - p*p}, Score: float64(x[0]), Unknown: x[0] > 5}
	}
	return all, l.err
}

func TestMirrored(t *testing.T) {
	m := Mirrored{leaning{}, [3]int{1, 1, 2}, []string{"left", "right"}}
	image := []float32{3, 1}
	got, err := m.Predict([][]float32{image, {9, 8}, {9, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if p, want := got[0].Probabilities[0], (0.75*0.75+0.25*0.25)/2; math.Abs(float64(p)-want) > 1e-6 || got[0].Label != "right" || got[0].Class != 1 || got[0].Score != 2 {
		t.Errorf("%+v, want the mean %g for left, right as the class and 2 as the score", got[0], want)
	}
	if image[0] != 3 || !got[1].Unknown || got[2].Unknown {
		t.Errorf("image %v; unknown: %t and %t, want the image as it was, and what both say", image, got[1].Unknown, got[2].Unknown)
	}
	broken := errors.New("broken")
	if _, err := (Mirrored{leaning{broken}, m.Input, m.Classes}).Predict([][]float32{image}); !errors.Is(err, broken) {
		t.Errorf("error %v, want the classifier's", err)
	}
}
