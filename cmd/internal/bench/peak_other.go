//go:build !amd64 || noasm

package bench

// newPeak says that there is no such work in this build.
func newPeak() (w work, tier string) { return work{}, plainTier }
