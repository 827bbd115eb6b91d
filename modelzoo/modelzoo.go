// Package modelzoo holds networks to train and to read: one file for each
// paper, its layers from top to bottom with the shapes beside them. Each is a
// [graph.Layer] whose output is logits (N,classes); SoftMax is the model's
// prediction, and the loss starts from the logits. Most are made by a function
// of the number of classes, those that can be scaled are structs.
//
//	res, err := train.Fit(ctx, modelzoo.CNN(10), dataset, train.Config{})
//	res, err := train.Fit(ctx, modelzoo.MobileNetV2{Classes: 10, Width: 0.5}, dataset, train.Config{})
//
// [Specs] lists them for programs that let their user choose.
package modelzoo

import (
	"fmt"
	"strconv"
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

	// Scaled builds it at another width, of which 1 is New's; nil if it has none.
	Scaled func(classes int, width float64) graph.Layer
}

// Specs lists the zoo.
func Specs() []Spec {
	grey, colour := [3]int{1, 28, 28}, [3]int{3, 32, 32}
	mlp := func(classes int, width float64) graph.Layer { return MLP{classes, width} }
	convNet := func(classes int, width float64) graph.Layer { return ConvNet{classes, width} }
	stridedNet := func(classes int, width float64) graph.Layer { return StridedNet{classes, width} }
	smallCNN := func(classes int, width float64) graph.Layer { return SmallCNN{classes, width} }
	mobileNetV2 := func(classes int, width float64) graph.Layer { return MobileNetV2{classes, width} }
	mlpMixer := func(classes int, width float64) graph.Layer { return MLPMixer{classes, width} }
	e2cnn := func(classes int, width float64) graph.Layer { return E2CNN{classes, width} }
	return []Spec{
		{"cnn", grey, "one convolution, one pooling, two dense layers",
			"the classic Keras example for MNIST", CNN, nil},
		{"fcnn", grey, "dense layers over the image's blocks, then over all of them",
			"the fully connected counterpart of cnn, with about as many parameters", FCNN, nil},
		{"lenet5", grey, "two convolutions, two poolings, three dense layers", lecun1998, LeNet5, nil},
		{"mlp", grey, "two hidden dense layers, of 300 and 100 units", lecun1998, at(1, mlp), mlp},
		{"convnet", grey, "three convolutions with BatchNorm, two poolings, two dense layers",
			"lenet5 with what came after it: BatchNorm (Ioffe and Szegedy 2015), ReLU, max-pooling", at(1, convNet), convNet},
		{"stridednet", grey, "four convolutions, two of them with strides, no pooling, three dense layers",
			"Gowal et al. 2018, On the Effectiveness of Interval Bound Propagation for Training Verifiably Robust Models", at(1, stridedNet), stridedNet},
		{"simplecnn", grey, "five convolutions of 5×5, no pooling, one dense layer (M5)", an2020, SimpleCNNM5, nil},
		{"simplecnn-m3", grey, "ten convolutions of 3×3, no pooling, one dense layer (M3)", an2020, SimpleCNNM3, nil},
		{"simplecnn-m7", grey, "four convolutions of 7×7, no pooling, one dense layer (M7)", an2020, SimpleCNNM7, nil},
		{"smallcnn", grey, "four convolutions of 3×3, two poolings, three dense layers", zhang2019, at(1, smallCNN), smallCNN},
		{"p4cnn", grey, "seven convolutions on the group of shifts and quarter turns, one pooling of pixels and one of rotations",
			"Cohen and Welling 2016, Group Equivariant Convolutional Networks", P4CNN, nil},
		{"e2cnn", grey, "six convolutions on the group of shifts and eighth turns, two antialiased poolings, one of rotations, two dense layers",
			"Weiler and Cesa 2019, General E(2)-Equivariant Steerable CNNs", at(1, e2cnn), e2cnn},
		{"vgg11", colour, "eight convolutions of 3×3 with BatchNorm, five poolings, one dense layer",
			"Simonyan and Zisserman 2014, Very Deep Convolutional Networks for Large-Scale Image Recognition", VGG11, nil},
		{"resnet20", colour, "nine residual blocks of two convolutions each, one dense layer",
			"He et al. 2015, Deep Residual Learning for Image Recognition", ResNet20, nil},
		{"mobilenetv2", colour, "seventeen inverted residuals with depthwise convolutions, one dense layer",
			"Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks", at(1, mobileNetV2), mobileNetV2},
		{"mlpmixer", colour, "dense layers over the blocks of each channel and the channels of each block by turns",
			"Tolstikhin et al. 2021, MLP-Mixer: An all-MLP Architecture for Vision", at(1, mlpMixer), mlpMixer},
	}
}

const (
	lecun1998 = "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition"
	zhang2019 = "Carlini and Wagner 2017, Towards Evaluating the Robustness of Neural Networks; Zhang et al. 2019, TRADES"
	an2020    = "An et al. 2020, An Ensemble of Simple Convolutional Neural Network Models for MNIST Digit Recognition"
)

// at is a scaled builder at one width.
func at(width float64, scaled func(classes int, width float64) graph.Layer) func(classes int) graph.Layer {
	return func(classes int) graph.Layer { return scaled(classes, width) }
}

// Lookup returns the network of that name. The name of one that can be scaled
// may have a width behind it, as in "mobilenetv2-0.5".
func Lookup(name string) (Spec, error) {
	for _, s := range Specs() {
		if s.Name == name {
			return s, nil
		}
		if width, ok := s.widthIn(name); ok {
			s.Name, s.Doc, s.New = name, fmt.Sprintf("%s, width %g", s.Doc, width), at(width, s.Scaled)
			return s, nil
		}
	}
	return Spec{}, fmt.Errorf("modelzoo: no model %q, want one of %s", name, strings.Join(Names(), ", "))
}

// Names are the names of all networks, without the widths that they may have.
func Names() (names []string) {
	for _, s := range Specs() {
		names = append(names, s.Name)
	}
	return names
}

// widthIn returns the width in a name, if it is the network's with one behind it.
func (s Spec) widthIn(name string) (width float64, ok bool) {
	suffix, ok := strings.CutPrefix(name, s.Name+"-")
	if !ok || s.Scaled == nil {
		return 0, false
	}
	width, err := strconv.ParseFloat(suffix, 64)
	return width, err == nil && width > 0
}
