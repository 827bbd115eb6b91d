package train_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// digits is a small part of MNIST, and a small network for it.
func digits(n int) (data.Dataset, graph.Layer) {
	d, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, n), data.Limit(d.Test, 200)
	return d, graph.Sequential{
		graph.AvgPool2D{Size: 2},                       // (N,1,14,14)
		graph.Flatten{},                                // (N,196)
		graph.Dense{Units: 32, Activation: graph.ReLU}, // (N,32)
		graph.Dense{Units: len(d.Classes)},             // (N,10)
	}
}

// Train a network of your own on a few hundred images.
func ExampleFit() {
	dataset, net := digits(800)
	res, err := train.Fit(context.Background(), net, dataset, train.Config{
		Epochs:    6,
		Optimizer: train.Adam{LR: 0.01},
		Seed:      1,
	})
	if err != nil {
		log.Fatal(err)
	}
	last := res.History[len(res.History)-1]
	fmt.Println("epochs:", last.Epoch)
	fmt.Println("more than 80 % right:", last.ValAccuracy > 0.8)
	// Output:
	// epochs: 6
	// more than 80 % right: true
}

// A run that is stopped, here after ten batches, goes on from its folder with Resume.
func ExampleFit_resume() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	dataset, net := digits(640)
	ctx, cancel := context.WithCancel(context.Background())
	config := train.Config{Epochs: 2, Dir: dir, Callbacks: []train.Callback{train.BatchFunc(func(p train.Progress) {
		if p.Images == 320 {
			cancel()
		}
	})}}
	_, err = train.Fit(ctx, net, dataset, config)
	fmt.Println(err, errors.Is(err, context.Canceled))

	config.Resume, config.Callbacks = true, nil
	res, err := train.Fit(context.Background(), net, dataset, config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("epochs:", len(res.History))
	// Output:
	// train: stopped in epoch 1 after 320 of 640 images: context canceled true
	// epochs: 2
}

// Signum follows the sign of a mean of the gradients (Bernstein et al. 2018).
type Signum struct{ LR float32 }

// Slots is the mean.
func (Signum) Slots() []string { return []string{"mean"} }

// Update is one step.
func (s Signum) Update(_ uint64, w, grad []float32, slots [][]float32) {
	mean := slots[0]
	for i, g := range grad {
		mean[i] = 0.9*mean[i] + 0.1*g
		switch {
		case mean[i] > 0:
			w[i] -= s.LR
		case mean[i] < 0:
			w[i] += s.LR
		}
	}
}

// An optimizer of your own is any type with these two methods. Fit makes its slots and saves them.
func ExampleOptimizer() {
	dataset, net := digits(800)
	res, err := train.Fit(context.Background(), net, dataset, train.Config{
		Epochs:    6,
		Optimizer: Signum{LR: 0.002},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("more than 80 % right:", res.History[5].ValAccuracy > 0.8)
	// Output:
	// more than 80 % right: true
}

// A schedule lowers the learning rate while the run goes on.
func ExampleSchedule() {
	schedule, err := train.ParseSchedule("step:2:0.5")
	if err != nil {
		log.Fatal(err)
	}
	dataset, net := digits(320)
	res, err := train.Fit(context.Background(), net, dataset, train.Config{
		Epochs:    4,
		Optimizer: train.AdamW{LR: 0.01},
		Schedule:  schedule,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range res.History {
		fmt.Println(e.Epoch, e.LearningRate)
	}
	// Output:
	// 1 0.01
	// 2 0.01
	// 3 0.005
	// 4 0.005
}

// Train a network that small changes of an image do not fool.
func ExampleAdversarial() {
	dataset, net := digits(800)
	res, err := train.Fit(context.Background(), net, dataset, train.Config{
		Epochs:    6,
		Optimizer: train.Adam{LR: 0.01},
		Defence:   train.Adversarial{Method: "pgd", Epsilon: 0.1, Steps: 5, Ramp: 2, Watch: 200},
		Seed:      1,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("under attack at least half are right:", res.Best.Attacked > 0.5)
	// Output:
	// under attack at least half are right: true
}
