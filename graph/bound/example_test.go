package bound_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"tapenet/graph"
	"tapenet/graph/bound"
)

// A classifier that compares two pixels. It is certain as long as neither can get past the
// other.
func Example() {
	l := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2, NoBias: true, WeightInit: func(_ *rand.Rand, values []float64, _ []int) { copy(values, []float64{1, 0, 0, 1}) }}}
	net, err := graph.NewNetwork(l, []int{1, 1, 2}, graph.Options{})
	if err != nil {
		panic(err)
	}
	v, err := bound.NewVerifier(l, net.Weights, [3]int{1, 1, 2}, nil)
	if err != nil {
		panic(err)
	}
	image := []float32{0.75, 0.25}
	for _, epsilon := range []float64{0.125, 0.5} {
		margins, err := v.Margins(context.Background(), [][]float32{image}, []int{0}, epsilon)
		if err != nil {
			panic(err)
		}
		fmt.Printf("within %g: %.2f, certain: %t\n", epsilon, margins[0], margins[0] > 0)
	}
	// Output:
	// within 0.125: 0.25, certain: true
	// within 0.5: -0.50, certain: false
}
