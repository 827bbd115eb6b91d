package graph_test

import (
	"errors"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
)

// layer is shorthand for a LayerFunc.
func layer(f func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node) graph.Layer {
	return graph.LayerFunc(f)
}

// The texts say where, what came, and what to do.
func TestBuildErrors(t *testing.T) {
	image, vector := []int{2, 4, 6, 6}, []int{2, 4}
	conv := graph.Conv2D{Filters: 4, Kernel: 3, Padding: graph.Same}
	tests := []struct {
		name  string
		layer graph.Layer
		shape []int
		want  string
	}{
		{"nil layer", nil, image, "graph: layer is nil"},
		{"nil in Sequential", graph.Sequential{nil}, image, "graph: layer is nil"},
		{"nil body", graph.Residual{}, image, "graph: residual: layer is nil"},
		{"nil in Concat", graph.Concat{conv, nil}, image, "graph: concat: layer is nil"},

		{"kernel too large", graph.Sequential{conv, graph.Conv2D{Filters: 1, Kernel: 7}}, image,
			"graph: conv2d_1: Conv2d: kernel 7x7 does not fit input (2, 4, 6, 6) with padding 0,0,0,0"},
		{"dilated kernel too large", graph.Conv2D{Filters: 1, Kernel: 3, Dilation: 3}, image,
			"graph: conv2d: Conv2d: kernel 7x7 does not fit input (2, 4, 6, 6) with padding 0,0,0,0"},
		{"negative stride", graph.Conv2D{Filters: 1, Kernel: 3, Stride: -1}, image,
			"graph: conv2d: stride is -1, want a positive number; 0 means 1"},
		{"negative dilation", graph.Conv2D{Filters: 1, Kernel: 3, Dilation: -2}, image,
			"graph: conv2d: dilation is -2, want a positive number; 0 means 1"},
		{"negative groups", graph.Conv2D{Filters: 1, Kernel: 3, Groups: -2}, image,
			"graph: conv2d: groups is -2, want a positive number; 0 means 1"},
		{"no filters", graph.Conv2D{Kernel: 3}, image, "graph: conv2d: filters is 0, want a positive number"},
		{"negative filters", graph.Conv2D{Filters: -1, Kernel: 3}, image, "graph: conv2d: filters is -1, want a positive number"},
		{"no kernel", graph.Conv2D{Filters: 3}, image, "graph: conv2d: kernel is 0, want a positive number"},
		{"zero Conv2D", graph.Conv2D{}, image,
			"graph: conv2d: filters is 0, want a positive number"},
		{"channels and groups", graph.Conv2D{Filters: 3, Kernel: 1, Groups: 3}, image,
			"graph: conv2d: 4 channels do not fall into 3 groups"},
		{"filters and groups", graph.Conv2D{Filters: 3, Kernel: 1, Groups: 2}, image,
			"graph: conv2d: Conv2d: 4 channels and 3 filters do not fall into 2 groups"},
		{"negative padding", graph.Conv2D{Filters: 1, Kernel: 1, Padding: graph.Pad(-1)}, image,
			"graph: conv2d: Conv2d: padding -1,-1,-1,-1 is negative"},
		{"Conv2D of vectors", graph.Conv2D{Filters: 1, Kernel: 1}, vector,
			"graph: conv2d: input is (2, 4), want images (N,C,H,W)"},
		{"DepthwiseConv2D of vectors", graph.DepthwiseConv2D{Kernel: 1}, vector,
			"graph: conv2d: input is (2, 4), want images (N,C,H,W)"},
		{"negative multiplier", graph.DepthwiseConv2D{Kernel: 1, Multiplier: -1}, image,
			"graph: conv2d: multiplier is -1, want a positive number; 0 means 1"},
		{"DepthwiseConv2D without kernel", graph.DepthwiseConv2D{}, image,
			"graph: conv2d: kernel is 0, want a positive number"},

		{"window too large", graph.MaxPool2D{Size: 7}, image,
			"graph: maxpool2d: MaxPool2D: kernel 7x7 does not fit input (2, 4, 6, 6) with padding 0,0,0,0"},
		{"negative size", graph.MaxPool2D{Size: -2}, image, "graph: maxpool2d: size is -2, want a positive number; 0 means 2"},
		{"negative pool stride", graph.AvgPool2D{Stride: -2}, image, "graph: avgpool2d: stride is -2, want a positive number; 0 means the size"},
		{"padding as large as the window", graph.AvgPool2D{Padding: graph.Pad(2)}, image,
			"graph: avgpool2d: AvgPool2D: padding 2,2,2,2 is not smaller than the window 2x2"},
		{"MaxPool2D of vectors", graph.MaxPool2D{}, vector, "graph: maxpool2d: input is (2, 4), want images (N,C,H,W)"},
		{"GlobalAvgPool2D of vectors", graph.GlobalAvgPool2D{}, vector, "graph: globalavgpool2d: input is (2, 4), want images (N,C,H,W)"},

		{"no fields", graph.LiftConv2D{Kernel: 3}, image, "graph: liftconv2d: filters is 0, want a positive number"},
		{"no kernel of fields", graph.GroupConv2D{Filters: 1}, image, "graph: groupconv2d: kernel is 0, want a positive number"},
		{"three rotations", graph.LiftConv2D{Filters: 1, Kernel: 3, Rotations: 3}, image,
			"graph: liftconv2d: 3 rotations, want a multiple of 4 up to 64; 0 means 4"},
		{"negative rotations", graph.GroupBatchNorm{Rotations: -4}, image, "graph: batchnorm: -4 rotations, want a multiple of 4 up to 64; 0 means 4"},
		{"too many rotations", graph.GroupMaxPool{Rotations: 68}, image, "graph: groupmaxpool: 68 rotations, want a multiple of 4 up to 64; 0 means 4"},
		{"channels and rotations", graph.GroupConv2D{Filters: 1, Kernel: 3, Rotations: 8}, image,
			"graph: groupconv2d: 4 channels do not fall into fields of 8 rotations"},
		{"fields too small", graph.GroupConv2D{Filters: 1, Kernel: 7}, image,
			"graph: groupconv2d: Conv2d: kernel 7x7 does not fit input (2, 4, 6, 6) with padding 0,0,0,0"},
		{"GroupMaxPool of vectors", graph.GroupMaxPool{}, vector, "graph: groupmaxpool: input is (2, 4), want images (N,C,H,W)"},
		{"negative blur", graph.BlurPool2D{Size: -1}, image, "graph: blurpool2d: size is -1, want a positive number; 0 means 3"},
		{"negative blur stride", graph.BlurPool2D{Stride: -1}, image, "graph: blurpool2d: stride is -1, want a positive number; 0 means 2"},
		{"large blur", graph.BlurPool2D{Size: 14}, image, "graph: blurpool2d: size is 14, want at most 13"},
		{"blur that does not fit", graph.BlurPool2D{Size: 7}, image,
			"graph: blurpool2d: Conv2d: kernel 7x7 does not fit input (2, 4, 6, 6) with padding 0,0,0,0"},

		{"Dense of (N)", graph.Dense{Units: 3}, []int{2}, "graph: dense: input is (2), want (N,…,in)"},
		{"units 0", graph.Dense{}, vector, "graph: dense: units is 0, want a positive number"},
		{"blocks that do not fit", graph.Patches{Size: 4}, image, "graph: patches: Patches: input (2, 4, 6, 6) does not fall into blocks of 4x4"},
		{"blocks of 0", graph.Patches{}, image, "graph: patches: Patches: input (2, 4, 6, 6) does not fall into blocks of 0x0"},
		{"Patches of vectors", graph.Patches{Size: 1}, vector, "graph: patches: Patches: input is (2, 4), want (N,C,H,W)"},

		{"Residual of two shapes", graph.Residual{Body: graph.Conv2D{Filters: 8, Kernel: 1}}, image,
			"graph: residual: Add: operands are (2, 8, 6, 6) and (2, 4, 6, 6), want one shape"},
		{"error inside Residual", graph.Sequential{graph.Residual{Body: conv}, graph.Residual{Body: graph.Dense{}}}, image,
			"graph: residual_1/dense: units is 0, want a positive number"},
		{"error inside the shortcut", graph.Residual{Body: conv, Shortcut: graph.Dense{}}, image,
			"graph: residual/shortcut/dense: units is 0, want a positive number"},
		{"Concat of two sizes", graph.Concat{conv, graph.MaxPool2D{}}, image,
			"graph: concat: Concat: operands are (2, 4, 6, 6) and (2, 4, 3, 3), want the same but for axis 1"},
		{"empty Concat", graph.Concat{}, image, "graph: concat: Concat: got no operands, want one or more"},

		{"rate 1", graph.Dropout{Rate: 1}, image, "graph: dropout: rate 1, want 0 or more and less than 1"},
		{"negative rate", graph.Dropout{Rate: -0.5}, image, "graph: dropout: rate -0.5, want 0 or more and less than 1"},
		{"BatchNorm of (N)", graph.BatchNorm{}, []int{2}, "graph: batchnorm: input is (2), want (N,C,H,W) or (N,C)"},
		{"BatchNorm of (N,T,C)", graph.BatchNorm{}, []int{2, 3, 4}, "graph: batchnorm: BatchNorm: input is (2, 3, 4), want (N,C,H,W) or (N,C)"},
		{"momentum 2", graph.BatchNorm{Momentum: 2}, vector,
			"graph: batchnorm: BatchNorm: epsilon 1e-05 and momentum 2, want above 0 and within 0 to 1"},

		{"no shape", graph.Flatten{}, nil, "graph: the input has no shape, want (N,…)"},
		{"empty batch", graph.Flatten{}, []int{0, 3}, "graph: the input is (0, 3), want positive dimensions"},
		{"negative dimension", graph.Flatten{}, []int{1, -3}, "graph: the input is (1, -3), want positive dimensions"},
		{"CrossEntropy of images", graph.ReLU, image, "graph: loss: CrossEntropy: logits are (2, 4, 6, 6), want (N,classes)"},
		{"CrossEntropy of a lost batch", layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Node(gorgonia.Sum(x))
		}), vector, "graph: the output is a scalar, want (N,…)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := graph.Build(tt.layer, graph.Train, tt.shape...)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if m != nil {
				t.Error("Build returned a model beside the error")
			}
		})
	}
}

