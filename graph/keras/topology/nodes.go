package topology

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// nodeRule says how an operation of a TensorFlow graph is built.
type nodeRule struct {
	inputs int // at least
	build  func(b *builder, n *node, in []value) value
}

// nodes has the rule for each operation, by TensorFlow's name.
var nodes = map[string]nodeRule{
	"Identity":                   {1, func(_ *builder, _ *node, in []value) value { return in[0] }},
	"StopGradient":               {1, func(_ *builder, _ *node, in []value) value { return in[0] }},
	"Cast":                       {1, castNode},
	"Conv2D":                     {2, acting(convNode(false))},
	"DepthwiseConv2dNative":      {2, acting(convNode(true))},
	"_FusedConv2D":               {2, acting(convNode(false))},
	"FusedDepthwiseConv2dNative": {2, acting(convNode(true))},
	"MatMul":                     {2, acting(matMul)},
	"_FusedMatMul":               {2, acting(matMul)},
	"BiasAdd":                    {2, acting(biasAdd)},
	"FusedBatchNorm":             {5, acting(batchNormNode)},
	"FusedBatchNormV2":           {5, acting(batchNormNode)},
	"FusedBatchNormV3":           {5, acting(batchNormNode)},
	"Relu":                       {1, activated(graph.ReLU)},
	"Relu6":                      {1, activated(graph.ReLU6)},
	"Elu":                        {1, activated(graph.ELU(1))},
	"Sigmoid":                    {1, activated(graph.Sigmoid)},
	"Tanh":                       {1, activated(graph.Tanh)},
	"Exp":                        {1, activated(mapped(op.ExpFunction()))},
	"Erf":                        {1, activated(mapped(op.ErfFunction()))},
	"Sqrt":                       {1, activated(mapped(op.SqrtFunction()))},
	"Rsqrt":                      {1, activated(mapped(op.PowFunction(-0.5)))},
	"Square":                     {1, activated(mapped(op.PowFunction(2)))},
	"LeakyRelu": {1, acting(func(b *builder, n *node, x *gorgonia.Node, _ []value) *gorgonia.Node {
		return b.s.Apply(graph.LeakyReLU(n.number("alpha", 0.2)), x)
	})},
	"Prelu":                 {2, acting(preluNode)},
	"Softmax":               {1, acting(softMaxNode)},
	"Add":                   {2, addNode(1)},
	"AddV2":                 {2, addNode(1)},
	"Sub":                   {2, addNode(-1)},
	"AddN":                  {1, addAll},
	"Mul":                   {2, mulNode(false)},
	"RealDiv":               {2, mulNode(true)},
	"Neg":                   {1, acting(negated)},
	"Maximum":               {2, limitNode(true)},
	"Minimum":               {2, limitNode(false)},
	"Pad":                   {2, acting(padNode)},
	"PadV2":                 {3, acting(padNode)},
	"MaxPool":               {1, acting(poolNode(op.MaxPool2D, "maxpool2d"))},
	"AvgPool":               {1, acting(poolNode(op.AvgPool2D, "avgpool2d"))},
	"Mean":                  {2, acting(globalNode(op.AvgPool2D, "globalavgpool2d"))},
	"Max":                   {2, acting(globalNode(op.MaxPool2D, "globalmaxpool2d"))},
	"ConcatV2":              {2, concatNode},
	"Reshape":               {2, acting(reshapeNode)},
	"Squeeze":               {1, acting(squeezeNode)},
	"ResizeBilinear":        {2, acting(resizeNode(true))},
	"ResizeNearestNeighbor": {2, acting(resizeNode(false))},
	"Shape":                 {1, shapeNode},
	"StridedSlice":          {4, slicedNode},
	"Pack":                  {1, packNode},
}

// acting makes a rule of a function of the first input, which is no constant.
func acting(f func(b *builder, n *node, x *gorgonia.Node, in []value) *gorgonia.Node) func(*builder, *node, []value) value {
	return func(b *builder, n *node, in []value) value {
		if in[0].node == nil {
			return value{node: b.errorf("a constant, want something that depends on the network's input")}
		}
		b.flattened = in[0].flattened
		y := f(b, n, in[0].node, in)
		return value{node: y, flattened: b.flattened}
	}
}

func activated(a graph.Activation) func(*builder, *node, []value) value {
	return acting(func(b *builder, _ *node, x *gorgonia.Node, _ []value) *gorgonia.Node { return b.s.Apply(a, x) })
}

// constantOf returns an input that has numbers of the given dimensions, -1 for any.
func (b *builder) constantOf(in []value, at, dims int) (a Array, ok bool) {
	if at >= len(in) || in[at].constant == nil || dims >= 0 && len(in[at].constant.Shape) != dims {
		b.errorf("input %d, want a constant of %d dimensions", at, dims)
		return a, false
	}
	return *in[at].constant, true
}

// ints returns an input that has whole numbers.
func (b *builder) ints(in []value, at int) (list []int, ok bool) {
	a, ok := b.constantOf(in, at, -1)
	for _, v := range a.Values {
		if v != float32(math.Trunc(float64(v))) || math.Abs(float64(v)) > 1<<31 {
			b.errorf("input %d has %v, want whole numbers", at, v)
			return nil, false
		}
		list = append(list, int(v))
	}
	return list, ok
}

