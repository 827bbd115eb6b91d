package graph_test

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/op"
)

// output builds a layer for one input, runs it once, and returns its output:
// what the examples of single layers have in common. ExampleBuild shows the
// steps.
func output(l graph.Layer, shape []int, input ...float32) *tensor.Dense {
	m, err := graph.Build(l, graph.Infer, shape...)
	if err != nil {
		panic(err)
	}
	copy(m.Input.Float32s(), input)
	if err := m.Run(); err != nil {
		panic(err)
	}
	return m.Output()
}

// A network, from its layers to a step of training and a prediction.
func Example() {
	layer := graph.Sequential{
		graph.Conv2D{Filters: 8, Kernel: 3, Activation: graph.ReLU}, // (N,8,6,6)
		graph.MaxPool2D{},     // (N,8,3,3)
		graph.Flatten{},       // (N,72)
		graph.Dense{Units: 2}, // (N,2)
	}
	net, err := graph.NewNetwork(layer, []int{1, 8, 8}, graph.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	train, err := net.Model(graph.Train, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A black image of class 0 and a white one of class 1.
	for i := range 64 {
		train.Input.Float32s()[64+i] = 1
	}
	copy(train.Target.Float32s(), []float32{0, 1})
	for range 100 {
		if err := train.Run(); err != nil {
			fmt.Println(err)
			return
		}
		for _, p := range train.Params() {
			for i, g := range p.Grad().Float32s() {
				p.Value.Float32s()[i] -= 0.1 * g // gradient descent
			}
		}
	}
	fmt.Printf("loss below 0.1: %v\n", train.Loss() < 0.1)

	infer, err := net.Model(graph.Infer, 1) // another graph, the same weights
	if err != nil {
		fmt.Println(err)
		return
	}
	infer.Input.Memset(float32(1))
	if err := infer.Run(); err != nil {
		fmt.Println(err)
		return
	}
	p := infer.Prediction().Float32s()
	fmt.Printf("white image: class 1 is the likelier: %v\n", p[1] > p[0])
	// Output:
	// loss below 0.1: true
	// white image: class 1 is the likelier: true
}

func ExampleBuild() {
	m, err := graph.Build(graph.Dense{Units: 2, WeightInit: graph.Ones}, graph.Infer, 1, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(m.Input.Float32s(), []float32{1, 2, 3})
	if err := m.Run(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("logits:       ", m.Output().Data())
	fmt.Println("probabilities:", m.Prediction().Data())
	// Output:
	// logits:        [6 6]
	// probabilities: [0.5 0.5]
}

// An error says in which layer something does not fit, and what.
func ExampleBuild_error() {
	conv := graph.Conv2D{Filters: 8, Kernel: 5}
	_, err := graph.Build(graph.Sequential{conv, conv}, graph.Train, 32, 1, 8, 8)
	fmt.Println(err)
	// Output:
	// graph: conv2d_1: Conv2d: kernel 5x5 does not fit input (32, 8, 4, 4) with padding 0,0,0,0
}

// The gradient of the loss for the input, in double precision.
func ExampleOptions_Build() {
	o := graph.Options{Float64: true, Loss: graph.MSE{}, InputGradient: true}
	m, err := o.Build(graph.Dense{Units: 1, WeightInit: graph.Ones}, graph.Eval, 1, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(m.Input.Float64s(), []float64{1, 2})
	copy(m.Target.Float64s(), []float64{5})
	if err := m.Run(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("loss:    ", m.Loss())             // (1+2-5)²
	fmt.Println("gradient:", m.InputGrad().Data()) // 2(1+2-5), for both
	// Output:
	// loss:     4
	// gradient: [-4 -4]
}

// One network, three graphs: they share the weights.
func ExampleNetwork() {
	net, err := graph.NewNetwork(graph.Dense{Units: 2}, []int{3}, graph.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(net.Weights.Names())
	train, _ := net.Model(graph.Train, 32)
	infer, _ := net.Model(graph.Infer, 1)
	again, _ := net.Model(graph.Infer, 1)
	fmt.Println(train.Input.Shape(), infer.Input.Shape())
	fmt.Println("same weights:", train.Params()[0].Value == infer.Params()[0].Value)
	fmt.Println("kept:", infer == again)
	// Output:
	// [dense/bias dense/weight]
	// (32, 3) (1, 3)
	// same weights: true
	// kept: true
}

func ExampleWeights_Load() {
	net, err := graph.NewNetwork(graph.Dense{Units: 2, NoBias: true}, []int{1}, graph.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	weight := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float64{0.5, -1}))
	if err := net.Weights.Load(map[string]*tensor.Dense{"dense/weight": weight}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(net.Weights.Get("dense/weight").Data())
	fmt.Println(net.Weights.Load(nil))
	// Output:
	// [0.5 -1]
	// graph: tensor dense/weight is missing, want one of (1, 2)
}

func ExampleModel_Summary() {
	m, err := graph.Build(graph.Sequential{
		graph.Conv2D{Filters: 32, Kernel: 3, Activation: graph.ReLU},
		graph.BatchNorm{},
		graph.MaxPool2D{},
		graph.Flatten{},
		graph.Dense{Units: 10},
	}, graph.Infer, 1, 1, 28, 28)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(m.Summary())
	// Output:
	// layer      output           parameters  multiply-adds per sample
	// input      (1, 1, 28, 28)   0           0
	// conv2d     (1, 32, 26, 26)  320         194,688
	// batchnorm  (1, 32, 26, 26)  64          0
	// maxpool2d  (1, 32, 13, 13)  0           0
	// flatten    (1, 5408)        0           0
	// dense      (1, 10)          54,090      54,080
	// total                       54,474      248,768
	// and 64 values of state
	// conv2d runs as Conv2d+ReLU
}

// Each weight's name begins with its layer's, and so does each op's.
func ExampleModel_Nodes() {
	o := graph.Options{NoFusion: true} // as the layers are written
	m, err := o.Build(graph.Dense{Units: 2, Activation: graph.ReLU}, graph.Infer, 1, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range m.Nodes() {
		fmt.Println(n.Name, n.Inputs, n.Shape)
	}
	// Output:
	// input [] (1, 3)
	// dense/weight [] (3, 2)
	// dense/bias [] (2)
	// dense/Mul [input dense/weight dense/bias] (1, 2)
	// dense/ReLU [dense/Mul] (1, 2)
	// SoftMax [dense/ReLU] (1, 2)
}

// The gradient of the cross-entropy is the probabilities less the target.
func ExampleCrossEntropy() {
	o := graph.Options{Loss: graph.CrossEntropy{}, InputGradient: true}
	m, err := o.Build(graph.Sequential{}, graph.Eval, 1, 4) // the input itself is the logits
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Target.Float32s()[0] = 2 // the class
	if err := m.Run(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4f of chance among 4 classes\n", m.Loss())
	fmt.Println(m.Prediction().Data(), m.InputGrad().Data())
	// Output:
	// loss 1.3863 of chance among 4 classes
	// [0.25 0.25 0.25 0.25] [0.25 0.25 -0.75 0.25]
}

// Smoothing asks for less than certainty.
func ExampleCrossEntropy_smoothing() {
	for _, smoothing := range []float64{0, 0.1} {
		o := graph.Options{Loss: graph.CrossEntropy{Smoothing: smoothing}}
		m, err := o.Build(graph.Sequential{}, graph.Eval, 1, 2)
		if err != nil {
			fmt.Println(err)
			return
		}
		m.Input.Float32s()[0] = 20 // all but certain of class 0, and right
		if err := m.Run(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("smoothing %.1f: loss %.3f\n", smoothing, m.Loss())
	}
	// Output:
	// smoothing 0.0: loss 0.000
	// smoothing 0.1: loss 1.000
}

// A label that the network all but excludes says little, where the cross-entropy of it is large.
func ExampleGeneralizedCrossEntropy() {
	for _, loss := range []graph.Loss{graph.CrossEntropy{}, graph.GeneralizedCrossEntropy{}} {
		o := graph.Options{Loss: loss, InputGradient: true}
		m, err := o.Build(graph.Sequential{}, graph.Eval, 1, 2)
		if err != nil {
			fmt.Println(err)
			return
		}
		m.Input.Float32s()[0] = 10 // all but certain of class 0
		m.Target.Float32s()[0] = 1 // which is the wrong one
		if err := m.Run(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("loss %.3f, gradient %.3f\n", m.Loss(), m.InputGrad().Float32s())
	}
	// Output:
	// loss 10.000, gradient [1.000 -1.000]
	// loss 1.427, gradient [0.001 -0.001]
}

// An image whose class the network is fairly sure of counts for a hundredth of what it counts for in
// the cross-entropy.
func ExampleFocal() {
	for _, loss := range []graph.Loss{graph.CrossEntropy{}, graph.Focal{}} {
		o := graph.Options{Loss: loss}
		m, err := o.Build(graph.Sequential{}, graph.Eval, 1, 2)
		if err != nil {
			fmt.Println(err)
			return
		}
		m.Input.Float32s()[0] = float32(math.Log(9)) // a probability of 0.9 for class 0, which is the right one
		if err := m.Run(); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("loss %.5f\n", m.Loss())
	}
	// Output:
	// loss 0.10536
	// loss 0.00105
}

func ExampleMSE() {
	m, err := graph.Options{Loss: graph.MSE{}}.Build(graph.Sequential{}, graph.Eval, 2, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(m.Input.Float32s(), []float32{1, 2, 3, 4})
	copy(m.Target.Float32s(), []float32{1, 0, 0, 0})
	fmt.Println(m.Run(), m.Loss()) // (0+4+9+16)/4
	copy(m.SampleWeights.Float32s(), []float32{1, 0})
	fmt.Println(m.Run(), m.Loss()) // (0+4)/2: the second sample does not count
	// Output:
	// <nil> 7.25
	// <nil> 2
}

// A branch: x + gate·x, where each value has a gate that is learned.
func ExampleLayerFunc() {
	gated := graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		s = s.Sub("gated")
		branch := s.Apply(graph.Dense{Units: x.Shape()[1], Activation: graph.Sigmoid, WeightInit: graph.Zeros}, x)
		return s.Node(op.Add(x, s.Node(gorgonia.HadamardProd(branch, x))))
	})
	fmt.Println(output(gated, []int{1, 2}, 2, -4).Data()) // the gate is half open: sigmoid(0)
	// Output:
	// [3 -6]
}
