//go:build !amd64 || noasm

package cpu

// Best returns the only tier of this build: another processor, or the tag noasm.
func Best() Tier { return TierGo }
