package kernel

import "testing"

// A product that no Backward follows keeps nothing for it.
func TestMulForwardOnly(t *testing.T) {
	m := &Mul[float32]{M: 2, K: 3, N: 4, ReLU: true}
	m.ForwardOnly(true)
	m.Forward(make([]float32, 8), [][]float32{make([]float32, 6), make([]float32, 12)})
	if got := m.Bytes(); got != 0 {
		t.Errorf("%d bytes, want 0", got)
	}
}
