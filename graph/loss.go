package graph

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/op"
)

// Loss is the end of a network. It says what the network is trained for.
type Loss interface {
	// Target is the shape of the targets of a batch, given the network's
	// output.
	Target(output tensor.Shape) tensor.Shape
	// Cost returns the scalar to minimise. weights (N) has a weight for each
	// sample.
	Cost(s *Scope, output, target, weights *gorgonia.Node) *gorgonia.Node
	// Predict turns the network's output into the prediction that a user sees.
	Predict(s *Scope, output *gorgonia.Node) *gorgonia.Node
}

// Kinds is the number of values that the targets (N) of a classifier may have: that of its classes, or
// of the Sets of BinaryCrossEntropy.
func (m *Model) Kinds() int {
	if l, ok := m.b.opts.Loss.(interface{ Kinds() int }); ok {
		return l.Kinds()
	}
	return m.OutputShape()[1]
}

// Correct is the number of samples of the last run whose output is right: as the loss says, if it has a
// method Right(logits []float32, target int) bool as [BinaryCrossEntropy] has, else those whose largest
// logit is that of the target's class. The output is (N,classes), the targets (N).
func (m *Model) Correct() (n int) {
	targets, logits := m.Target.Float32s(), m.Output().Float32s()
	classes := len(logits) / len(targets)
	right := func(logits []float32, target int) bool { return ArgMax(logits) == target }
	if l, ok := m.b.opts.Loss.(interface {
		Right(logits []float32, target int) bool
	}); ok {
		right = l.Right
	}
	for i, t := range targets {
		if right(logits[i*classes:][:classes], int(t)) {
			n++
		}
	}
	return n
}

// CrossEntropy trains a classifier. The network's output is logits
// (N,classes), the targets are class indices (N), the prediction is
// probabilities, SoftMax of the logits/Temperature. [op.CrossEntropy] has the
// formula.
type CrossEntropy struct {
	Smoothing float64 // label smoothing (Szegedy et al. 2015), at least 0 and less than 1
	Sum       bool    // in Train mode the weighted sum over the batch, in the place of the weighted mean

	// Temperature divides the logits of the prediction (Guo et al. 2017), which
	// calibrates it and leaves the ranking of the classes; 0 means 1. The cost is of
	// the logits themselves.
	Temperature float64
}

// Target is (N).
func (CrossEntropy) Target(output tensor.Shape) tensor.Shape { return output[:1] }

// Cost is the mean cross-entropy, or the sum with Sum.
func (l CrossEntropy) Cost(s *Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	if l.Sum && s.Training() {
		return s.Node(op.CrossEntropySum(output, target, weights, l.Smoothing))
	}
	return s.Node(op.CrossEntropy(output, target, weights, l.Smoothing))
}

// Predict is [Probabilities].
func (l CrossEntropy) Predict(s *Scope, output *gorgonia.Node) *gorgonia.Node {
	return s.Unary(Probabilities(l.Temperature), output)
}

// GeneralizedCrossEntropy trains a classifier on labels some of which are wrong (Zhang and Sabuncu
// 2018): it is CrossEntropy but for the cost, which gives a label the less to say the less the
// network believes it. [op.GeneralizedCrossEntropy] has the formula.
type GeneralizedCrossEntropy struct {
	Exponent float64 // the paper's q, above 0 and at most 1; 0 means 0.7, the paper's
	Sum      bool    // as CrossEntropy has it
}

// Target is (N).
func (GeneralizedCrossEntropy) Target(output tensor.Shape) tensor.Shape { return output[:1] }

// Cost is the mean, or the sum with Sum.
func (l GeneralizedCrossEntropy) Cost(s *Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	q := l.Exponent
	if q == 0 {
		q = 0.7
	}
	if l.Sum && s.Training() {
		return s.Node(op.GeneralizedCrossEntropySum(output, target, weights, q))
	}
	return s.Node(op.GeneralizedCrossEntropy(output, target, weights, q))
}

// Predict is SoftMax.
func (GeneralizedCrossEntropy) Predict(s *Scope, output *gorgonia.Node) *gorgonia.Node {
	return s.Node(op.SoftMax(output))
}

// Focal trains a classifier where some classes have far fewer images than others (Lin et al. 2017): it
// is CrossEntropy but for the cost, which counts an image the less the surer the network is of its
// class. [op.Focal] has the formula.
type Focal struct {
	Gamma float64 // the paper's γ, above 0; 0 means 2, the paper's
	Sum   bool    // as CrossEntropy has it
}

