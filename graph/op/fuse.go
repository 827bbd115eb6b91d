package op

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/conv"
)

// Fusion is an op that computes in one pass over memory what several nodes of a
// graph compute one after the other.
type Fusion struct {
	Inner    gorgonia.Nodes // the nodes before the last whose work it does too
	Operands gorgonia.Nodes
	spec     spec
	f32      function[float32]
	f64      function[float64]
}

// Apply adds the op to the graph. The operands stand for f.Operands, one for each.
func (f *Fusion) Apply(operands gorgonia.Nodes) (*gorgonia.Node, error) {
	return apply(f.spec, f.f32, f.f64, operands...)
}

// Fuse returns the fusion that ends in n, the longest that there is, or nil. The
// predicate says of a node whether nobody but its one consumer needs it: only
// such nodes become inner ones.
//
// It knows a convolution with any of BatchNorm, ReLU or ReLU6, and MaxPool2D
// behind it, in this order, the pooling's windows lying side by side without padding; one
// with BatchNorm, the sum with another image, and ReLU or ReLU6; a
// convolution of few channels and filters with Tanh and AvgPool2D of 2×2 windows behind it;
// and Mul and BatchNorm with ReLU behind them. A Hadamard product with numbers a channel
// that Expand repeats over images becomes a Scale, which writes the repetitions nowhere.
func Fuse(n *gorgonia.Node, once func(*gorgonia.Node) bool) *Fusion {
	c := chain{last: n, once: once, node: n}
	switch {
	case isKind(n, KindHadamard):
		return c.scale()
	case isKind(n, KindAvgPool2D):
		return c.planar()
	}
	return c.fuse()
}

// chain walks from the last node of a fusion towards its operands.
type chain struct {
	last  *gorgonia.Node
	once  func(*gorgonia.Node) bool
	node  *gorgonia.Node // where it has come to
	kinds []Kind         // of the ops before it, the last first
	inner gorgonia.Nodes
}

func (c *chain) fuse() *Fusion {
	block := conv.Block{KH: 1, KW: 1}
	if p, ok := poolShape(c.node, KindMaxPool2D); ok && sideBySide(p) && c.step() {
		block.KH, block.KW = p.KH, p.KW
	}
	switch {
	case isKind(c.node, KindReLU) && c.step():
		block.Top = math.Inf(1)
	case isKind(c.node, KindReLU6) && c.step():
		block.Top = 6
	}
	afterReLU := len(c.kinds) == 1 && c.kinds[0] == KindReLU
	var residual gorgonia.Nodes
	if block.Top > 0 && block.KH == 1 && block.KW == 1 {
		residual = c.sum()
		block.Residual = residual != nil
	}
	switch d, _ := Describe(c.node); {
	case d.Kind == KindBatchNorm && c.follows(c.node, KindConv2d):
		norm := d.Norm()
		c.step()
		block.Norm = (*conv.Norm)(&norm)
		return c.convolution(block, append(slices.Clone(d.Operands[1:]), residual...))
	case d.Kind == KindConv2d && len(c.kinds) > 0:
		return c.convolution(block, nil)
	case d.Kind == KindBatchNorm && afterReLU:
		return c.norm(d.Norm())
	case d.Kind == KindMul && afterReLU:
		return c.product()
	}
	return nil
}

// follows reports whether the op before n is of the given kind, and nobody else's
// operand.
func (c *chain) follows(n *gorgonia.Node, kind Kind) bool {
	before := Operands(n)[0]
	return isKind(before, kind) && c.once(before)
}

// sum goes on to the operand of a sum of two that is a normalised convolution which
// nobody else needs, and returns the other operand; nil if there is none.
func (c *chain) sum() (other gorgonia.Nodes) {
	operands := Operands(c.node)
	if !isKind(c.node, KindAdd) || len(operands) != 2 {
		return nil
	}
	for i, n := range operands {
		if isKind(n, KindBatchNorm) && c.once(n) && c.follows(n, KindConv2d) {
			c.goTo(n)
			return operands[1-i : 2-i]
		}
	}
	return nil
}

// sideBySide reports whether each pixel is in one window at most.
func sideBySide(p kernel.PoolShape) bool {
	return p.StrideH == p.KH && p.StrideW == p.KW && p.PadTop == 0 && p.PadLeft == 0 &&
		p.OH*p.KH <= p.H && p.OW*p.KW <= p.W && max(p.KH, p.KW) <= conv.MaxWindow
}

