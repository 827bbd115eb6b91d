package gosource_test

import (
	"fmt"
	"strings"

	"tapenet/graph"
	"tapenet/graph/gosource"
)

func Example() {
	layer := graph.Sequential{graph.Conv2D{Filters: 4, Kernel: 3}, graph.BatchNorm{}, graph.ReLU, graph.Flatten{}, graph.Dense{Units: 2}}
	net, err := graph.NewNetwork(layer, []int{1, 8, 8}, graph.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	files, err := gosource.Options{Package: "shapes", Classes: []string{"square", "circle"}}.Export(layer, net.Weights.Map(), [3]int{1, 8, 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range files {
		fmt.Println(f.Name)
	}
	_, network, _ := strings.Cut(string(files[0].Content), "\t// conv2d\n")
	network, _, _ = strings.Cut(network, "window{")
	fmt.Print(network)
	// Output:
	// model.go
	// weights.bin
	// 	v1 := m[0:144]   // [6,6,4]
	// 	v2 := m[208:262] // [6,9]
	// 	conv(v1, v0, products[0:9], products[9:10], v2,
}
