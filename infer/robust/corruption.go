package robust

import (
	"fmt"
	"strings"

	"tapenet/graph/raster/corrupt"
)

// CorruptedSet is a published set of corruptions.
type CorruptedSet struct {
	Name        string      `json:"name"` // "mnist", "fashion" or "common", as package corrupt has them
	Mean        float64     `json:"mean"` // accuracy, over the corruptions as published
	Corruptions []Corrupted `json:"corruptions"`
}

// Corrupted is the accuracy under one corruption.
type Corrupted struct {
	Name string `json:"name"`
	// Published is which of the severities is the published one, from 1 to 5; 0 if
	// all five are.
	Published  int        `json:"published"`
	Accuracy   float64    `json:"accuracy"` // as published: the mean of the five if all are
	Severities [5]float64 `json:"severities"`
}

// corruptionItems are the corruptions for images of this shape. What has no colours
// that corruptions could be defined on is treated as grey, channel by channel.
func corruptionItems(input [3]int) []item {
	list := append(corrupt.MNIST(), corrupt.Fashion()...)
	if input[0] == 3 {
		list = corrupt.Common()
	}
	var items []item
	for _, c := range list {
		items = append(items, item{
			group: "corruptions", name: c.Name,
			cost: func(m *meter) int { return 5 * len(m.images) },
			run:  func(m *meter) error { return m.corruption(c) },
		})
	}
	return items
}

// corruption measures one corruption at its five severities.
func (m *meter) corruption(c corrupt.Corruption) error {
	r := Corrupted{Name: c.Name, Published: c.Published}
	k := m.kind("corruptions", c.Name)
	var sum float64
	for severity := 1; severity <= 5; severity++ {
		change := func(i int) []float32 { return m.corrupted(c, i, severity) }
		all, err := m.changed(change)
		if err != nil {
			return err
		}
		r.Severities[severity-1] = newScore(m.right(all), len(all)).Accuracy
		sum += r.Severities[severity-1]
		k.tried(m, float64(severity)/5, fmt.Sprintf("severity %d", severity), all, change)
	}
	if r.Accuracy = sum / 5; c.Published > 0 {
		r.Accuracy = r.Severities[c.Published-1]
	}
	m.report.addCorrupted(c.Set, r)
	return nil
}

// corrupted is an image spoilt.
func (m *meter) corrupted(c corrupt.Corruption, i, severity int) []float32 {
	return c.Apply(m.canvas(i), severity, corrupt.Seed(m.config.Seed, i)).Pix
}

// canvas is an image as package corrupt takes it.
func (m *meter) canvas(i int) corrupt.Picture {
	return corrupt.Picture{Pix: m.images[i], C: m.p.Input[0], H: m.p.Input[1], W: m.p.Input[2]}
}

// addCorrupted adds a corruption to its set, whose mean follows.
func (r *Report) addCorrupted(set string, c Corrupted) {
	n := len(r.Corruptions)
	if n == 0 || r.Corruptions[n-1].Name != set {
		r.Corruptions = append(r.Corruptions, CorruptedSet{Name: set})
		n++
	}
	s := &r.Corruptions[n-1]
	s.Corruptions = append(s.Corruptions, c)
	s.Mean = 0
	for _, c := range s.Corruptions {
		s.Mean += c.Accuracy / float64(len(s.Corruptions))
	}
}

// RelativeError is the mean over a set's corruptions of the network's error as
// published over a baseline's (Hendrycks and Dietterich 2019 call it mCE): below 1 is
// better than the baseline. Corruptions that only one of the two has, or that the
// baseline bears without an error, are left out; of is the number of the others.
func (s CorruptedSet) RelativeError(baseline CorruptedSet) (relative float64, of int) {
	var sum float64
	for _, c := range s.Corruptions {
		for _, b := range baseline.Corruptions {
			if b.Name == c.Name && b.Accuracy < 1 {
				sum += (1 - c.Accuracy) / (1 - b.Accuracy)
				of++
			}
		}
	}
	return sum / float64(max(of, 1)), of
}

// Title is a name as people write it: "shot noise".
func Title(name string) string { return strings.ReplaceAll(name, "_", " ") }