// Layers that their users have written may do what they like.
func TestUserLayerErrors(t *testing.T) {
	tests := []struct {
		name  string
		build func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node
		want  string
	}{
		{"nil without an error", func(*graph.Scope, *gorgonia.Node) *gorgonia.Node { return nil },
			"graph: block: the layer returned no node and no error"},
		{"panic", func(*graph.Scope, *gorgonia.Node) *gorgonia.Node { panic("out of ideas") },
			"graph: block: the layer panicked: out of ideas"},
		{"panic after an error", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			y := s.Apply(graph.Dense{}, x)
			return s.Apply(graph.Dense{Units: y.Shape()[1]}, y)
		}, "graph: block/dense: units is 0, want a positive number"},
		{"panic of Gorgonia", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Unary(func(*gorgonia.Node) (*gorgonia.Node, error) { panic("no such shape") }, x)
		}, "graph: block: no such shape"},
		{"error of a function", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			return s.Unary(func(*gorgonia.Node) (*gorgonia.Node, error) { return nil, errors.New("not today") }, x)
		}, "graph: block: not today"},
		{"parameter defined twice", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			s.Param("w", graph.Ones, 2)
			s.Param("w", graph.Ones, 2)
			return x
		}, "graph: block: w is defined twice"},
		{"parameter defined twice, in two shapes", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			s.Param("w", graph.Ones, 2)
			s.State("w", graph.Ones, 3)
			return x
		}, "graph: block: w is defined twice"},
		{"no such shape", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Param("w", graph.Ones, 2, 0) },
			"graph: block: w has shape (2, 0), want positive dimensions"},
		{"no init", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node { return s.Param("w", nil, 2) },
			"graph: block: w has no init, want one such as graph.Zeros"},
		{"unused parameter", func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			s.Sub("spare").Param("w", graph.Ones, 2)
			return s.Apply(graph.Dense{Units: 2}, x)
		}, "graph: the loss does not depend on block/spare/w"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := graph.Build(layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
				return s.Sub("block").Apply(layer(tt.build), x)
			}), graph.Train, 2, 4)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// The names of the network's own tensors would be merged with the parameter's.
