package keras_test

import (
	"fmt"

	"tapenet/graph"
	"tapenet/graph/keras"
)

func Example() {
	m, err := keras.Load("testdata/small.keras")
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
	// [4] false
	// dense/bias (3)
	// dense/weight (4, 3)
	// dense_1/bias (3)
	// dense_1/weight (4, 3)
	// dense_2/bias (2)
	// dense_2/weight (3, 2)
}
