package infer

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// TestPredictNotFinite: an image of which the network makes no numbers is named, and
// the others have their predictions all the same.
func TestPredictNotFinite(t *testing.T) {
	huge := smallModel()
	huge.Tensors["dense/weight"].Float32s()[0] = math.MaxFloat32
	p, err := New(smallNet, huge)
	if err != nil {
		t.Fatal(err)
	}
	sound, bad := []float32{0, 0, 0, 0}, []float32{1e9, 1e9, 1e9, 1e9}
	predictions, err := p.Predict([][]float32{sound, bad})
	if e := (NotFiniteError{}); !errors.As(err, &e) || e.Image != 1 || !errors.Is(err, ErrNotFinite) || err.Error() != "infer: image 1: the network's output is not finite, want weights and pixels that give numbers" {
		t.Errorf("error %v, want that of image 1", err)
	}
	if alone := predict(t, p, [][]float32{sound}); len(predictions) != 2 || !slices.Equal(predictions[0].Probabilities, alone[0].Probabilities) {
		t.Errorf("predictions %v, want that of image 0 too", predictions)
	}
	if _, err := p.Features([][]float32{bad}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("features: error %v", err)
	}
}
