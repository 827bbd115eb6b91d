package infer

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// turned is small's network with its first three pixels' classes moved on by
// shift: a bright pixel i is of class (i+shift)%3.
func turned(t *testing.T, shift int) *Predictor {
	t.Helper()
	m := smallModel()
	w := make([]float32, 12)
	for i := range 3 {
		w[3*i+(i+shift)%3] = 1
	}
	m.Tensors["dense/weight"] = tensor.New(tensor.WithShape(4, 3), tensor.WithBacking(w))
	p, err := New(smallNet, m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEnsembleVotes(t *testing.T) {
	images := [][]float32{{5, 0, 0, 0}, {0, 1, 0.01, 0}, {2, 0.5, 0, 0}}
	for _, tt := range []struct {
		name   string
		shifts []int
		want   []int
	}{
		{"alone", []int{0}, []int{0, 1, 0}},
		{"two against one", []int{0, 1, 1}, []int{1, 2, 1}},
		{"the sure one does not outvote", []int{1, 0, 0}, []int{0, 1, 0}},
		{"a tie goes to the more probable", []int{0, 1}, []int{0, 2, 1}}, // for the smaller pixel of the last two images
	} {
		t.Run(tt.name, func(t *testing.T) {
			var members []*Predictor
			for _, s := range tt.shifts {
				members = append(members, turned(t, s))
			}
			e, err := NewEnsemble(members...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Predict(images)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range got {
				if r.Class != tt.want[i] || r.Label != e.Classes[tt.want[i]] {
					t.Errorf("image %d: class %d, %s, want %d", i, r.Class, r.Label, tt.want[i])
				}
				for k, v := range r.Probabilities {
					mean := 0.0
					for _, p := range members {
						mean += float64(predict(t, p, images[i:i+1])[0].Probabilities[k]) / float64(len(members))
					}
					if math.Abs(float64(v)-mean) > 1e-6 {
						t.Errorf("image %d, class %d: probability %v, want the mean %v", i, k, v, mean)
					}
				}
			}
		})
	}
}

func TestEnsembleErrors(t *testing.T) {
	p, _ := small(t)
	other := smallModel()
	other.Classes = []string{"one", "two", "four"}
	named, err := New(smallNet, other)
	if err != nil {
		t.Fatal(err)
	}
	for want, members := range map[string][]*Predictor{
		"an ensemble of no networks":                               nil,
		"network 2 of the ensemble takes other images":             {p, trained(t)},
		"network 3 of the ensemble has the classes [one two four]": {p, p, named},
	} {
		if _, err := NewEnsemble(members...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, want)
		}
	}
	e, err := NewEnsemble(p, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Predict([][]float32{{1, 2}}); err == nil || !strings.Contains(err.Error(), "image 0: 2 values, want 4") {
		t.Errorf("error %v, want the wrong size", err)
	}
	e.Classes[0] = "mine"
	if slices.Contains(p.Classes, "mine") {
		t.Error("the ensemble's classes are the network's own")
	}
}
