package bound

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// Margins bounds from above by how much each logit exceeds that of the label: logits are
// (N,classes), labels (N) hold class indices. The result is (N,classes), 0 for the label
// itself. If all others are below 0, nothing within the interval is taken for another
// class.
//
// Where the logits are a dense layer's, its weights are subtracted before they meet the
// interval, as [op.Margins] says: that is tighter than bounds of each logit.
func (p *Propagation) Margins(logits, labels *gorgonia.Node) *gorgonia.Node {
	l := p.last(logits)
	return p.scope.Node(op.Margins(l.x.Centre, l.x.Radius, l.w, l.b, labels))
}

// lastLayer is the dense layer that gives the logits.
type lastLayer struct {
	x    Interval
	w, b node
}

// last is lastOf, once for each node.
func (p *Propagation) last(logits node) *lastLayer {
	if p.ends[logits] == nil {
		l := p.lastOf(logits)
		p.ends[logits] = &l
	}
	return p.ends[logits]
}

// lastOf is the last layer, or if that is no dense one, one with the identity for its
// weights behind the logits.
func (p *Propagation) lastOf(logits node) (l lastLayer) {
	if p.scope.Err() != nil || logits == nil {
		return l
	}
	shape := logits.Shape()
	if len(shape) != 2 {
		p.scope.Errorf("the output is %v, want logits (N,classes)", shape)
		return l
	}
	d, _ := op.Describe(logits)
	if d.Kind == op.KindMul {
		l.x, l.w = p.Of(d.Operands[0]), d.Operands[1]
		if len(d.Operands) > 2 {
			l.b = d.Operands[2]
		}
		for _, weights := range d.Operands[1:] {
			if !p.Of(weights).exact() {
				p.refuse(logits, "its weights depend on the input")
			}
		}
		l.x = p.widen(l.x, 2*d.Operands[1].Shape()[0])
	} else {
		l.x = p.widen(p.Of(logits), 2)
		l.w = p.scope.Constant("identity", identity(shape[1]), shape[1], shape[1])
	}
	if p.scope.Err() == nil && l.x.exact() {
		p.scope.Errorf("the output does not depend on the input")
	}
	return l
}

// slack is (N,classes): how far each logit of a run of the network itself can be from its
// exact value at most, beyond what the intervals have. The difference of two logits needs
// it, as they may be large where their difference is small.
func (p *Propagation) slack(logits node) node {
	l := p.last(logits)
	c := p.scope.Node(op.Abs(l.x.Centre))
	x := p.scope.Node(op.Add(c, l.x.Radius))
	b := l.b
	if b != nil {
		b = p.scope.Node(op.Abs(b))
	}
	sum := p.scope.Node(op.Mul(x, p.scope.Node(op.Abs(l.w)), b))
	if sum == nil {
		return nil
	}
	g := p.gamma(l.w.Shape()[0])
	return p.scope.Node(op.Combine(sum, sum, &g, &none))
}

func identity(n int) []float32 {
	m := make([]float32, n*n)
	for i := range n {
		m[i*n+i] = 1
	}
	return m
}
