package train

import (
	"errors"
	"math"
	"testing"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/modelzoo"
	"tapenet/train/data"
)

// special makes one sample of the training or the test set have a class or an error of its own.
func special(d data.Dataset, training bool, sample, class int, err error) data.Dataset {
	part := d.Test
	if training {
		part = d.Train
	}
	part.(*blobs).onRead = func(i int) (int, error) {
		if i == sample {
			return class, err
		}
		return -1, nil
	}
	return d
}

// scaled is plainNet times a parameter without dimensions.
func scaled(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	return s.Binary(gorgonia.Mul, s.Param("scale", graph.Ones), s.Apply(plainNet(), x))
}

// picky is an optimizer that refuses its settings.
type picky struct{ SGD }

func (picky) Check() error { return errors.New("picky: never content") }

var errDisk = errors.New("the disk is gone")

// What cannot be trained is an error of one line that says what is wrong.
func TestFitErrors(t *testing.T) {
	ok := plainNet()
	for _, tt := range []struct {
		name   string
		layer  graph.Layer
		set    func(d *data.Dataset)
		config Config
		want   string
	}{
		{"negative epochs", ok, nil, Config{Epochs: -1}, "train: epochs -1 and batch size 32, want positive numbers"},
		{"negative batch", ok, nil, Config{Batch: -32}, "train: epochs 10 and batch size -32, want positive numbers"},
		{"negative learning rate", ok, nil, Config{Optimizer: Adam{LR: -0.1}}, "train: Adam: LR -0.1, want a positive number, or 0 for the default"},
		{"learning rate NaN", ok, nil, Config{Optimizer: SGD{LR: math.NaN()}}, "train: SGD: LR NaN, want a positive number, or 0 for the default"},
		{"learning rate infinite", ok, nil, Config{Optimizer: SGD{LR: math.Inf(1)}}, "train: SGD: LR +Inf, want a positive number"},
		{"negative momentum", ok, nil, Config{Optimizer: SGD{Momentum: -0.9}}, "train: SGD: Momentum -0.9, want at least 0 and below 1"},
		{"momentum 1", ok, nil, Config{Optimizer: SGD{Momentum: 1}}, "train: SGD: Momentum 1, want at least 0 and below 1"},
		{"beta NaN", ok, nil, Config{Optimizer: Adam{Beta1: math.NaN()}}, "train: Adam: Beta1 NaN, want at least 0 and below 1"},
		{"beta 2", ok, nil, Config{Optimizer: Adam{Beta2: 2}}, "train: Adam: Beta2 2, want at least 0 and below 1"},
		{"negative epsilon", ok, nil, Config{Optimizer: Adam{Epsilon: -1}}, "train: Adam: Epsilon -1, want a positive number, or 0 for the default"},
		{"nesterov alone", ok, nil, Config{Optimizer: SGD{Nesterov: true}}, "train: SGD: Nesterov without Momentum, want one"},
		{"negative weight decay", ok, nil, Config{Optimizer: AdamW{WeightDecay: -1}}, "train: AdamW: WeightDecay -1, want a positive number"},
		{"NAdam's beta", ok, nil, Config{Optimizer: NAdam{Beta2: 1}}, "train: NAdam: Beta2 1, want at least 0 and below 1"},
		{"RMSProp's alpha", ok, nil, Config{Optimizer: RMSProp{Alpha: 1}}, "train: RMSProp: Alpha 1, want at least 0 and below 1"},
		{"Adagrad's epsilon", ok, nil, Config{Optimizer: Adagrad{Epsilon: -1}}, "train: Adagrad: Epsilon -1, want a positive number"},
		{"Lion's rate", ok, nil, Config{Optimizer: Lion{LR: -1}}, "train: Lion: LR -1, want a positive number"},
		{"negative clipping", ok, nil, Config{ClipNorm: -1}, "train: ClipNorm -1, want a positive number, or 0"},
		{"clipping to NaN", ok, nil, Config{ClipValue: math.NaN()}, "train: ClipValue NaN, want a positive number, or 0"},
		{"negative accumulation", ok, nil, Config{Accumulate: -2}, "train: Accumulate -2, want a positive number of batches"},
		{"negative lanes", ok, nil, Config{Lanes: -8}, "train: -8 Lanes, want a positive number, or 0 for the default"},
		{"average for ever", ok, nil, Config{Average: 1}, "train: Average 1, want at least 0 and below 1"},
		{"schedule's setting", ok, nil, Config{Schedule: Cosine{Warmup: -1}}, "train: Cosine: Warmup -1, want a positive number"},
		{"schedule without rates", ok, nil, Config{Optimizer: bomb{}, Schedule: OneCycle{}}, "train: a Schedule with optimizer train.bomb, want one with the methods of Rated"},
		{"negative patience", ok, nil, Config{Patience: -1}, "train: Patience -1 and KeepCheckpoints 0, want numbers of epochs, or 0"},
		{"negative keep", ok, nil, Config{KeepCheckpoints: -1}, "train: Patience 0 and KeepCheckpoints -1, want numbers of epochs, or 0"},
		{"keep nowhere", ok, nil, Config{KeepCheckpoints: 1}, "train: KeepCheckpoints without Dir, want the folder of the run"},
		{"exponent above 1", ok, nil, Config{GeneralizedCrossEntropy: 1.5}, "train: GeneralizedCrossEntropy 1.5, want an exponent above 0 and at most 1, or 0 for the cross-entropy"},
		{"γ below 0", ok, nil, Config{Focal: -1}, "train: the γ of Focal is -1, want one above 0 and at most 100, or 0 for the cross-entropy"},
		{"γ and smoothing", ok, nil, Config{Focal: 2, LabelSmoothing: 0.1}, "train: a Focal of 2 with LabelSmoothing, GeneralizedCrossEntropy or a Defence, want it alone"},
		{"exponent and smoothing", ok, nil, Config{GeneralizedCrossEntropy: 0.7, LabelSmoothing: 0.1}, "train: GeneralizedCrossEntropy 0.7 with LabelSmoothing 0.1, want one of the two"},
		{"smoothing of all", ok, nil, Config{LabelSmoothing: 1}, "train: LabelSmoothing 1, want at least 0 and below 1"},
		{"mixup and cutmix", ok, nil, Config{Mixup: 0.2, CutMix: 1}, "train: got Mixup 0.2 and CutMix 1, want one of the two"},
		{"negative mixup", ok, nil, Config{Mixup: -1}, "train: Mixup -1, want a positive number, or 0"},
		{"class weights for others", ok, nil, Config{ClassWeights: []float64{1}}, "train: 1 ClassWeights, want 3, one for each class"},
		{"sample weights for others", ok, nil, Config{SampleWeights: []float32{1}}, "train: 1 SampleWeights, want "},
		{"negative class weight", ok, nil, Config{ClassWeights: []float64{1, 1, -1}}, "train: ClassWeights[2] -1, want a number from 0"},
		{"optimizer of one's own", ok, nil, Config{Optimizer: picky{}}, "train: picky: never content"},
		{"no training samples", ok, func(d *data.Dataset) { d.Train = &blobs{} }, Config{}, `train: dataset "blobs" has no training or no test samples`},
		{"no test samples", ok, func(d *data.Dataset) { d.Test = &blobs{} }, Config{}, `train: dataset "blobs" has no training or no test samples`},
		{"zero dataset", ok, func(d *data.Dataset) { *d = data.Dataset{} }, Config{}, `train: dataset "" has no training or no test samples`},
		{"no classes", ok, func(d *data.Dataset) { d.Classes = nil }, Config{}, `train: dataset "blobs" has no classes`},
		{"no layer", nil, nil, Config{}, "graph: layer is nil"},
		{"layer that panics", graph.LayerFunc(func(*graph.Scope, *gorgonia.Node) *gorgonia.Node { panic("oh") }), nil, Config{}, "oh"},
		{"image without pixels", ok, func(d *data.Dataset) { d.Shape = [3]int{1, 0, 4} }, Config{}, "(1, 1, 0, 4)"},
		{"image too small for the network", modelzoo.LeNet5(3), nil, Config{}, "graph: "},
		{"image of another shape", modelzoo.FCNN(3), nil, Config{}, "graph: patches: "},
		{"fewer outputs than classes", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}, nil, Config{},
			`train: the network's output is (1, 2), want (1, 3): one for each class of dataset "blobs"`},
		{"more outputs than classes", graph.Sequential{graph.Flatten{}, graph.Dense{Units: 9}}, nil, Config{}, "output is (1, 9), want (1, 3)"},
		{"output is an image", graph.Sequential{graph.Conv2D{Filters: 3, Kernel: 4}}, nil, Config{}, "output is (1, 3, 1, 1), want (1, 3)"},
		{"scalar parameter", graph.LayerFunc(scaled), nil, Config{}, "train: parameter scale is a scalar, want a tensor"},
		{"read fails", ok, func(d *data.Dataset) { special(*d, true, 5, 0, errDisk) }, Config{}, "train: training sample 5: the disk is gone"},
		{"read fails in the test set", ok, func(d *data.Dataset) { special(*d, false, 2, 0, errDisk) }, Config{}, "train: evaluation sample 2: the disk is gone"},
		{"label beyond the classes", ok, func(d *data.Dataset) { special(*d, true, 7, 3, nil) }, Config{}, "train: training sample 7: class 3, want 0 to 2"},
		{"negative label", ok, func(d *data.Dataset) { special(*d, true, 7, -2, nil) }, Config{}, "train: training sample 7: class -2, want 0 to 2"},
		{"label beyond the classes in the test set", ok, func(d *data.Dataset) { special(*d, false, 4, 1<<40, nil) }, Config{}, "train: evaluation sample 4: class 1099511627776, want 0 to 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := blobSet(10, 5)
			if tt.set != nil {
				tt.set(&d)
			}
			failing(t, tt.layer, d, tt.config, tt.want)
		})
	}
}

// The error of a Samples stays recognisable.
func TestFitWrapsReadError(t *testing.T) {
	_, err := Fit(t.Context(), plainNet(), special(blobSet(10, 5), true, 5, 0, errDisk), Config{})
	if !errors.Is(err, errDisk) {
		t.Errorf("error %v, want the one of Read in it", err)
	}
}

// A dataset that says another shape than its files have.
func TestFitWrongShape(t *testing.T) {
	d := mnist(t, 10, 10)
	d.Shape = [3]int{1, 14, 14}
	failing(t, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 10}}, d, Config{}, "train: training sample ", "room for 196 values, want 784")
}
