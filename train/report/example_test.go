package report_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/report"
)

// A run from Go whose folder has all that the command leaves: Fit is train.Fit, and writes the
// settings, the report and the model card besides.
func ExampleFit() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	digits, err := data.MNIST()
	if err != nil {
		fmt.Println(err)
		return
	}
	digits.Train, digits.Test = data.Limit(digits.Train, 500), data.Limit(digits.Test, 500) // for a second
	net := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 32, Activation: graph.ReLU}, graph.Dense{Units: 10}}
	_, err = report.Fit(context.Background(), net, digits, train.Config{Epochs: 2, Dir: filepath.Join(dir, "run")})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{report.File, report.CardFile, report.ConfigFile, "model.safetensors", "curves.svg"} {
		_, err := os.Stat(filepath.Join(dir, "run", name))
		fmt.Println(name, err)
	}
	// Output:
	// report.html <nil>
	// model-card.md <nil>
	// config.toml <nil>
	// model.safetensors <nil>
	// curves.svg <nil>
}
