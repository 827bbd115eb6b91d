package attack_test

import (
	"context"
	"fmt"

	"tapenet/graph"
	"tapenet/graph/attack"
)

// A network is attacked by its layer and its weights; pictures are pixels from 0 to 1.
func Example() {
	layer := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 3}}
	net, err := graph.NewNetwork(layer, []int{1, 2, 2}, graph.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := attack.New(layer, net.Weights, [3]int{1, 2, 2}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	images := [][]float32{{0, 0.5, 1, 0.5}}
	_, classes, err := v.Predict(images) // what it says of them now
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, epsilon := range []float64{0, 0.01, 1} {
		o, err := attack.PGD{Epsilon: epsilon, Steps: 20}.Run(context.Background(), v, images, classes)
		if err != nil {
			fmt.Println(err)
			return
		}
		r := o.Images[0]
		fmt.Println(epsilon, r.Success, attack.Linf.Inside(r.Adversarial, images[0], epsilon))
	}
	// Output:
	// 0 false true
	// 0.01 false true
	// 1 true true
}

// The norm and the radius are those of the command line: -norm linf -eps 0.3.
func ExampleParseNorm() {
	for _, s := range []string{"linf", "l2", "l1"} {
		fmt.Println(attack.ParseNorm(s))
	}
	// Output:
	// linf <nil>
	// l2 <nil>
	// linf attack: norm "l1", want linf or l2
}

func ExampleEnsemble_Settings() {
	for _, s := range (attack.Ensemble{Epsilon: 0.3}).Settings()[:4] {
		fmt.Println(s.Name, s.Value)
	}
	// Output:
	// apgd-ce.norm linf
	// apgd-ce.epsilon 0.3
	// apgd-ce.loss ce
	// apgd-ce.steps 100
}
