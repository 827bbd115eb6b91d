package op

import (
	"errors"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/vector"
)

// KindMap is the kind of [Map].
const KindMap Kind = "Map"

// Function is a function of one number. The ones that this package makes, such as
// ExpFunction, have loops over vectors too: do not replace their F and DF.
type Function struct {
	Name     string                  // for people
	F, DF    func(x float64) float64 // the function and its derivative, safe for concurrent use
	Operator *Operator               // how a translator of the graph writes it; nil if it cannot

	curve *vector.Curve // with the loops; nil for F and DF alone
}

// Operator is a function as an operator of ONNX. Nobody changes it after it is made.
type Operator struct {
	Kind       string      // the operator's name, as in Softplus
	Attributes []Attribute // in their order
	Constants  []float64   // the operands after the first; NaN for one that is left out
}

// Attribute is a number in an operator, as in alpha 0.01.
type Attribute struct {
	Name  string
	Value float64
}

// Map applies a function to every element of x: an activation of your own.
func Map(x *gorgonia.Node, f Function) (*gorgonia.Node, error) {
	if err := check(KindMap, x); err != nil {
		return nil, err
	}
	if f.F == nil || f.DF == nil {
		return nil, errors.New("Map: function or derivative is nil, want both")
	}
	c := vector.Curve{F: f.F, DF: f.DF}
	if f.curve != nil {
		c = *f.curve
	}
	return apply(spec{kind: KindMap, detail: f.Name, shape: x.Shape(), params: f},
		kernel.NewActivation[float32](c), kernel.NewActivation[float64](c), x)
}

// Function returns the function of a [Map].
func (d Description) Function() Function {
	f, _ := d.paramsOf(KindMap).(Function)
	return f
}
