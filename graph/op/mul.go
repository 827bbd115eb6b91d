package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"tapenet/graph/internal/kernel"
)

// KindMul is the kind of [Mul].
const KindMul Kind = "Mul"

// Mul is the matrix product x·w + b over the last axis of x: x is (…,K), w is
// (K,N), the bias b is (N) or nil, and the result is (…,N).
func Mul(x, w, b *gorgonia.Node) (*gorgonia.Node, error) {
	if err := check(KindMul, operands(x, w, b)...); err != nil {
		return nil, err
	}
	xs, ws := x.Shape(), w.Shape()
	if len(xs) < 2 || len(ws) != 2 || xs[len(xs)-1] != ws[0] {
		return nil, fmt.Errorf("Mul: operands are %v and %v, want (…,K) and (K,N)", xs, ws)
	}
	if b != nil && !slices.Equal(b.Shape(), ws[1:]) {
		return nil, fmt.Errorf("Mul: bias is %v, want (%d)", b.Shape(), ws[1])
	}
	m, k, n := productSize(xs, ws)
	out := xs.Clone()
	out[len(out)-1] = n
	return apply(spec{kind: KindMul, shape: out, mulAdds: m * n * k},
		&kernel.Mul[float32]{M: m, K: k, N: n, Bias: b != nil}, &kernel.Mul[float64]{M: m, K: k, N: n, Bias: b != nil}, operands(x, w, b)...)
}
