package corrupt_test

import (
	"fmt"

	"tapenet/graph/raster/corrupt"
)

func ExampleFind() {
	picture := corrupt.Picture{Pix: make([]float32, 28*28), C: 1, H: 28, W: 28} // black
	c, err := corrupt.Find("brightness")
	if err != nil {
		fmt.Println(err)
		return
	}
	for severity := 1; severity <= 5; severity++ {
		fmt.Printf("%.2f ", c.Apply(picture, severity, corrupt.Seed(1, 0)).Pix[0])
	}
	fmt.Println(c)
	// Output: 0.10 0.20 0.30 0.40 0.50 mnist/brightness
}
