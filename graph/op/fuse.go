package op

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// Fuse returns a node that computes what n and the ops before it compute, in
// one pass over memory, or n itself where there is no such kernel. The ops
// before it stay in the graph for whoever else uses them, and then are computed
// twice: where the convolution feeds a skip connection too, fusion costs time.
//
// It knows one pattern: Conv2d, or Conv2d and ReLU, and a MaxPool2D without
// padding whose windows lie side by side.
func Fuse(n *gorgonia.Node) (*gorgonia.Node, error) {
	pool, ok := geometry[kernel.PoolShape](n, "MaxPool2D")
	if !ok || pool.StrideH != pool.KH || pool.StrideW != pool.KW || pool.PadTop != 0 || pool.PadLeft != 0 || pool.OH*pool.KH > pool.H || pool.OW*pool.KW > pool.W {
		return n, nil
	}
	x, name := children(n)[0], "Conv2d+MaxPool2D"
	relu := isOurs(x, "ReLU")
	if relu {
		x, name = children(x)[0], "Conv2d+ReLU+MaxPool2D"
	}
	conv, ok := geometry[kernel.ConvShape](x, "Conv2d")
	if !ok {
		return n, nil
	}
	b := kernel.Block{Bias: len(children(x)) == 3, ReLU: relu, KH: pool.KH, KW: pool.KW}
	return apply(spec{name: name, shape: n.Shape(), mulAdds: conv.MulAdds()},
		kernel.NewConvBlock[float32](conv, b), kernel.NewConvBlock[float64](conv, b), children(x)...)
}

// described is what the ops of this package tell about themselves.
type described interface{ describe() spec }

func (f *forward[T]) describe() spec { return f.spec }

// isOurs reports whether a node is an op of this package, by name.
func isOurs(n *gorgonia.Node, name string) bool {
	d, ok := n.Op().(described)
	return ok && d.describe().name == name
}

// geometry returns the geometry of a node that is an op of this package.
func geometry[S any](n *gorgonia.Node, name string) (s S, ok bool) {
	if !isOurs(n, name) {
		return s, false
	}
	s, ok = n.Op().(described).describe().geometry.(S)
	return s, ok
}
