package robust_test

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/infer/robust"
)

// columns are images of 1×5×5 with one white column: 0 or 1 for class 0, 3 or 4 for
// class 1.
type columns struct{}

func (columns) Len() int { return 4 }

func (columns) Read(i int, x []float32) (class int, err error) {
	column := [4]int{0, 1, 3, 4}[i]
	for row := range 5 {
		x[5*row+column] = 1
	}
	return i / 2, nil
}

func Example() {
	w := make([]float32, 25*2)
	for i := range 25 {
		w[2*i], w[2*i+1] = float32(2-i%5), float32(i%5-2) // the left votes for 0, the right for 1
	}
	p, err := infer.New(graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2, NoBias: true}}, weights.Model{
		Input: [3]int{1, 5, 5}, Classes: []string{"left", "right"},
		Tensors: map[string]*tensor.Dense{"dense/weight": tensor.New(tensor.WithShape(25, 2), tensor.WithBacking(w))},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := robust.Measure(context.Background(), p, columns{}, robust.Config{What: []string{"attacks/pgd", "certificates/interval"}, Epsilon: 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("clean", r.Clean.Accuracy)
	fmt.Println("after pgd", r.Attacks.Attacks[0].Accuracy)
	fmt.Println("proven", r.Certificates.Interval.Accuracy)
	// Output:
	// clean 1
	// after pgd 1
	// proven 1
}
