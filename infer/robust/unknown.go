package robust

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tapenet/graph/metric"
	"tapenet/graph/raster/corrupt"
	"tapenet/graph/weights"
)

// UnknownSet says how well the network tells images that are none of its classes from
// those that are, by scores that a threshold can be put on. It needs one prediction of
// an image, so that there are more images than in other measurements.
type UnknownSet struct {
	Name   string      `json:"name"`   // of the images of no class
	Images int         `json:"images"` // of no class
	Known  int         `json:"known"`  // images of the classes
	Scores []Detection `json:"scores"`
}

// Detection is one score.
type Detection struct {
	Name  string  `json:"name"`  // as graph/weights has it: probability, energy, neighbours
	AUROC float64 `json:"auroc"` // the probability that an image of a class has a larger score than one of none
	FPR   float64 `json:"fpr95"` // images of no class that pass a threshold that 95 % of the others pass
}

// strangers bounds the made images of no class.
const strangers = 2000

func unknownItems([3]int) []item {
	return []item{{
		group: "unknown",
		cost: func(m *meter) int {
			n := len(m.detectors()) * m.config.images(m.samples.Len(), quickImages)
			for _, s := range m.unknownSets() {
				n += len(m.detectors()) * m.config.images(s.Samples.Len(), quickImages)
			}
			return n
		},
		run: (*meter).unknown,
	}}
}

// unknownSets are the config's, and made ones.
func (m *meter) unknownSets() []Named {
	n := min(strangers, m.config.images(m.samples.Len(), quickImages))
	all := append([]Named(nil), m.config.Unknown...)
	return append(all,
		Named{"scrambled", scrambled{m.samples, n, m.p.Input, m.config.Seed}},
		Named{"noise", noise{n, m.config.Seed}})
}

// detectors are the names of the scores.
func (m *meter) detectors() []string {
	if m.config.Known == nil {
		return []string{weights.ScoreProbability, weights.ScoreEnergy}
	}
	return weights.Scores()
}

// unknown measures all sets by all scores.
func (m *meter) unknown() error {
	sets := m.unknownSets()
	all := make([]UnknownSet, len(sets))
	n := m.config.images(m.samples.Len(), quickImages)
	for i, s := range sets {
		all[i] = UnknownSet{Name: s.Name, Images: m.config.images(s.Samples.Len(), quickImages), Known: n}
	}
	for _, name := range m.detectors() {
		u, err := m.detector(name)
		if err != nil { // such as a network whose end has no features
			m.report.Skipped = append(m.report.Skipped, Skip{"unknown by " + name, err.Error()})
			continue
		}
		in, err := m.scores(m.samples, n, u)
		if err != nil {
			return err
		}
		for i, s := range sets {
			out, err := m.scores(s.Samples, all[i].Images, u)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			d := Detection{name, metric.AUROC(in, out), metric.FalsePositiveRate(in, out, 0.95)}
			if math.IsNaN(d.AUROC) || math.IsNaN(d.FPR) {
				return fmt.Errorf("robust: the %s of images of %s are not finite numbers, want a network whose outputs are", name, s.Name)
			}
			all[i].Scores = append(all[i].Scores, d)
		}
	}
	m.report.Unknown = all
	return nil
}

// detector is a score that package infer computes.
func (m *meter) detector(name string) (*weights.Unknown, error) {
	u := &weights.Unknown{Score: name}
	if name != weights.ScoreNeighbours {
		return u, nil
	}
	features, err := m.p.KnownFeatures(m.ctx, m.config.Known, 0)
	if err != nil {
		return nil, err
	}
	u.Features, u.Neighbours = features, min(5, features.Shape()[0])
	return u, nil
}

// scores are those of the first n samples.
func (m *meter) scores(s Samples, n int, u *weights.Unknown) (all []float64, err error) {
	err = m.batches(s, n, func(images [][]float32, _ []int) error {
		some, err := m.p.Score(images, u)
		all = append(all, some...)
		return err
	})
	return all, err
}

// noise is images of independent pixels, even from 0 to 1.
type noise struct {
	n    int
	seed uint64
}

// Len is the number of images.
func (s noise) Len() int { return s.n }

// Read makes image i.
func (s noise) Read(i int, x []float32) (int, error) {
	r := stream(s.seed, i, 1)
	for k := range x {
		x[k] = float32(r.IntN(256)) / 255
	}
	return 0, nil
}

// scrambled is the first images of other samples, cut into 4×4 blocks that have
// changed places: strokes without a shape.
type scrambled struct {
	Samples
	n     int
	input [3]int
	seed  uint64
}

// Len is the number of images.
func (s scrambled) Len() int { return s.n }

// Read reads an image and moves its blocks. Rows and columns that are left over at the
// end stay where they are.
func (s scrambled) Read(i int, x []float32) (int, error) {
	whole := make([]float32, len(x))
	class, err := s.Samples.Read(i, whole)
	if err != nil {
		return 0, err
	}
	copy(x, whole)
	const across = 4
	c, h, w := s.input[0], s.input[1], s.input[2]
	bh, bw := h/across, w/across
	for to, from := range stream(s.seed, i, 2).Perm(across * across) {
		for k := range c * bh * bw {
			plane, row, column := k/(bh*bw)*h*w, k/bw%bh, k%bw
			x[plane+(to/across*bh+row)*w+to%across*bw+column] = whole[plane+(from/across*bh+row)*w+from%across*bw+column]
		}
	}
	return class, nil
}

// stream is a stream of random numbers of an image and a purpose.
func stream(seed uint64, image, purpose int) *rand.Rand {
	return rand.New(rand.NewPCG(corrupt.Seed(seed, image), uint64(purpose)))
}
