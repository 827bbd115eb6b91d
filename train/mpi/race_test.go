//go:build race && mpi && linux && (amd64 || arm64)

package mpi

// The race detector lets pools of memory forget at random, purego's too.
func init() { poolsForget = true }
