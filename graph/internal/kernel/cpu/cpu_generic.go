//go:build !amd64 || noasm

package cpu

// Best returns the only tier of this build.
func Best() Tier { return TierGo }