// castNode takes numbers for numbers: all are computed as floats.
func castNode(b *builder, n *node, in []value) value {
	switch to := n.dtype("DstT"); to {
	case "", "DT_FLOAT", "1", "DT_HALF", "19", "DT_BFLOAT16", "14":
		return in[0]
	default:
		if in[0].constant != nil {
			return in[0]
		}
		return value{node: b.errorf("to %.64s, want floats", to)}
	}
}

// convNode is a convolution, with a bias and an activation if it is fused.
func convNode(depthwise bool) func(*builder, *node, *gorgonia.Node, []value) *gorgonia.Node {
	return func(b *builder, n *node, x *gorgonia.Node, in []value) *gorgonia.Node {
		k, ok := b.constantOf(in, 1, 4)
		if !ok {
			return nil
		}
		c := convolution{kernel: k, groups: 1}
		if depthwise {
			c.groups, c.kernel.Shape = k.Shape[2], []int{k.Shape[0], k.Shape[1], 1, k.Shape[2] * k.Shape[3]}
		} else if s := x.Shape(); len(s) == 4 && s[1]%k.Shape[2] == 0 {
			c.groups = s[1] / k.Shape[2]
		}
		var err error
		if c.stride, err = n.pair("strides"); err == nil {
			c.dilation, err = n.pair("dilations")
		}
		if err == nil {
			c.padding, err = n.padding()
		}
		if err == nil && (c.kernel.Shape[3]%c.groups != 0) {
			err = fmt.Errorf("%d groups of %d filters", c.groups, c.kernel.Shape[3])
		}
		if err != nil {
			return b.errorf("%w", err)
		}
		bias, after, ok := b.fused(n, in, c.kernel.Shape[3])
		if !ok {
			return nil
		}
		c.bias = bias
		return after(b.convolve(x, c))
	}
}

// padding is what a node with a window adds around its input.
func (n *node) padding() (padding, error) {
	switch how := n.Attr["padding"].S; how {
	case "SAME":
		return padding{same: true}, nil
	case "VALID":
		return padding{}, nil
	case "EXPLICIT":
		all := n.Attr["explicit_paddings"].List.I
		if len(all) == 8 && slices.Min(all) >= 0 && slices.Max(all) <= maxSide && max(all[0], all[1], all[6], all[7]) == 0 {
			return padding{each: op.Padding{Top: int(all[2]), Bottom: int(all[3]), Left: int(all[4]), Right: int(all[5])}}, nil
		}
		return padding{}, fmt.Errorf("explicit_paddings %v, want those of height and width", all)
	default:
		return padding{}, fmt.Errorf("padding %.64q, want SAME, VALID or EXPLICIT", how)
	}
}

// fused returns the bias and the activation that a node has in itself.
func (b *builder) fused(n *node, in []value, units int) (bias graph.Init, after func(*gorgonia.Node) *gorgonia.Node, ok bool) {
	var activation func(*gorgonia.Node) *gorgonia.Node
	for _, name := range n.Attr["fused_ops"].List.S {
		switch {
		case name == "BiasAdd":
			a, ok := b.constantOf(in, 2, 1)
			if !ok || a.Shape[0] != units {
				b.errorf("a bias that is not (%d)", units)
				return nil, nil, false
			}
			bias = initial(a, itself)
		case name == "Prelu":
			activation = func(x *gorgonia.Node) *gorgonia.Node { return preluNode(b, n, x, in[min(2, len(in)-1):]) }
		case name == "LeakyRelu":
			activation = func(x *gorgonia.Node) *gorgonia.Node {
				return b.s.Apply(graph.LeakyReLU(n.number("leakyrelu_alpha", 0.2)), x)
			}
		case fusions[string(name)] != nil:
			activation = func(x *gorgonia.Node) *gorgonia.Node { return b.s.Apply(fusions[string(name)], x) }
		default:
			b.errorf("the fused operation %.64q is not supported", name)
			return nil, nil, false
		}
	}
	return bias, func(x *gorgonia.Node) *gorgonia.Node {
		if x == nil || activation == nil {
			return x
		}
		return activation(x)
	}, true
}

// fusions are activations that are parts of other nodes.
var fusions = map[string]graph.Activation{
	"Relu": graph.ReLU, "Relu6": graph.ReLU6, "Elu": graph.ELU(1), "Sigmoid": graph.Sigmoid, "Tanh": graph.Tanh,
}

// matMul is a product with a matrix of weights.
func matMul(b *builder, n *node, x *gorgonia.Node, in []value) *gorgonia.Node {
	k, ok := b.constantOf(in, 1, 2)
	if !ok {
		return nil
	}
	if x.Dims() != 2 || n.Attr["transpose_a"].B {
		return b.errorf("input %v, want vectors, and no transpose_a", x.Shape())
	}
	if n.Attr["transpose_b"].B {
		rows, columns := k.Shape[0], k.Shape[1]
		turned := Array{[]int{columns, rows}, make([]float32, len(k.Values))}
		for i, v := range k.Values {
			turned.Values[i%columns*rows+i/columns] = v
		}
		k = turned
	}
	bias, after, ok := b.fused(n, in, k.Shape[1])
	if !ok {
		return nil
	}
	return after(b.dense(x, k, bias))
}

