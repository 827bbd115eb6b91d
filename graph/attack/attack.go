package attack

import (
	"context"
	"fmt"
)

// Attack is a way to look for adversarial pictures. Its settings are a struct's fields.
type Attack interface {
	// Name is short, as in pgd.
	Name() string
	// Settings lists all settings with the values that they have, defaults included.
	Settings() []Setting
	// Run attacks the pictures, of which classes are the right ones, and stops within one
	// batch when the context is done.
	Run(ctx context.Context, v *Victim, images [][]float32, classes []int) (*Outcome, error)
}

// Setting is a parameter of an attack, for reports.
type Setting struct {
	Name  string `json:"name"`
	Value any    `json:"value"` // a number, a string, or a list of them
}

// Outcome is what an attack came to.
type Outcome struct {
	Images   []Result // as many as there were pictures, in their order
	Warnings []string // why the attack may look better for the network than it is
}

// Result is what an attack came to with one picture.
type Result struct {
	// Adversarial is the picture that was found. Without Success it is the last that was
	// tried: no further from the clean one either, for training on. It may be the clean
	// picture's own memory, if the network is wrong about that.
	Adversarial []float32
	Success     bool   // a plain prediction of Adversarial is of another class
	Class       int    // what a plain prediction of Adversarial is, -1 if nobody asked
	By          string // the attack that found it, "" without Success; clean if none was needed

	Queries       int // pictures that the network looked at
	Gradients     int // the ones of them with a gradient
	ZeroGradients int // the gradients that were zero in every pixel
}

// Accuracy is the part of the pictures that the network still gets right.
func (o *Outcome) Accuracy() float64 {
	right := 0
	for _, r := range o.Images {
		if !r.Success {
			right++
		}
	}
	return float64(right) / float64(max(1, len(o.Images)))
}

// Adversarial are the pictures of all results.
func (o *Outcome) Adversarial() [][]float32 {
	var x [][]float32
	for _, r := range o.Images {
		x = append(x, r.Adversarial)
	}
	return x
}

// checkBall refuses a radius or a norm that is none.
func checkBall(norm Norm, epsilon float64) error {
	if norm != Linf && norm != L2 {
		return fmt.Errorf("attack: %v, want linf or l2", norm)
	}
	if !(epsilon >= 0 && epsilon <= maxEpsilon) {
		return fmt.Errorf("attack: epsilon %g, want 0 to %g: a distance of pixels in [0,1]", epsilon, maxEpsilon)
	}
	return nil
}

// maxEpsilon is far more than any two pictures differ by.
const maxEpsilon = 1e6

// count is a setting that is a number of something.
type count struct {
	what string
	n    int
}

// checkCounts refuses a negative number of steps and the like.
func checkCounts(counts ...count) error {
	for _, c := range counts {
		if c.n < 0 {
			return fmt.Errorf("attack: %d %s, want 1 or more, or 0 for the default", c.n, c.what)
		}
	}
	return nil
}
