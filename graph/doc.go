// Package graph builds neural networks for images as Gorgonia expression
// graphs, differentiates them, and runs them.
//
// # Layers
//
// A network is a [Layer]: a value that adds its nodes to a graph. Layers are
// plain data. [Conv2D], [MaxPool2D], [Dense], [BatchNorm], [Dropout] and the
// others are struct literals whose zero fields mean the usual choice, and
// [Sequential], [Residual] and [Concat] put layers together. Images are
// (N,C,H,W), the batch first; everything else is (N,…).
//
// [LiftConv2D], [GroupConv2D], [GroupBatchNorm] and [GroupMaxPool] make networks whose
// output does not depend on how a picture is turned, whatever they were trained on.
//
// # Scopes
//
// A layer is built in a [Scope]. The scope knows where in the network the layer
// stands, and so names its tensors, as in "residual_1/conv2d/weight". A tensor
// that training changes is made with Param, one that belongs to the layer but
// has no gradient, such as a running mean, with State. The scope also carries
// the first error: from then on its methods return nil and do nothing, so that
// a Build method reads like the mathematics, and the error of the whole network
// says in which layer what did not fit.
//
// # Models and networks
//
// [Build] makes a [Model]: one graph, compiled, for one [Mode] and one batch
// size. Train has the loss and the gradients of all parameters, Eval the loss
// and the prediction, Infer the prediction alone. Set the values of its Input
// (and Target), call Run, and read Output, Prediction, Loss, or the gradients
// of Params. A [Network] is a layer with its [Weights]; it builds the models as
// they are asked for. All of them hold the same tensors, so that an evaluation
// sees a step of training at once. [Model.Summary] shows what a network came
// to, and package draw draws what [Model.Nodes] lists.
//
// A [Loss] is the end of a network. It says what the targets are, adds the
// scalar to be minimised, and turns the last layer's output into a prediction:
// [CrossEntropy], the default, takes logits and class indices and predicts
// probabilities, [MSE] compares numbers.
//
// # Gradients
//
// Nobody writes a backward pass of a network. Each op says how its gradient is
// computed; gorgonia.Grad follows the graph from the loss back to the
// parameters, and adds a node for each gradient on its way. What nobody asked
// for, such as the gradient for the input (see Options.InputGradient), is left
// out before the graph is compiled for Gorgonia's TapeMachine. If all ops
// come from package op, the machine runs them as one instruction and they
// allocate nothing. One op from elsewhere is enough to make it run node by
// node: slower, with the same results.
//
// Gorgonia's own matrix products run on this module's kernels, too: importing
// the package sets a BLAS with gorgonia.Use, for the whole program, in which
// the float32 product is op.Mul's and all else is gonum's. A BLAS that
// the program has set before stays, and one that it sets later takes over.
//
// # Layers of your own
//
// A branch, or a layer used once, is a [LayerFunc]. A layer with settings is
// any type with a Build method. Start it with s.Sub, which gives it a name;
// take parameters from s.Param; apply layers with s.Apply, hand s.Node what
// functions of package op or of Gorgonia return, apply an op of your own with
// s.Op; return s.Errorf for what does not fit. Package graph/graphtest puts
// such a layer through everything that the rest of the module relies on.
//
//	// Scale multiplies each value of a vector by a factor that is learned.
//	type Scale struct{}
//
//	func (Scale) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
//		s = s.Sub("scale")
//		if s.Err() != nil { // an earlier layer's: there is no x to look at
//			return nil
//		}
//		factor := s.Param("factor", graph.Ones, 1, x.Shape()[1])
//		return s.Node(gorgonia.BroadcastHadamardProd(x, factor, nil, []byte{0}))
//	}
//
// # Formulas
//
// Three formulas that are often seen in print are not what programs compute;
// examples of this package build each. The convolution of mathematics,
// y(i,j) = Σ_u Σ_v x(i-u,j-v)·k(u,v), flips the filter, while Conv2D is the
// cross-correlation, Σ_u Σ_v x(i+u,j+v)·k(u,v), as in every framework: see
// ConvolutionFormula. The pooling p(i,j) = max_x' Σ_y' x(i·s+x',j·s+y') is the
// largest row sum of each window, MaxPool2D its largest pixel: see
// PoolingFormula. And a convolution whose result is added to the image is a
// [Residual] around a Conv2D: see ResidualFormula.
//
// # In short
//
//	layer := graph.Sequential{
//		graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU}, // (N,32,26,26)
//		graph.MaxPool2D{},         // (N,32,13,13)
//		graph.Flatten{},           // (N,5408)
//		graph.Dense{Units: 10},    // (N,10) logits
//	}
//	net, err := graph.NewNetwork(layer, []int{1, 28, 28}, graph.Options{Seed: 1})
//	train, err := net.Model(graph.Train, 128)
//	// Fill train.Input and train.Target, then:
//	err = train.Run()
//	for _, p := range train.Params() {
//		// Change p.Value with p.Grad().
//	}
package graph
