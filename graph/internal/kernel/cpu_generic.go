//go:build !amd64 || noasm

package kernel

// bestTier returns the only tier of this build.
func bestTier() tier { return tierGo }
