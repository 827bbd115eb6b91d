package conv

import (
	"math"

	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// layered reports whether Layers are for this element type: float64, which checks
// semantics, keeps planes. The tier does not matter, so that networks are the same
// programs everywhere.
func layered[T cpu.Float]() bool {
	_, ok := any(T(0)).(float32)
	return ok
}

// Lastly returns the kernel for inference that does c's work channels last.
func (c *Conv2d[T]) Lastly() (last any, ok bool) {
	return NewLayer[T](c.Shape, Finish{Bias: c.hasBias}), layered[T]()
}

// End returns the kernel for inference on planes that does the work of the op behind c
// too.
func (c *Conv2d[T]) End(next Ending) (both any, ok bool) {
	return (&ConvBlock[T]{Conv2d: newConv2d[T](c.Shape), Block: Block{Bias: c.hasBias, KH: 1, KW: 1}}).End(next)
}

// End returns a Layer that does the work of the op behind l too. The order is the
// normalisation, the residual, the activation: what would come in another order is a
// step of its own. A pooling is for a ConvBlock, which pools while the rows are in the
// cache; it pays where the image is so narrow in memory that the turns of a block cost
// little. The means of a planar convolution's tangents are for a PlanarBlock.
func (l *Layer[T]) End(next Ending) (both any, ok bool) {
	f := l.Finish
	switch plain := f.Act == (Act{}); {
	case next.Norm != nil && plain && !f.Residual && f.Norm == nil:
		f.Norm = next.Norm
	case next.Sum && plain && !f.Residual:
		f.Residual = true
	case next.Act != nil && plain:
		f.Act = *next.Act
	case next.Pool != nil && next.Pool.Mean:
		tangents := f.Act.Curve != nil && f.Act.Curve.Is(vector.Tanh) && f.Norm == nil && !f.Residual
		if !l.planar() || !tangents || next.Pool.KH != 2 || next.Pool.KW != 2 {
			return nil, false
		}
		return NewPlanarBlock[T](l.Shape, f.Bias), true
	case next.Pool != nil && l.few() && !f.Residual && (plain || f.Act.top() > 0):
		b := Block{Bias: f.Bias, Norm: f.Norm, Top: f.Act.top(), KH: next.Pool.KH, KW: next.Pool.KW}
		return NewConvBlock[T](l.Shape, b), true
	default:
		return nil, false
	}
	return newLayer[T](l.Shape, l.Beginning, f), true
}

// ReLU is an activation that a ConvBlock knows.
var ReLU = Act{Limited: true, Low: 0, High: math.Inf(1)}

// top is the Top of a ConvBlock with this activation, 0 if it knows none.
func (a Act) top() float64 {
	if a.Curve != nil || !a.Limited || a.Low != 0 {
		return 0
	}
	return max(a.High, 0)
}

// End returns a ConvBlock that does the work of the op behind c too, in the order of
// the normalisation, the activation and the pooling. It knows ReLU and ReLU6 alone, as
// a pooling may come before these without changing anything.
func (c *ConvBlock[T]) End(next Ending) (both any, ok bool) {
	b := c.Block
	switch pooled := b.KH*b.KW > 1; {
	case pooled:
		return nil, false
	case next.Norm != nil && b.Norm == nil && b.Top == 0:
		b.Norm = next.Norm
	case next.Act != nil && next.Act.top() > 0 && b.Top == 0:
		b.Top = next.Act.top()
	case next.Pool != nil && !next.Pool.Mean:
		b.KH, b.KW = next.Pool.KH, next.Pool.KW
	default:
		return nil, false
	}
	return NewConvBlock[T](c.Shape, b), true
}

// Lastly has no other kernel to offer: a block keeps its pixels channels last by
// itself, and hands them out as planes.
func (c *ConvBlock[T]) Lastly() (last any, ok bool) { return nil, false }
