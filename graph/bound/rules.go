package bound

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// step is a node to be bounded.
type step struct {
	node *gorgonia.Node
	op.Description
	in []Interval // bounds of the operands; one at least has a radius
}

// rule makes bounds of a node. Errors of building nodes go to the scope; a rule returns
// those that say why there are no bounds.
type rule func(p *Propagation, s step) (Interval, error)

// rules are the rules of package op's ops. An op of another package has its own, see
// [Bounded].
var rules = map[op.Kind]rule{
	op.KindConv2d:    linear(convolved, func(s step) int { w := s.Operands[1].Shape(); return w.TotalSize() / w[0] }),
	op.KindMul:       linear(multiplied, func(s step) int { return s.Operands[1].Shape()[0] }),
	op.KindBatchNorm: normalised,
	op.KindAvgPool2D: averaged,
	op.KindAdd:       added,
	op.KindHadamard:  scaled(func(x, k node) (node, error) { return op.Hadamard(x, k) }),
	op.KindScale:     scaled(func(x, k node) (node, error) { return op.Scale(x, k) }),
	op.KindShift:     shifted,

	op.KindReLU:        rectified,
	op.KindReLU6:       rising(func(s step, x node) (node, error) { return op.ReLU6(x) }),
	op.KindSigmoid:     rising(func(s step, x node) (node, error) { return op.Sigmoid(x) }),
	op.KindTanh:        rising(func(s step, x node) (node, error) { return op.Tanh(x) }),
	op.KindMaxPool2D:   rising(func(s step, x node) (node, error) { return op.MaxPool2D(x, s.Pool()) }),
	op.KindLeakyReLU:   risingIf(step.Alpha, func(s step, x node) (node, error) { return op.LeakyReLU(x, s.Alpha()) }),
	op.KindELU:         risingIf(step.Alpha, func(s step, x node) (node, error) { return op.ELU(x, s.Alpha()) }),
	op.KindHardSigmoid: risingIf(step.slope, func(s step, x node) (node, error) { return op.HardSigmoid(x, s.Line()) }),
	op.KindMap:         mapped,

	op.KindReshape:      moved(func(s step, x node, _ bool) (node, error) { return op.Reshape(x, s.node.Shape()...) }),
	op.KindPadChannels:  moved(func(s step, x node, _ bool) (node, error) { return op.PadChannels(x, s.node.Shape()[1]) }),
	op.KindTranspose:    moved(func(s step, x node, _ bool) (node, error) { return op.Transpose(x) }),
	op.KindPatches:      moved(func(s step, x node, _ bool) (node, error) { return op.Patches(x, s.PatchSize()) }),
	op.KindExpand:       moved(func(s step, x node, _ bool) (node, error) { return op.Expand(x, s.node.Shape()...) }),
	op.KindStrided:      moved(func(s step, x node, _ bool) (node, error) { return op.Strided(x, s.View()) }),
	op.KindPermute:      moved(func(s step, x node, _ bool) (node, error) { return op.Permute(x, s.Axes()...) }),
	op.KindPickChannels: moved(func(s step, x node, _ bool) (node, error) { return op.PickChannels(x, s.Channels()...) }),
	op.KindRoll:         moved(func(s step, x node, _ bool) (node, error) { return op.Roll(x, s.Shifts()...) }),
	op.KindGather:       moved(gathered),
	op.KindPadImage:     moved(padded),
	op.KindConcat:       joined,
}

type node = *gorgonia.Node

// constant returns an error unless the operands from the given one on do not depend on the
// input.
func (s step) constant(from int) error {
	for _, i := range s.in[from:] {
		if !i.exact() {
			return errors.New("its weights depend on the input")
		}
	}
	return nil
}

// bias is the operand of that index, nil if there is none.
func (s step) bias(i int) node {
	if i < len(s.Operands) {
		return s.Operands[i]
	}
	return nil
}

func (s step) slope() float64 { return s.Line().Slope }

// linear is the rule of y = W·x + b, of so many products in a sum:
//
//	centre  W·c + b
//	radius  |W|·r
func linear(apply func(s step, x, w, b node) (node, error), terms func(s step) int) rule {
	return func(p *Propagation, s step) (Interval, error) {
		if err := s.constant(1); err != nil {
			return Interval{}, err
		}
		x := p.widen(s.in[0], terms(s))
		absolute := p.scope.Node(op.Abs(s.Operands[1]))
		return Interval{
			p.scope.Node(apply(s, x.Centre, s.Operands[1], s.bias(2))),
			p.scope.Node(apply(s, x.Radius, absolute, p.rounding(s.bias(2), terms(s)))),
		}, nil
	}
}

func convolved(s step, x, w, b node) (node, error) { return op.Conv2d(x, w, b, s.Conv()) }
func multiplied(_ step, x, w, b node) (node, error) {
	return op.Mul(x, w, b)
}

// normalised is the rule of y = gamma·(x-mean)/√(variance+ε) + beta with running
// statistics: linear with one factor a channel.
func normalised(p *Propagation, s step) (Interval, error) {
	if s.Norm().Training {
		return Interval{}, errors.New("it takes the statistics of the batch, want a graph for inference")
	}
	if err := s.constant(1); err != nil {
		return Interval{}, err
	}
	gamma, beta, mean, variance := s.Operands[1], s.Operands[2], s.Operands[3], s.Operands[4]
	x := p.widen(s.in[0], 4)
	zero := p.scope.Node(op.Combine(beta, beta, &none, &none))
	more, less := zero, zero
	if p.unit > 0 {
		more, less = p.rounding(beta, 4), p.scope.Node(op.Combine(p.rounding(mean, 4), zero, &minus, &none))
	}
	return Interval{
		p.scope.Node(op.BatchNorm(x.Centre, gamma, beta, mean, variance, s.Norm())),
		p.scope.Node(op.BatchNorm(x.Radius, p.scope.Node(op.Abs(gamma)), more, less, variance, s.Norm())),
	}, nil
}

