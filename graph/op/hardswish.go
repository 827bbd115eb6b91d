package op

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/vector"
)

// The kinds of the activations that consist of straight lines.
const (
	KindHardSwish   Kind = "HardSwish"
	KindHardSigmoid Kind = "HardSigmoid"
)

// HardSwish is x·min(max(x/6+1/2,0),1), SiLU without an exponential (Howard et
// al. 2019).
func HardSwish(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindHardSwish, x); err != nil {
		return nil, err
	}
	return apply(spec{kind: KindHardSwish, shape: x.Shape()}, kernel.NewActivation[float32](vector.HardSwish), kernel.NewActivation[float64](vector.HardSwish), x)
}

// Line are the parameters of [HardSigmoid]: Slope·x + Offset.
type Line struct{ Slope, Offset float64 }

// HardSigmoid is min(max(l.Slope·x+l.Offset,0),1). In PyTorch the slope is 1/6, in
// Keras 2 and ONNX 1/5; the offset is 1/2 in all of them.
func HardSigmoid(x *gorgonia.Node, l Line) (*gorgonia.Node, error) {
	if err := check(KindHardSigmoid, x); err != nil {
		return nil, err
	}
	c := vector.HardSigmoid(l.Slope, l.Offset)
	return apply(spec{kind: KindHardSigmoid, detail: fmt.Sprintf("%g·x+%g", l.Slope, l.Offset), shape: x.Shape(), params: l},
		kernel.NewActivation[float32](c), kernel.NewActivation[float64](c), x)
}

// Line returns the parameters of a [HardSigmoid].
func (d Description) Line() Line {
	l, _ := d.paramsOf(KindHardSigmoid).(Line)
	return l
}
