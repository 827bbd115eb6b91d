package op

import (
	"errors"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// KindLogSoftMax is the kind of [LogSoftMax].
const KindLogSoftMax Kind = "LogSoftMax"

// LogSoftMax is the logarithm of [SoftMax] along the last axis, stable for
// scores of any size.
func LogSoftMax(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindLogSoftMax, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) == 0 {
		return nil, errors.New("LogSoftMax: input is a scalar, want (…,classes)")
	}
	classes := s[len(s)-1]
	return apply(spec{kind: KindLogSoftMax, shape: s}, &kernel.LogSoftMax[float32]{Classes: classes}, &kernel.LogSoftMax[float64]{Classes: classes}, x)
}
