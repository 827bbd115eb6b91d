package onnx_test

import (
	"fmt"

	"tapenet/graph"
	"tapenet/graph/onnx"
)

func Example() {
	layer := graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3}, graph.BatchNorm{}, graph.ReLU, graph.Flatten{}, graph.Dense{Units: 2}}
	net, err := graph.NewNetwork(layer, []int{1, 8, 8}, graph.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := onnx.Options{FoldBatchNorm: true, Logits: true}.Export(layer, net.Weights.Map(), net.Input...)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := onnx.Load(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	back, err := graph.NewNetwork(m, m.Input, graph.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Input, back.Weights.Names())
	// Output: [1 8 8] [conv2d/bias conv2d/weight dense/bias dense/weight]
}
