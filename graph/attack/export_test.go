package attack

// For tests of the parts.
var (
	Checkpoints = checkpoints
	Upright     = upright
	Targets     = targets
	Interval    = interval
	ArgMax      = argMax
)

// Onto is the step from x to the plane w·y = w·x + gap.
func Onto(n Norm, x, w []float32, gap float64) []float32 {
	d := make([]float32, len(x))
	n.onto(d, x, w, gap)
	return d
}

// Part is the part of the picture that a square covers at a query.
func (a Square) Part(query int) float64 { return a.defaults().part(query) }

// Sizes are the batch sizes of a victim's graphs with gradients.
func (v *Victim) Sizes() (sizes []int) {
	for size := range v.kinds[gradient].models {
		sizes = append(sizes, size)
	}
	return sizes
}

// Ascend is a step of PGD from x.
func Ascend(n Norm, epsilon float64, clean, x, gradient []float32, step float64) {
	newBall(n, epsilon, clean).ascend(x, gradient, step)
}
