package metric_test

import (
	"fmt"

	"tapenet/graph/metric"
)

func ExampleConfusion() {
	c := metric.NewConfusion(2)
	for _, p := range []struct{ class, predicted int }{{0, 0}, {0, 0}, {0, 1}, {1, 1}} {
		c.Add(p.class, p.predicted)
	}
	fmt.Println("accuracy ", c.Accuracy())
	fmt.Println("precision", c.Precision(1))
	fmt.Printf("recall    %.3f\n", c.Recall(0))
	// Output:
	// accuracy  0.75
	// precision 0.5
	// recall    0.667
}
