package kernel

// tier names an instruction set for which kernels exist, slowest first.
type tier int

const (
	tierGo     tier = iota // plain Go, on every machine
	tierAVX2               // amd64 with AVX2 and FMA
	tierAVX512             // amd64 with AVX-512 F, BW, DQ and VL
)

func (t tier) String() string {
	return [...]string{"go", "avx2", "avx512"}[t]
}

// activeTier is the tier whose kernels run: the best one of this machine, unless useTier has lowered it.
var activeTier = bestTier()

// useTier makes the kernels of t run and returns a function that brings back those that ran before.
// It is for tests: no kernel may run meanwhile, and t must not exceed bestTier().
func useTier(t tier) (undo func()) {
	before := activeTier
	activeTier = t
	return func() { activeTier = before }
}
