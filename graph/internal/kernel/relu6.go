package kernel

import (
	"tapenet/graph/internal/kernel/cpu"
	"tapenet/graph/internal/kernel/vector"
)

// NewReLU6 returns the kernel of min(max(x,0),6) (Krizhevsky 2010), the activation of
// MobileNets. The gradient is dy between 0 and 6, and 0 at both and beyond.
func NewReLU6[T cpu.Float]() *Activation[T] { return NewActivation[T](vector.ReLU6) }
