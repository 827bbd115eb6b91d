package op

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// The kinds of the ops that package bound is made of, beside those of networks.
const (
	KindAbs        Kind = "Abs"
	KindCombine    Kind = "Combine"
	KindReLUCentre Kind = "ReLUCentre"
	KindReLURadius Kind = "ReLURadius"
	KindBall       Kind = "Ball"
	KindMargins    Kind = "Margins"
)

// Abs is |x|. Its derivative is the sign of x, and -1 at 0.
func Abs(x *gorgonia.Node) (*gorgonia.Node, error) {
	return elementwise(KindAbs, x, vector.LeakyReLU(-1), nil)
}

// Combine is alpha·a + beta·b, of nodes of one shape. The factors are read at every run;
// they have no gradient.
func Combine(a, b *gorgonia.Node, alpha, beta *float64) (*gorgonia.Node, error) {
	if alpha == nil || beta == nil {
		return nil, errors.New("Combine: a factor is nil, want two numbers")
	}
	return pair(KindCombine, a, b, kernel.NewCombine[float32](alpha, beta), kernel.NewCombine[float64](alpha, beta))
}

// ReLUCentre is the centre of the interval that [ReLU] makes of one with centre c and
// radius r: ½·(max(c+r,0) + max(c-r,0)).
func ReLUCentre(c, r *gorgonia.Node) (*gorgonia.Node, error) {
	return pair(KindReLUCentre, c, r, kernel.NewReLUInterval[float32](false), kernel.NewReLUInterval[float64](false))
}

// ReLURadius is the radius of that interval, ½·(max(c+r,0) - max(c-r,0)).
func ReLURadius(c, r *gorgonia.Node) (*gorgonia.Node, error) {
	return pair(KindReLURadius, c, r, kernel.NewReLUInterval[float32](true), kernel.NewReLUInterval[float64](true))
}

// pair applies a kernel of two operands of one shape.
func pair(kind Kind, a, b *gorgonia.Node, f32 function[float32], f64 function[float64]) (*gorgonia.Node, error) {
	if err := check(kind, a, b); err != nil {
		return nil, err
	}
	if !slices.Equal(a.Shape(), b.Shape()) {
		return nil, fmt.Errorf("%s: operands are %v and %v, want one shape", kind, a.Shape(), b.Shape())
	}
	return apply(spec{kind: kind, shape: a.Shape(), dyOnly: kind == KindCombine}, f32, f64, a, b)
}

// Reach says how far the values that a network is given may be from those of an image,
// see [BallCentre]. The slices have a number for each channel.
type Reach struct {
	Low, High []float64 // no value is below or above
	Scale     []float64 // what Epsilon is multiplied by
	Epsilon   *float64  // read at every run
}

// BallCentre is the centre of the interval from max(x - ε·Scale, Low) to
// min(x + ε·Scale, High), for images x (N,C,…) within the limits. It has no gradient.
func BallCentre(x *gorgonia.Node, r Reach) (*gorgonia.Node, error) { return r.apply(x, false) }

// BallRadius is the radius of that interval.
func BallRadius(x *gorgonia.Node, r Reach) (*gorgonia.Node, error) { return r.apply(x, true) }

func (r Reach) apply(x *gorgonia.Node, radius bool) (*gorgonia.Node, error) {
	if err := check(KindBall, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) < 2 {
		return nil, fmt.Errorf("%s: input is %v, want (N,C,…)", KindBall, s)
	}
	for _, numbers := range [][]float64{r.Low, r.High, r.Scale} {
		if len(numbers) != s[1] {
			return nil, fmt.Errorf("%s: %d numbers, want one for each of %d channels", KindBall, len(numbers), s[1])
		}
	}
	if r.Epsilon == nil {
		return nil, fmt.Errorf("%s: Epsilon is nil, want a number", KindBall)
	}
	detail := "centre"
	if radius {
		detail = "radius"
	}
	return apply(spec{kind: KindBall, detail: detail, shape: s, constant: []int{0}, dyOnly: true},
		ball[float32](r, s, radius), ball[float64](r, s, radius), x)
}

func ball[T cpu.Float](r Reach, s tensor.Shape, radius bool) *kernel.Ball[T] {
	return &kernel.Ball[T]{
		C: s[1], Pixels: tensor.Shape(s[2:]).TotalSize(),
		Low: r.Low, High: r.High, Scale: r.Scale, Epsilon: r.Epsilon, Radius: radius,
	}
}

// Margins bounds from above by how much each logit exceeds that of the label, if logits are
// h·w + b and h lies in the interval of centre c and radius r (N,K):
//
//	y[n,j] = Σ_k (d·c[n,k] + |d|·r[n,k]) + b[j] - b[t],   d = w[k,j] - w[k,t]
//
// where t is the label of sample n, of labels (N), which hold class indices as floats. w is
// (K,classes), b is (classes) or nil, and the result is (N,classes), 0 for the label itself.
func Margins(c, r, w, b, labels *gorgonia.Node) (*gorgonia.Node, error) {
	in := []*gorgonia.Node{c, r, w, labels}
	if b != nil {
		in = append(in, b)
	}
	if err := check(KindMargins, in...); err != nil {
		return nil, err
	}
	s, ws := c.Shape(), w.Shape()
	switch {
	case len(s) != 2 || !slices.Equal(r.Shape(), s):
		return nil, fmt.Errorf("Margins: centre is %v and radius %v, want (N,K) of both", s, r.Shape())
	case len(ws) != 2 || ws[0] != s[1]:
		return nil, fmt.Errorf("Margins: weights are %v, want (%d,classes)", ws, s[1])
	case !slices.Equal(labels.Shape(), s[:1]):
		return nil, fmt.Errorf("Margins: labels are %v, want (%d)", labels.Shape(), s[0])
	case b != nil && !slices.Equal(b.Shape(), ws[1:]):
		return nil, fmt.Errorf("Margins: bias is %v, want (%d)", b.Shape(), ws[1])
	}
	n, k, classes := s[0], s[1], ws[1]
	return apply(spec{kind: KindMargins, shape: tensor.Shape{n, classes}, constant: []int{3}, mulAdds: 2 * n * k * classes},
		&kernel.Margins[float32]{N: n, K: k, Classes: classes, Bias: b != nil},
		&kernel.Margins[float64]{N: n, K: k, Classes: classes, Bias: b != nil}, in...)
}
