package train

import (
	"fmt"
	"math"
	"path/filepath"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/train/data"
)

// photographs is the recipe for them when nothing names a network.
const photographs = "photographs"

// How much training a set of pictures gets where a recipe's numbers are for a larger one.
const (
	fewestBatches = 8   // in an epoch: statistics of BatchNorm follow the weights, and an epoch is worth its test
	fewestSteps   = 600 // in all
	mostEpochs    = 100
	smallestBatch = 8
)

// look opens a dataset of pictures for what the settings depend on: how many there
// are, and whether they are photographs. Other datasets have nothing to look at.
func (o *options) look() (set data.Dataset, found bool) {
	if !dataset.OfPictures(o.data) && o.from == "" {
		return set, false
	}
	images := o.pictures()
	images.Memory = -1 // nothing is read of them here
	set, err := dataset.Open(images, o.data)
	return set, err == nil // an error comes again where the dataset is needed
}

// forSamples is a recipe for n training images. Where these are too few for its batches
// and epochs, it gets smaller batches, with the rate of plain gradient descent in
// proportion, and more epochs.
func (s settings) forSamples(n int) settings {
	batch, ok := s["batch"].(int64)
	epochs, known := s["epochs"].(int64)
	if !ok || !known {
		return s
	}
	before := batch
	for batch > smallestBatch && int64(n)/batch < fewestBatches {
		batch = max(smallestBatch, batch/2)
	}
	if rate, ok := s["lr"].(float64); ok && s["optimizer"] == "sgd" {
		s["lr"] = rate * float64(batch) / float64(before)
	}
	steps := max(1, (int64(n)+batch-1)/batch)
	s["batch"], s["epochs"] = batch, max(epochs, min(mostEpochs, int64(math.Ceil(fewestSteps/float64(steps)))))
	return s
}

// nameRun is the folder of a run by default: by its data where these choose the network.
func (o options) nameRun(model string) string {
	if o.recipe == photographs {
		model = o.dataset
	}
	return filepath.Join("runs", model)
}

// chosen says in a line what the data have chosen.
func (o options) chosen(set data.Dataset) string {
	if o.recipe != photographs {
		return ""
	}
	n := set.Train.Len()
	return fmt.Sprintf("%d photographs, %d classes: %s of %s, %d epochs of %d batches of %d, into %s",
		n+set.Test.Len(), len(set.Classes), o.model, cli.Shape(set.Shape), o.epochs, (n+o.batch-1)/o.batch, o.batch, o.out)
}
