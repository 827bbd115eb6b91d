// Package modelzoo holds networks to train and to read: one file for each
// paper, its layers from top to bottom with the shapes beside them. Every
// builder takes the number of classes and returns a [graph.Layer] whose output
// is logits (N,classes); SoftMax is the model's prediction, and the loss starts
// from the logits.
//
//	res, err := train.Fit(ctx, modelzoo.CNN(10), dataset, train.Config{})
//
// [Specs] lists them for programs that let their user choose.
package modelzoo

import (
	"fmt"
	"strings"

	"tapenet/graph"
)

// Spec describes a network of the zoo.
type Spec struct {
	Name      string                        // as in -model
	Input     [3]int                        // channels, height and width that it was made for
	Doc       string                        // one line
	Reference string                        // where it comes from
	New       func(classes int) graph.Layer // its builder
}

// Specs lists the zoo.
func Specs() []Spec {
	return []Spec{
		{"cnn", [3]int{1, 28, 28}, "one convolution, one pooling, two dense layers",
			"the classic Keras example for MNIST", CNN},
		{"fcnn", [3]int{1, 28, 28}, "dense layers over the image's blocks, then over all of them",
			"the fully connected counterpart of cnn, with about as many parameters", FCNN},
		{"lenet5", [3]int{1, 28, 28}, "two convolutions, two poolings, three dense layers",
			"LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition", LeNet5},
	}
}

// Lookup returns the network of that name.
func Lookup(name string) (Spec, error) {
	specs := Specs()
	names := make([]string, len(specs))
	for i, s := range specs {
		if s.Name == name {
			return s, nil
		}
		names[i] = s.Name
	}
	return Spec{}, fmt.Errorf("modelzoo: no model %q, want one of %s", name, strings.Join(names, ", "))
}
