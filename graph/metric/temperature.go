package metric

import (
	"errors"
	"fmt"
	"math"
)

// The temperatures that are tried.
const (
	leastTemperature = 1.0 / 64
	mostTemperature  = 64
)

// FitTemperature returns the temperature T that makes SoftMax(logits/T) most
// likely for the classes (Guo et al. 2017): T above 1 makes a network less sure of
// itself, and its ranking of the classes stays. The samples have to be ones that
// training has not seen, and not those on which the result is measured.
//
// The likelihood of 1/T is concave, so that bisection of its derivative finds the
// only maximum. It is an error if that is not between 1/64 and 64: samples that
// are all classified right with room to spare have none, and samples classified no
// better than by chance none either. T is rounded to float32, as programs in float32
// divide by it.
func FitTemperature(logits [][]float32, classes []int) (float64, error) {
	if len(logits) == 0 {
		return 0, errors.New("metric: a temperature for no samples, want some that training has not seen")
	}
	if err := checkRows("logits", logits, classes); err != nil {
		return 0, err
	}
	low, high := 1.0/mostTemperature, 1.0/leastTemperature // of 1/T
	if likelihoodSlope(logits, classes, high) > 0 {
		return 0, fmt.Errorf("metric: no temperature from %v on is the most likely for %d samples, as (nearly) all are classified right: want more samples, or leave the probabilities as they are", leastTemperature, len(logits))
	}
	if likelihoodSlope(logits, classes, low) <= 0 {
		return 0, fmt.Errorf("metric: no temperature up to %v is the most likely for %d samples, which are classified no better than by chance: want a network that has learnt them", mostTemperature, len(logits))
	}
	for high-low > 1e-12*low {
		middle := math.Sqrt(low * high)
		if middle <= low || middle >= high {
			break
		}
		if likelihoodSlope(logits, classes, middle) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return float64(float32(1 / math.Sqrt(low*high))), nil
}

// SoftMax returns the probabilities exp(z_k/T)/Σ exp(z/T) of logits z at a temperature T,
// 1 being none.
func SoftMax(logits []float32, temperature float64) []float64 {
	p, sum := make([]float64, len(logits)), 0.0
	if len(logits) == 0 {
		return p
	}
	most := float64(logits[largest(logits)])
	for k, v := range logits {
		p[k] = math.Exp((float64(v) - most) / temperature)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

// likelihoodSlope is the derivative of the samples' log-likelihood for β = 1/T:
// Σ z_class - Σ_k p_k·z_k with p = SoftMax(β·z). It falls with β.
func likelihoodSlope(logits [][]float32, classes []int, beta float64) float64 {
	var slope float64
	for i, z := range logits {
		most := float64(z[largest(z)])
		var sum, weighted float64
		for _, v := range z {
			e := math.Exp(beta * (float64(v) - most))
			sum += e
			weighted += e * (float64(v) - most)
		}
		slope += float64(z[classes[i]]) - most - weighted/sum
	}
	return slope
}