// step goes on to the first operand, unless others use that too.
func (c *chain) step() bool {
	before := Operands(c.node)[0]
	if before.Op() == nil || !c.once(before) {
		return false
	}
	c.goTo(before)
	return true
}

// goTo goes on to an operand.
func (c *chain) goTo(operand *gorgonia.Node) {
	c.kinds = append(c.kinds, c.node.Op().(described).describe().kind)
	c.inner = append(c.inner, operand)
	c.node = operand
}

// fusion is one in which the op that the chain has come to is the first.
func (c *chain) fusion(operands gorgonia.Nodes) *Fusion {
	first := c.node.Op().(described).describe()
	s := spec{kind: first.kind, shape: c.last.Shape(), mulAdds: first.mulAdds}
	for _, kind := range slices.Backward(c.kinds) {
		s.kind += "+" + kind
	}
	return &Fusion{Inner: c.inner, Operands: operands, spec: s}
}

func (c *chain) convolution(b conv.Block, params gorgonia.Nodes) *Fusion {
	shape, _ := convShape(c.node)
	operands := Operands(c.node)
	b.Bias = len(operands) == 3
	f := c.fusion(append(slices.Clone(operands), params...))
	if b.Norm != nil {
		mean := len(operands) + 2 // behind γ and β
		f.spec.constant = []int{mean, mean + 1}
	}
	f.f32, f.f64 = conv.NewConvBlock[float32](shape, b), conv.NewConvBlock[float64](shape, b)
	return f
}

// planar is a planar convolution with Tanh and the mean of pairs behind it.
func (c *chain) planar() *Fusion {
	p, _ := poolShape(c.node, KindAvgPool2D)
	if !p.Pairs() || !c.step() || !isKind(c.node, KindTanh) || !c.step() {
		return nil
	}
	shape, ok := convShape(c.node)
	if !ok || !shape.Planar() {
		return nil
	}
	f := c.fusion(Operands(c.node))
	bias := len(f.Operands) == 3
	f.f32, f.f64 = conv.NewPlanarBlock[float32](shape, bias), conv.NewPlanarBlock[float64](shape, bias)
	return f
}

func (c *chain) product() *Fusion {
	f := c.fusion(Operands(c.node))
	m, k, n := productSize(f.Operands[0].Shape(), f.Operands[1].Shape())
	f.f32, f.f64 = &kernel.Mul[float32]{M: m, K: k, N: n, ReLU: true}, &kernel.Mul[float64]{M: m, K: k, N: n, ReLU: true}
	return f
}

func (c *chain) norm(o Norm) *Fusion {
	f := c.fusion(Operands(c.node))
	f.spec.constant = []int{3, 4}
	f.f32, f.f64 = newNorm[float32](f.spec.shape, o, true), newNorm[float64](f.spec.shape, o, true)
	return f
}

// scale is the fusion of a Hadamard product one of whose operands is an Expand.
func (c *chain) scale() *Fusion {
	shape := c.last.Shape()
	operands := Operands(c.last)
	for i, spread := range operands {
		if len(shape) != 4 || !isKind(spread, KindExpand) || !c.once(spread) {
			continue
		}
		s := Operands(spread)[0]
		with, ok := aligned(s.Shape(), shape)
		if !ok || with[1] != shape[1] || with[2] != 1 || with[3] != 1 {
			continue
		}
		return &Fusion{
			Inner: gorgonia.Nodes{spread}, Operands: gorgonia.Nodes{operands[1-i], s},
			spec: spec{kind: KindExpand + "+" + KindHadamard, shape: shape},
			f32:  kernel.NewBroadcast[float32](true, shape, with), f64: kernel.NewBroadcast[float64](true, shape, with),
		}
	}
	return nil
}

// productSize is the number of rows, of columns of x and of columns of w.
func productSize(x, w tensor.Shape) (m, k, n int) {
	return x.TotalSize() / w[0], w[0], w[1]
}

// described is what the ops of this package tell about themselves.
type described interface {
	describe() spec
	forwardOnly(on bool)
}

func (f *forward[T]) describe() spec { return f.spec }

// isKind reports whether a node is an op of this package, of the given kind.
func isKind(n *gorgonia.Node, kind Kind) bool {
	d, ok := n.Op().(described)
	return ok && d.describe().kind == kind
}
