//go:build !amd64 || noasm

package pixel

import "tapenet/graph/internal/kernel/cpu"

// windowLoops32 has no functions in this build.
func windowLoops32(cpu.Tier, WindowKind) []windowLoop[float32] { return nil }

// endPixels is never called in this build.
var endPixels func(n, width int, y *float32, yPixel int, x *float32, xPixel int, residual *float32, residualPixel int, shift *float32, low, high float32)
