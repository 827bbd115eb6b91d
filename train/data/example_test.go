package data_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

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

// Rotated MNIST measures what a network makes of turned digits.
func ExampleRotated() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	if d, err = data.Rotated(d, 12000, 0); err != nil { // what Open("rotated-mnist") gives
		log.Fatal(err)
	}
	fmt.Println(d.Name, d.Train.Len(), "for training,", d.Test.Len(), "for testing")
	// Output: rotated-mnist 12000 for training, 10000 for testing
}

// A short run for trying things out needs no more than the first thousand
// images.
func ExampleLimit() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	d.Train = data.Limit(d.Train, 1000)
	fmt.Println(d.Train.Len(), d.Test.Len())
	// Output: 1000 10000
}

// A step of one's own is a type with one method: this one shows the negative of
// every other image.
type negative struct{}

func (negative) Apply(im *data.Image, r *rand.Rand) {
	if r.IntN(2) == 0 {
		return
	}
	x := im.Pixels()
	for i, v := range x {
		x[i] = 1 - v
	}
}

// Train on other images in each epoch: moved, turned and deformed, and by a
// step of one's own.
func ExampleAugment() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	d = data.Augment(d, 1, data.Shift{By: 0.1}, data.Rotate{Degrees: 15}, data.Elastic{}, negative{})
	x := make([]float32, 28*28)
	for n := range 3 {
		if _, err := data.Epoch(d.Train, n).Read(0, x); err != nil {
			log.Fatal(err)
		}
		fmt.Println("epoch", n, "corner", x[0])
	}
	// Output:
	// epoch 0 corner 1
	// epoch 1 corner 0
	// epoch 2 corner 0
}

// Hold a tenth of each class out for comparing settings; the test part stays
// unseen.
func ExampleSplit() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	held, err := data.Split(d, 0.1, 1, true)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(held.Train.Len(), "to train on,", held.Test.Len(), "to compare by")
	// Output: 54000 to train on, 6000 to compare by
}

// Half of the training labels become others, to see what a way of training makes of that.
func ExampleLabelNoise() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	noisy, err := data.LabelNoise(d, 0.5, 1)
	if err != nil {
		log.Fatal(err)
	}
	was, err := data.Labels(d.Train, d.Shape)
	if err != nil {
		log.Fatal(err)
	}
	is, err := data.Labels(noisy.Train, d.Shape)
	if err != nil {
		log.Fatal(err)
	}
	same := 0
	for i := range is {
		if is[i] == was[i] {
			same++
		}
	}
	fmt.Printf("%.2f of %d labels are as before\n", float64(same)/float64(len(is)), len(is))
	// Output: 0.50 of 60000 labels are as before
}

// Measure the training images, and give all images mean 0 and deviation 1 by
// that.
func ExampleNormalize() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	stats, err := data.NewStats(context.Background(), d.Train, d.Shape)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("mean %.4f, deviation %.4f\n", stats.Mean[0], stats.Deviation[0])
	if d, err = data.Normalize(d, stats); err != nil {
		log.Fatal(err)
	}
	x := make([]float32, 28*28)
	if _, err := d.Test.Read(0, x); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("background %.3f\n", x[0])
	// Output:
	// mean 0.1307, deviation 0.3081
	// background -0.424
}

// One epoch of training: its samples in its order, read ahead while the last
// batch is being used.
func ExampleAhead() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	const seed, epoch = 1, 0
	samples := data.Epoch(d.Train, epoch)
	count := make([]int, len(d.Classes))
	err = data.Ahead(context.Background(), samples, 28*28, data.Order(samples, seed, epoch), 128, func(b data.Batch) error {
		for i, class := range b.Classes {
			_ = b.X[i*28*28:][:28*28] // the image
			count[class]++
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(count)
	// Output: [5923 6742 5958 6131 5842 5421 5918 6265 5851 5949]
}