// averaged is the rule of means, whose weights are positive.
func averaged(p *Propagation, s step) (Interval, error) {
	o := s.Pool()
	x := p.widen(s.in[0], o.KH*o.KW)
	return Interval{p.scope.Node(op.AvgPool2D(x.Centre, o)), p.scope.Node(op.AvgPool2D(x.Radius, o))}, nil
}

// added is the rule of sums: centres and radii are added up.
func added(p *Propagation, s step) (Interval, error) {
	var centres, radii []node
	for _, i := range s.in {
		i = p.widen(i, len(s.in))
		centres = append(centres, i.Centre)
		if !i.exact() {
			radii = append(radii, i.Radius)
		}
	}
	sum := Interval{Centre: p.scope.Node(op.Add(centres...)), Radius: radii[0]}
	if len(radii) > 1 {
		sum.Radius = p.scope.Node(op.Add(radii...))
	}
	return sum, nil
}

// scaled is the rule of products with what does not depend on the input.
func scaled(apply func(x, k node) (node, error)) rule {
	return func(p *Propagation, s step) (Interval, error) {
		x, k := s.in[0], s.in[1]
		if x.exact() && s.Kind == op.KindHadamard {
			x, k = k, x
		}
		if x.exact() || !k.exact() {
			return Interval{}, errors.New("both factors depend on the input")
		}
		x = p.widen(x, 1)
		return Interval{
			p.scope.Node(apply(x.Centre, k.Centre)),
			p.scope.Node(apply(x.Radius, p.scope.Node(op.Abs(k.Centre)))),
		}, nil
	}
}

// shifted is the rule of x + s.
func shifted(p *Propagation, s step) (Interval, error) {
	if err := s.constant(1); err != nil {
		return Interval{}, err
	}
	x := p.widen(s.in[0], 1)
	y := Interval{p.scope.Node(op.Shift(x.Centre, s.Operands[1])), x.Radius}
	if p.unit > 0 {
		y.Radius = p.scope.Node(op.Shift(x.Radius, p.rounding(s.Operands[1], 1)))
	}
	return y, nil
}

// rectified is the rule of ReLU.
func rectified(p *Propagation, s step) (Interval, error) {
	c, r := s.in[0].Centre, s.in[0].Radius
	return Interval{p.scope.Node(op.ReLUCentre(c, r)), p.scope.Node(op.ReLURadius(c, r))}, nil
}

// rising is the rule of a function that does not fall in any of its operand's elements: it
// takes bounds to bounds.
func rising(f func(s step, x node) (node, error)) rule {
	return func(p *Propagation, s step) (Interval, error) {
		c, r := s.in[0].Centre, s.in[0].Radius
		lower, upper := p.scope.Node(op.Combine(c, r, &one, &minus)), p.scope.Node(op.Add(c, r))
		low, high := p.scope.Node(f(s, lower)), p.scope.Node(f(s, upper))
		return Interval{
			p.scope.Node(op.Combine(high, low, &half, &half)),
			p.scope.Node(op.Combine(high, low, &half, &minusHalf)),
		}, nil
	}
}

// risingIf is rising for a parameter from 0; with a negative one the function falls.
func risingIf(parameter func(s step) float64, f func(s step, x node) (node, error)) rule {
	return func(p *Propagation, s step) (Interval, error) {
		if v := parameter(s); !(v >= 0) {
			return Interval{}, fmt.Errorf("with %g it falls somewhere", v)
		}
		return rising(f)(p, s)
	}
}

// risingFunctions are the functions of [op.Map] that rise wherever they are defined, by
// their operator.
var risingFunctions = map[string]bool{"Exp": true, "Erf": true, "Clip": true, "Sqrt": true}

func mapped(p *Propagation, s step) (Interval, error) {
	if o := s.Function().Operator; o == nil || !risingFunctions[o.Kind] {
		return Interval{}, errors.New("it is not known to rise")
	}
	return rising(func(s step, x node) (node, error) { return op.Map(x, s.Function()) })(p, s)
}

// moved is the rule of ops that only move elements. What fills gaps is exact, and has no
// radius.
func moved(f func(s step, x node, radius bool) (node, error)) rule {
	return func(p *Propagation, s step) (Interval, error) {
		return Interval{
			p.scope.Node(f(s, s.in[0].Centre, false)),
			p.scope.Node(f(s, s.in[0].Radius, true)),
		}, nil
	}
}

func gathered(s step, x node, radius bool) (node, error) {
	picks := s.Picks()
	if radius {
		picks.Fill = 0
	}
	return op.Gather(x, picks, s.node.Shape()...)
}

func padded(s step, x node, radius bool) (node, error) {
	b := s.Border()
	if radius {
		b.Fill = 0
	}
	return op.PadImage(x, b)
}

// joined is the rule of Concat.
func joined(p *Propagation, s step) (Interval, error) {
	var centres, radii []node
	for _, i := range s.in {
		if i.exact() {
			i.Radius = p.scope.Node(op.Combine(i.Centre, i.Centre, &none, &none))
		}
		centres, radii = append(centres, i.Centre), append(radii, i.Radius)
	}
	return Interval{p.scope.Node(op.Concat(s.Axis(), centres...)), p.scope.Node(op.Concat(s.Axis(), radii...))}, nil
}
