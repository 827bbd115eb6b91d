package infer

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/weights"
)

// Score says how well the network knows each of any number of images, as Predict
// takes them, by one of the scores of [weights.Unknown]: a larger score is of a better
// known image. The threshold does not matter. What a score needs is made anew for each
// call, but for the predictor's own: [Predictor.Calibrate] makes it once for many.
func (p *Predictor) Score(images [][]float32, u *weights.Unknown) ([]float64, error) {
	score := p.score
	if u != p.unknown || u == nil {
		var err error
		if score, _, err = p.scoreOf(u); err != nil {
			return nil, err
		}
	}
	outputs, err := p.outputs(images, u.Score == weights.ScoreNeighbours)
	if err != nil {
		return nil, err
	}
	return score(outputs)
}

// score says how well the network knows images.
type score func(outputs []output) ([]float64, error)

// oneByOne is the score of each image by itself.
func oneByOne(f func(o output) float64) score {
	return func(outputs []output) ([]float64, error) {
		scores := make([]float64, len(outputs))
		for i, o := range outputs {
			scores[i] = f(o)
		}
		return scores, nil
	}
}

// scoreOf returns the score that u names, and the graphs that it computes with, nil for
// none.
func (p *Predictor) scoreOf(u *weights.Unknown) (score, *models, error) {
	if err := u.Check(); err != nil {
		return nil, nil, fmt.Errorf("infer: unknown: %w", err)
	}
	switch u.Score {
	case weights.ScoreProbability:
		return oneByOne(largestProbability), nil, nil
	case weights.ScoreEnergy:
		return oneByOne(energy), nil, nil
	}
	width, err := p.featureWidth()
	if err != nil {
		return nil, nil, err
	}
	if has := u.Features.Shape()[1]; has != width {
		return nil, nil, fmt.Errorf("infer: unknown: the images that are known have %d features, want %d as the network's images have", has, width)
	}
	n, err := newNeighbours(u)
	if err != nil {
		return nil, nil, err
	}
	return n.score, n.products, nil
}

// featureWidth is how many features an image has.
func (p *Predictor) featureWidth() (int, error) {
	blank, err := p.Features([][]float32{make([]float32, p.Input[0]*p.Input[1]*p.Input[2])})
	if err != nil {
		return 0, err
	}
	return len(blank[0]), nil
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

// neighbours compare images with known ones: the products of their features are a
// network of one Dense.
type neighbours struct {
	count    int // the known images of which the last one counts
	products *models
}

func newNeighbours(u *weights.Unknown) (neighbours, error) {
	n, width := u.Features.Shape()[0], u.Features.Shape()[1]
	known, columns := u.Features.Float32s(), make([]float32, n*width)
	for i, v := range known {
		columns[i%width*n+i/width] = v
	}
	l := graph.Sequential{graph.Flatten{}, graph.Dense{Units: n, NoBias: true}}
	m := weights.Model{Input: [3]int{width, 1, 1}, Tensors: map[string]*tensor.Dense{
		"dense/weight": tensor.New(tensor.WithShape(width, n), tensor.WithBacking(columns)),
	}}
	w := &graph.Weights{From: m.Tensors}
	net, err := graph.NewNetwork(l, m.Input[:], graph.Options{Weights: w, Fixed: true})
	if err != nil {
		return neighbours{}, err
	}
	w.From = nil
	one, err := net.Model(graph.Infer, 1)
	if err != nil {
		return neighbours{}, err
	}
	products := newModels(l, net.Weights, m, one)
	products.loss = graph.MSE{} // no probabilities
	return neighbours{u.Neighbours, products}, nil
}

// score is the cosine of the angle between an image's features and the count-th
// nearest known ones.
func (n neighbours) score(outputs []output) ([]float64, error) {
	scores := make([]float64, 0, len(outputs))
	for len(outputs) > 0 {
		batch := make([][]float32, batchSize(len(outputs)))
		for i := range batch {
			batch[i] = unit(outputs[i].features)
		}
		err := n.products.use(variant{batch: len(batch)}, batch, func(g *graph.Model) error {
			if err := g.Run(); err != nil {
				return err
			}
			for products := range slices.Chunk(g.Output().Float32s(), g.OutputShape()[1]) {
				scores = append(scores, float64(nth(products, n.count)))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		outputs = outputs[len(batch):]
	}
	return scores, nil
}

// nth is the n-th largest of values, of which there are as many. It keeps the largest
// so far, which few of many values change.
func nth(values []float32, n int) float32 {
	largest := slices.Sorted(slices.Values(values[:n]))
	for _, v := range values[n:] {
		if !(v > largest[0]) {
			continue
		}
		i := 0
		for ; i+1 < n && largest[i+1] < v; i++ {
			largest[i] = largest[i+1]
		}
		largest[i] = v
	}
	return largest[0]
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