// Target is (N).
func (Focal) Target(output tensor.Shape) tensor.Shape { return output[:1] }

// Cost is the mean, or the sum with Sum.
func (l Focal) Cost(s *Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	gamma := l.Gamma
	if gamma == 0 {
		gamma = 2
	}
	if l.Sum && s.Training() {
		return s.Node(op.FocalSum(output, target, weights, gamma))
	}
	return s.Node(op.Focal(output, target, weights, gamma))
}

// Predict is SoftMax.
func (Focal) Predict(s *Scope, output *gorgonia.Node) *gorgonia.Node {
	return s.Node(op.SoftMax(output))
}

// BinaryCrossEntropy trains a network that says of each class whether an image has it, however many
// that are. The network's output is logits (N,classes), the prediction is a probability for each class,
// Sigmoid of the logits. [op.BinaryCrossEntropy] has the formula.
type BinaryCrossEntropy struct {
	// Sets are the classes that an image may have together: the targets are indices of them (N).
	// With nil they are (N,classes), 1 for an image's classes and 0 for the others.
	Sets [][]int
	Sum  bool // as CrossEntropy has it
}

// Target is (N), or without Sets the output's shape.
func (l BinaryCrossEntropy) Target(output tensor.Shape) tensor.Shape {
	if l.Sets != nil {
		return output[:1]
	}
	return output
}

// Cost is the mean, or the sum with Sum.
func (l BinaryCrossEntropy) Cost(s *Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	sum := l.Sum && s.Training()
	switch {
	case l.Sets != nil && sum:
		return s.Node(op.BinaryCrossEntropyOfSetsSum(output, target, weights, l.Sets))
	case l.Sets != nil:
		return s.Node(op.BinaryCrossEntropyOfSets(output, target, weights, l.Sets))
	case sum:
		return s.Node(op.BinaryCrossEntropySum(output, target, weights))
	}
	return s.Node(op.BinaryCrossEntropy(output, target, weights))
}

// Predict is Sigmoid.
func (BinaryCrossEntropy) Predict(s *Scope, output *gorgonia.Node) *gorgonia.Node {
	return s.Node(op.Sigmoid(output))
}

// Kinds is the number of Sets.
func (l BinaryCrossEntropy) Kinds() int { return len(l.Sets) }

// Right reports whether the classes with a probability above ½ are those of the target, an index of
// Sets.
func (l BinaryCrossEntropy) Right(logits []float32, target int) bool {
	found := 0
	for _, v := range logits {
		if v > 0 {
			found++
		}
	}
	for _, k := range l.Sets[target] {
		if !(logits[k] > 0) {
			return false
		}
	}
	return found == len(l.Sets[target])
}

// MSE trains a regression on the mean squared error. Targets and predictions
// have the output's shape.
type MSE struct{}

// Target is the output's shape.
func (MSE) Target(output tensor.Shape) tensor.Shape { return output }

// Cost is the mean squared error.
func (MSE) Cost(s *Scope, output, target, weights *gorgonia.Node) *gorgonia.Node {
	return s.Node(op.MSE(output, target, weights))
}

// Predict is the output itself.
func (MSE) Predict(_ *Scope, output *gorgonia.Node) *gorgonia.Node { return output }

// Score is the sum of the outputs, each times its target, which has the
// output's shape. It is for looking at a network, not for training one: with
// Options.InputGradient and a target of 1 for one class and 0 for the others,
// InputGrad is the gradient of that class's logit. Sample weights do not count.
type Score struct{}

// Target is the output's shape.
func (Score) Target(output tensor.Shape) tensor.Shape { return output }

// Cost is the sum.
func (Score) Cost(s *Scope, output, target, _ *gorgonia.Node) *gorgonia.Node {
	n := output.Shape().TotalSize()
	row, column := s.Node(op.Reshape(output, 1, n)), s.Node(op.Reshape(target, n, 1))
	return s.Node(op.Reshape(s.Node(op.Mul(row, column, nil))))
}

// Predict is the output itself.
func (Score) Predict(_ *Scope, output *gorgonia.Node) *gorgonia.Node { return output }

// ArgMax is the index of the largest value, the first of equal ones: the class
// that a row of logits or probabilities stands for.
func ArgMax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
