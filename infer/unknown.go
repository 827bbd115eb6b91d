package infer

import (
	"fmt"
	"math"

	"tapenet/graph/weights"
)

// Score says how well the network knows each of any number of images, as Predict
// takes them, by one of the scores of [weights.Unknown]: a larger score is of a better
// known image. The threshold does not matter.
func (p *Predictor) Score(images [][]float32, u *weights.Unknown) ([]float64, error) {
	score, err := p.scoreOf(u)
	if err != nil {
		return nil, err
	}
	outputs, err := p.outputs(images, u.Score == weights.ScoreNeighbours)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, len(outputs))
	for i, o := range outputs {
		scores[i] = score(o)
	}
	return scores, nil
}

// score says how well the network knows an image.
type score func(o output) float64

// scoreOf returns the score that u names.
func (p *Predictor) scoreOf(u *weights.Unknown) (score, error) {
	if err := u.Check(); err != nil {
		return nil, fmt.Errorf("infer: unknown: %w", err)
	}
	switch u.Score {
	case weights.ScoreProbability:
		return largestProbability, nil
	case weights.ScoreEnergy:
		return energy, nil
	}
	n := neighbours{count: u.Neighbours, width: u.Features.Shape()[1], known: u.Features.Float32s()}
	blank, err := p.Features([][]float32{make([]float32, p.Input[0]*p.Input[1]*p.Input[2])})
	if err != nil {
		return nil, err
	}
	if len(blank[0]) != n.width {
		return nil, fmt.Errorf("infer: unknown: the images that are known have %d features, want %d as the network's images have", n.width, len(blank[0]))
	}
	return n.score, nil
}

func largestProbability(o output) float64 {
	most := o.probabilities[0]
	for _, v := range o.probabilities {
		most = max(most, v)
	}
	return float64(most)
}

// energy is log Σ exp of the logits, without the temperature.
func energy(o output) float64 {
	most := o.logits[0]
	for _, v := range o.logits {
		most = max(most, v)
	}
	var sum float64
	for _, v := range o.logits {
		sum += math.Exp(float64(v) - float64(most))
	}
	return float64(most) + math.Log(sum)
}

// neighbours are the features of known images: rows of length 1.
type neighbours struct {
	count, width int
	known        []float32
}

// score is the negative distance of an image's features, scaled to length 1, to the
// known ones that are the count-th nearest. Between vectors of length 1 it is
// √(2-2·cos).
func (n neighbours) score(o output) float64 {
	x := unit(o.features)
	nearest := make([]float32, 0, n.count) // the largest products, falling
	for row := n.known; len(row) > 0; row = row[n.width:] {
		nearest = keep(nearest, n.count, dot(x, row[:n.width]))
	}
	return -math.Sqrt(max(0, 2-2*float64(nearest[n.count-1])))
}

// keep puts v where it belongs among the most largest values so far.
func keep(largest []float32, most int, v float32) []float32 {
	if len(largest) < most {
		largest = append(largest, v)
	} else if !(v > largest[most-1]) {
		return largest
	}
	i := len(largest) - 1
	for ; i > 0 && largest[i-1] < v; i-- {
		largest[i] = largest[i-1]
	}
	largest[i] = v
	return largest
}

// unit is x scaled to length 1; 0 stays 0.
func unit(x []float32) []float32 {
	var squares float64
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	u := make([]float32, len(x))
	if squares == 0 {
		return u
	}
	scale := 1 / math.Sqrt(squares)
	for i, v := range x {
		u[i] = float32(float64(v) * scale)
	}
	return u
}

// dot is x·y. Four sums, as one addition has to wait for the one before it.
func dot(x, y []float32) float32 {
	y = y[:len(x)]
	var a, b, c, d float32
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		a, b, c, d = a+x[0]*y[0], b+x[1]*y[1], c+x[2]*y[2], d+x[3]*y[3]
	}
	for i, v := range x {
		a += v * y[i]
	}
	return a + b + c + d
}
