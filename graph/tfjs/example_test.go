package tfjs_test

import (
	"fmt"
	"os"

	"tapenet/graph"
	"tapenet/graph/tfjs"
)

func Example() {
	m, err := tfjs.Load(os.DirFS("testdata/trained"), "model.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	net, err := graph.NewNetwork(m, m.Input, graph.Options{}) // run it, train it on
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Input, m.SoftMax)
	for _, name := range net.Weights.Names() {
		fmt.Println(name, net.Weights.Get(name).Shape())
	}
	// Output:
	// [1 8 8] true
	// batchnorm/beta (3)
	// batchnorm/gamma (3)
	// batchnorm/mean (3)
	// batchnorm/variance (3)
	// conv2d/bias (3)
	// conv2d/weight (3, 1, 3, 3)
	// dense/bias (2)
	// dense/weight (27, 2)
}
