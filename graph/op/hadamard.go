package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// KindHadamard is the kind of [Hadamard].
const KindHadamard Kind = "Hadamard"

// Hadamard is the product of two nodes of one shape, element by element. [Mul]
// is the matrix product.
func Hadamard(a, b *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindHadamard, a, b); err != nil {
		return nil, err
	}
	if !slices.Equal(a.Shape(), b.Shape()) {
		return nil, fmt.Errorf("Hadamard: operands are %v and %v, want one shape", a.Shape(), b.Shape())
	}
	return apply(spec{kind: KindHadamard, shape: a.Shape()}, kernel.NewHadamard[float32](), kernel.NewHadamard[float64](), a, b)
}
