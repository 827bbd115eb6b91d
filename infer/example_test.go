package infer_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// trainCNN leaves a run's folder, as go run ./cmd/train does.
func trainCNN() (dir string) {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 600), data.Limit(d.Test, 100)
	_, err = train.Fit(context.Background(), modelzoo.CNN(10), d, train.Config{Epochs: 1, Seed: 1, Dir: dir, Model: "cnn"})
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

func ExampleLoad() {
	dir := trainCNN()
	defer os.RemoveAll(dir)

	p, err := infer.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	one := image.NewGray(image.Rect(0, 0, 200, 200)) // a white bar on black
	for y := 40; y < 160; y++ {
		for x := 90; x < 108; x++ {
			one.SetGray(x, y, color.Gray{Y: 255})
		}
	}
	predictions, err := p.PredictImages(one)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("input", p.Input, "label", predictions[0].Label)
	// Output: input [1 28 28] label 1
}

func ExamplePredictor_Predict() {
	// Any network will do; this one looks which half of a 1×2 image is lighter.
	model := weights.Model{
		Input:   [3]int{1, 1, 2},
		Classes: []string{"left", "right"},
		Tensors: map[string]*tensor.Dense{
			"dense/weight": tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{4, 0, 0, 4})),
			"dense/bias":   tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{0, 0})),
		},
	}
	p, err := infer.New(graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}, model)
	if err != nil {
		log.Fatal(err)
	}
	predictions, err := p.Predict([][]float32{{1, 0}, {0.2, 0.7}})
	if err != nil {
		log.Fatal(err)
	}
	for _, prediction := range predictions {
		fmt.Printf("%s %.2f\n", prediction.Label, prediction.Probabilities)
	}
	// Output:
	// left [0.98 0.02]
	// right [0.12 0.88]
}

// A network's probabilities are worth more when they were fitted on images that it has
// not trained on. The same images say when a picture is no digit at all.
func ExampleCalibration() {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 1200), data.Limit(d.Test, 100)
	part, err := data.Split(d, 0.5, 1, true) // half is held out
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, err = train.Fit(context.Background(), modelzoo.CNN(10), part, train.Config{Epochs: 6, Seed: 1, Dir: dir, Model: "cnn"})
	if err != nil {
		log.Fatal(err)
	}
	p, err := infer.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	c := infer.Calibration{Score: weights.ScoreNeighbours, Share: 0.95, Known: part.Train}
	f, err := c.Fit(context.Background(), p, part.Test)
	if err != nil {
		log.Fatal(err)
	}
	if p, err = p.Calibrate(f.Temperature, f.Unknown); err != nil { // weights.Model has fields for both
		log.Fatal(err)
	}
	stripes := slices.Repeat([]float32{1, 1, 0, 0}, 196)
	predictions, err := p.Predict([][]float32{stripes})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("too sure of itself:", f.Temperature > 1)
	fmt.Println("stripes are none of the digits:", predictions[0].Unknown)
	// Output:
	// too sure of itself: true
	// stripes are none of the digits: true
}

func ExampleDecodeImage() {
	_, err := infer.DecodeImage(strings.NewReader("no picture"))
	fmt.Println(err)
	// Output: infer: no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF
}

// Where a network looked, and what its first layer made of it.
func ExamplePredictor_Saliency() {
	dir := trainCNN()
	defer os.RemoveAll(dir)

	p, err := infer.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	bar := make([]float32, 28*28)
	for y := 4; y < 24; y++ {
		bar[28*y+14] = 1
	}
	predictions, err := p.Predict([][]float32{bar})
	if err != nil {
		log.Fatal(err)
	}
	s, err := p.Saliency(bar, predictions[0].Class)
	if err != nil {
		log.Fatal(err)
	}
	maps, err := p.FeatureMaps(bar, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Image().Bounds().Size(), "of", maps.Layer, len(maps.Images()), "maps of", maps.Images()[0].Bounds().Size())
	// Output: (28,28) of conv2d 32 maps of (26,26)
}

// What a foreign network knows of images, without its last layer, compares them.
func ExampleLoadExtractor() {
	e, err := infer.LoadExtractor("../graph/tfjs/testdata/trained/model.json", "")
	if err != nil {
		log.Fatal(err)
	}
	features, err := e.Features([][]float32{make([]float32, 8*8)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Input, len(features), e.Size)
	// Output: [1 8 8] 1 27
}
