package data_test

import (
	"fmt"
	"log"

	"tapenet/train/data"
)

func Example() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Name, d.Shape, "classes", d.Classes)
	fmt.Println(d.Train.Len(), "for training,", d.Test.Len(), "for testing")
	// Output:
	// mnist [1 28 28] classes [0 1 2 3 4 5 6 7 8 9]
	// 60000 for training, 10000 for testing
}

// Read one sample and show it as text.
func ExampleSamples() {
	d, err := data.Open("mnist")
	if err != nil {
		log.Fatal(err)
	}
	c, h, w := d.Shape[0], d.Shape[1], d.Shape[2]
	x := make([]float32, c*h*w)
	class, err := d.Train.Read(0, x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("class", d.Classes[class])
	for row := 4; row < 26; row += 2 {
		line := make([]byte, w)
		for col, v := range x[row*w:][:w] {
			line[col] = ".:+*#"[int(v*4.99)]
		}
		fmt.Println(string(line))
	}
	// Output:
	// class 5
	// ............................
	// ..........:**######*##*:....
	// ........######**##..........
	// ...........*#:..............
	// ............*#:.............
	// .............:###+..........
	// ................:##*........
	// ...............+*###........
	// ...........+#####*:.........
	// .......*#####*:.............
	// ....+####++.................
}

// A short run for trying things out needs no more than the first thousand images.
func ExampleLimit() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	d.Train = data.Limit(d.Train, 1000)
	fmt.Println(d.Train.Len(), d.Test.Len())
	// Output: 1000 10000
}