func biasAdd(b *builder, _ *node, x *gorgonia.Node, in []value) *gorgonia.Node {
	a, ok := b.constantOf(in, 1, 1)
	if !ok {
		return nil
	}
	c := x.Shape()[1]
	if a.Shape[0] != c {
		return b.errorf("%d numbers for an input %v, want %d", a.Shape[0], x.Shape(), c)
	}
	s, place, shape := b.s.Sub("bias"), itself, []int{c, 1, 1}
	if x.Dims() == 2 {
		place, shape = b.element(), []int{c}
	}
	return s.Node(op.Shift(x, s.Param("bias", initial(a, place), shape...)))
}

func batchNormNode(b *builder, n *node, x *gorgonia.Node, in []value) *gorgonia.Node {
	var all [4]Array
	for i := range all {
		var ok bool
		if all[i], ok = b.constantOf(in, 1+i, 1); !ok {
			return nil
		}
	}
	if training, ok := n.Attr["is_training"]; ok && training.B {
		return b.errorf("is_training, want a graph for predictions")
	}
	return b.norm(x, all, op.Norm{Epsilon: n.number("epsilon", 1e-4), Momentum: 0.99})
}

// preluNode has its slopes in the second input.
func preluNode(b *builder, _ *node, x *gorgonia.Node, in []value) *gorgonia.Node {
	a, ok := b.constantOf(in, 1, -1)
	if !ok {
		return nil
	}
	if len(a.Shape) == 4 && a.Shape[0] == 1 {
		a.Shape = a.Shape[1:]
	}
	if len(a.Shape) == 1 && x.Dims() == 4 {
		a.Shape = []int{1, 1, a.Shape[0]}
	}
	return b.preLU(x, a)
}

func softMaxNode(b *builder, _ *node, x *gorgonia.Node, _ []value) *gorgonia.Node {
	if x.Dims() != 2 {
		return b.errorf("softmax of %v inside the network, want vectors", x.Shape())
	}
	return b.s.Apply(graph.SoftMax, x)
}

// poolNode makes the rule of a pooling.
func poolNode(f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error), name string) func(*builder, *node, *gorgonia.Node, []value) *gorgonia.Node {
	return func(b *builder, n *node, x *gorgonia.Node, _ []value) *gorgonia.Node {
		size, err := n.pair("ksize")
		stride, other := n.pair("strides")
		p, third := n.padding()
		for _, err := range []error{err, other, third} {
			if err != nil {
				return b.errorf("%w", err)
			}
		}
		if x.Dims() != 4 {
			return b.errorf("input %v, want images", x.Shape())
		}
		return b.s.Sub(name).Node(f(x, op.Pool{KH: size.h, KW: size.w, StrideH: stride.h, StrideW: stride.w, Pad: p.of(x.Shape(), size, stride)}))
	}
}

// globalNode makes the rule of a reduction over height and width.
func globalNode(f func(*gorgonia.Node, op.Pool) (*gorgonia.Node, error), name string) func(*builder, *node, *gorgonia.Node, []value) *gorgonia.Node {
	return func(b *builder, n *node, x *gorgonia.Node, in []value) *gorgonia.Node {
		axes, ok := b.ints(in, 1)
		if !ok {
			return nil
		}
		for i, a := range axes {
			if a < 0 {
				axes[i] = a + x.Dims()
			}
		}
		slices.Sort(axes)
		if x.Dims() != 4 || !slices.Equal(axes, []int{1, 2}) {
			return b.errorf("axes %v of an input %v, want height and width of images", axes, x.Shape())
		}
		return b.global(x, n.Attr["keep_dims"].B, f, name)
	}
}

func padNode(b *builder, _ *node, x *gorgonia.Node, in []value) *gorgonia.Node {
	all, ok := b.ints(in, 1)
	if !ok {
		return nil
	}
	if len(all) != 8 || x.Dims() != 4 || slices.Min(all) < 0 || slices.Max(all) > maxSide || max(all[0], all[1], all[6], all[7]) > 0 {
		return b.errorf("paddings %v of an input %v, want those of height and width", all, x.Shape())
	}
	p := op.Border{Padding: op.Padding{Top: all[2], Bottom: all[3], Left: all[4], Right: all[5]}}
	if len(in) > 2 {
		a, ok := b.constantOf(in, 2, -1)
		if !ok || len(a.Values) != 1 {
			return b.errorf("constant_values, want one number")
		}
		p.Fill = float64(a.Values[0])
	}
	if s := x.Shape(); s[1]*(s[2]+p.Top+p.Bottom) > maxSample/(s[3]+p.Left+p.Right) {
		return b.errorf("paddings %v of an input %v, want at most %d values", all, s, maxSample)
	}
	return b.s.Sub("zeropadding").Node(op.PadImage(x, p))
}