func TestReservedNames(t *testing.T) {
	for _, name := range []string{"target", "sample_weights"} {
		_, err := graph.Build(layer(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
			s.Param(name, graph.Ones, 2)
			return x
		}), graph.Infer, 2, 4)
		if want := "graph: the name " + name + " is taken, want one in a scope of its own, from Sub"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// badLoss is a loss with one thing wrong.
type badLoss struct {
	graph.MSE
	cost func(s *graph.Scope, output *gorgonia.Node) *gorgonia.Node
}

func (l badLoss) Cost(s *graph.Scope, output, _, _ *gorgonia.Node) *gorgonia.Node {
	return l.cost(s, output)
}

// panickyLoss fails before there is a scope to tell.
type panickyLoss struct{ graph.MSE }

func (panickyLoss) Target(tensor.Shape) tensor.Shape { panic("no targets") }

func TestOptionErrors(t *testing.T) {
	dense := graph.Dense{Units: 2}
	tests := []struct {
		name  string
		o     graph.Options
		mode  graph.Mode
		layer graph.Layer
		want  string
	}{
		{"unknown mode", graph.Options{}, graph.Mode(7), dense, "graph: no mode Mode(7)"},
		{"negative mode", graph.Options{}, graph.Mode(-1), dense, "graph: no mode Mode(-1)"},
		{"loss that is no scalar", graph.Options{Loss: badLoss{cost: func(_ *graph.Scope, y *gorgonia.Node) *gorgonia.Node { return y }}},
			graph.Eval, dense, "graph: the loss has shape (2, 2), want a scalar"},
		{"loss that fails", graph.Options{Loss: badLoss{cost: func(s *graph.Scope, _ *gorgonia.Node) *gorgonia.Node { return s.Errorf("no") }}},
			graph.Train, dense, "graph: loss: no"},
		{"loss without a cost", graph.Options{Loss: badLoss{cost: func(*graph.Scope, *gorgonia.Node) *gorgonia.Node { return nil }}},
			graph.Eval, dense, "graph: the loss returned no cost and no error"},
		{"loss that panics", graph.Options{Loss: panickyLoss{}}, graph.Train, dense, "graph: build panicked: no targets"},
		{"smoothing 1", graph.Options{Loss: graph.CrossEntropy{Smoothing: 1}}, graph.Train, dense,
			"graph: loss: CrossEntropy: smoothing 1, want 0 or more and less than 1"},
		{"exponent 2", graph.Options{Loss: graph.GeneralizedCrossEntropy{Exponent: 2}}, graph.Train, dense,
			"graph: loss: GeneralizedCrossEntropy: exponent 2, want more than 0 and at most 1"},
		{"γ below 0", graph.Options{Loss: graph.Focal{Gamma: -1}}, graph.Train, dense,
			"graph: loss: Focal: γ -1, want more than 0 and at most 100"},
		{"input that does not count", graph.Options{InputGradient: true}, graph.Eval,
			layer(func(s *graph.Scope, _ *gorgonia.Node) *gorgonia.Node { return s.Param("w", graph.Ones, 2, 2) }),
			"graph: the loss does not depend on input"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.o.Build(tt.layer, tt.mode, 2, 3)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestModeString(t *testing.T) {
	for mode, want := range map[graph.Mode]string{graph.Train: "train", graph.Eval: "eval", graph.Infer: "infer", 3: "Mode(3)"} {
		if got := mode.String(); got != want {
			t.Errorf("Mode %d: got %s, want %s", int(mode), got, want)
		}
	}
}
