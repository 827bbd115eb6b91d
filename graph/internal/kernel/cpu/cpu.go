// Package cpu is the ground that all kernels stand on: the element type, the
// instruction sets that kernels are written for, the worker pool that spreads
// them over the processors, and memory that is used again. It knows nothing of
// networks.
package cpu

// Float is the element type of every kernel.
type Float interface{ float32 | float64 }

// Tier names an instruction set for which kernels exist, slowest first. A tier
// includes the tiers before it: where AVX-512 is active and a loop has no assembly
// for it, the AVX2 one runs.
type Tier int

const (
	TierGo     Tier = iota // plain Go, on every machine
	TierAVX2               // amd64 with AVX2 and FMA
	TierAVX512             // amd64 with AVX-512 F, BW, DQ and VL
)

// String names the tier: go, avx2 or avx512.
func (t Tier) String() string {
	return [...]string{"go", "avx2", "avx512"}[t]
}

// current is the tier whose kernels run: the best one of this machine, unless
// Use has lowered it.
var current = Best()

// Active returns the tier whose kernels run now.
func Active() Tier { return current }

// Use makes the kernels of t run and returns a function that brings back the
// ones that ran before. It is for tests: no kernel may run meanwhile, and t
// must not exceed Best().
func Use(t Tier) (undo func()) {
	before := current
	current = t
	return func() { current = before }
}

// Float32s returns x if its elements are float32 and there is assembly for
// them, that is on every tier but TierGo. It is how a generic function finds
// its assembly:
//
//	if y, ok := cpu.Float32s(y); ok {
//		x, _ := cpu.Float32s(x)
//		loopAVX2(y, x)
//		return
//	}
func Float32s[T Float](x []T) (f []float32, ok bool) {
	if current < TierAVX2 {
		return nil, false
	}
	f, ok = any(x).([]float32)
	return f, ok
}
