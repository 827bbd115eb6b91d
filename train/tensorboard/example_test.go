package tensorboard_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/tensorboard"
)

// A run's folder gets an event file beside its model: tensorboard --logdir shows it.
func ExampleLog() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	digits, err := data.MNIST()
	if err != nil {
		log.Fatal(err)
	}
	digits.Train, digits.Test = data.Limit(digits.Train, 100), data.Limit(digits.Test, 100)
	net := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 10}}
	_, err = train.Fit(context.Background(), net, digits, train.Config{
		Epochs: 2, Dir: dir, Callbacks: []train.Callback{&tensorboard.Log{Dir: dir}},
	})
	if err != nil {
		log.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	fmt.Println(len(files), err)
	// Output: 1 <nil>
}
