package op

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// KindTranspose is the kind of [Transpose].
const KindTranspose Kind = "Transpose"

// Transpose exchanges the last two axes: (N,A,B) becomes (N,B,A).
func Transpose(x *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindTranspose, x); err != nil {
		return nil, err
	}
	s := x.Shape()
	if len(s) != 3 {
		return nil, fmt.Errorf("Transpose: input is %v, want (N,A,B)", s)
	}
	return apply(spec{kind: KindTranspose, shape: tensor.Shape{s[0], s[2], s[1]}},
		&kernel.Transpose[float32]{N: s[0], Rows: s[1], Cols: s[2]},
		&kernel.Transpose[float64]{N: s[0], Rows: s[1], Cols: s[2]}, x)
}
