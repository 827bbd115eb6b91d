//go:build !amd64 || noasm

package plane

import "tapenet/graph/internal/kernel/cpu"

// loopsOf is never called in this build.
func loopsOf(cpu.Tier) *tierLoops { return nil }
