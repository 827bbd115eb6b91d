package bench

import (
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph"
)

// rival trains modelzoo's CNN from Gorgonia's own ops. All around the graph is
// ours: initial weights, reading the batch, the optimizer.
type rival struct {
	input, target *tensor.Dense // target is one-hot, (N,classes)
	labels        []float32
	pool          *images // nil means the pixels that are there
	cost          gorgonia.Value
	grads         []gorgonia.Value
	machine       gorgonia.VM
	adam          *adam
}

// newGorgonia is a training step of the rival, on the BLAS that Gorgonia has by
// itself: package op has given it ours.
func newGorgonia(n network, batch int) (work, error) {
	gorgonia.Use(gonum.Implementation{})
	m, err := n.build(graph.Train, batch)
	if err != nil {
		return work{}, err
	}
	r, err := newRival(batch, m.Params())
	if err != nil {
		return work{}, err
	}
	w := newModelWork(m, batch, m.MulAdds())
	fill(r.input.Float32s())
	w.step = r.step
	w.feed = func(pool *images) { r.pool = pool }
	w.result = func() []float32 { return []float32{r.cost.Data().(float32)} }
	return w, nil
}

// newRival builds and compiles the graph. It takes over the six parameters'
// values: weight and bias of the convolution and of the two dense layers.
// Only what the cost and the gradients need is compiled, and gradients are not
// bound to the parameters, which would copy and accumulate them.
func newRival(batch int, params []graph.Param) (*rival, error) {
	g := gorgonia.NewGraph()
	bind := func(name string, shape tensor.Shape, values []float32) *gorgonia.Node {
		t := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
		return gorgonia.NewTensor(g, tensor.Float32, t.Dims(), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(t))
	}
	values := make([][]float32, len(params))
	wrt := make(gorgonia.Nodes, len(params))
	for i, p := range params {
		shape := p.Value.Shape().Clone()
		switch {
		case i == 1: // the convolution's bias is spread over images and pixels
			shape = tensor.Shape{1, shape[0], 1, 1}
		case len(shape) == 1: // a dense layer's bias is spread over images
			shape = tensor.Shape{1, shape[0]}
		}
		values[i] = p.Value.Float32s()
		wrt[i] = bind(p.Name, shape, values[i])
	}
	x := bind("input", tensor.Shape{batch, 1, 28, 28}, make([]float32, batch*28*28))
	y := bind("target", tensor.Shape{batch, zooClasses}, make([]float32, batch*zooClasses))
	cost := rivalCost(x, y, wrt)
	grads, err := gorgonia.Grad(cost, wrt...)
	if err != nil {
		return nil, err
	}
	r := &rival{
		input: x.Value().(*tensor.Dense), target: y.Value().(*tensor.Dense), labels: make([]float32, batch),
		grads: make([]gorgonia.Value, len(grads)), adam: newAdam(values),
	}
	reads := gorgonia.Nodes{gorgonia.Read(cost, &r.cost)}
	for i, n := range grads {
		reads = append(reads, gorgonia.Read(n, &r.grads[i]))
	}
	program, locations, err := gorgonia.CompileFunction(g, append(gorgonia.Nodes{x, y}, wrt...), reads)
	if err != nil {
		return nil, err
	}
	r.machine = gorgonia.NewTapeMachine(g, gorgonia.WithPrecompiled(program, locations))
	return r, nil
}

// rivalCost is the network with its cross-entropy. Its shapes are constants,
// so an error is a bug here, and gorgonia.Must panics.
func rivalCost(x, y *gorgonia.Node, p gorgonia.Nodes) *gorgonia.Node {
	must, batch := gorgonia.Must, x.Shape()[0]
	h := must(gorgonia.Conv2d(x, p[0], tensor.Shape{3, 3}, []int{0, 0}, []int{1, 1}, []int{1, 1}))
	h = must(gorgonia.Rectify(must(gorgonia.BroadcastAdd(h, p[1], nil, []byte{0, 2, 3}))))
	h = must(gorgonia.MaxPool2D(h, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	h = must(gorgonia.Reshape(h, tensor.Shape{batch, p[2].Shape()[0]}))
	h = must(gorgonia.Rectify(must(gorgonia.BroadcastAdd(must(gorgonia.Mul(h, p[2])), p[3], nil, []byte{0}))))
	h = must(gorgonia.BroadcastAdd(must(gorgonia.Mul(h, p[4])), p[5], nil, []byte{0}))
	logs := must(gorgonia.Log(must(gorgonia.SoftMax(h))))
	return must(gorgonia.Neg(must(gorgonia.Mean(must(gorgonia.Sum(must(gorgonia.HadamardProd(logs, y)), 1))))))
}

// step trains on the next batch, or on the one in input and labels.
func (r *rival) step() error {
	if r.pool != nil {
		r.pool.read(r.input.Float32s(), r.labels)
	}
	y := r.target.Float32s()
	clear(y)
	for i, label := range r.labels {
		y[i*zooClasses+int(label)] = 1
	}
	defer r.machine.Reset()
	if err := r.machine.RunAll(); err != nil {
		return err
	}
	r.adam.update(func(i int) []float32 { return r.grads[i].Data().([]float32) })
	return nil
}
