//go:build !noasm

package pixel

import "tapenet/graph/internal/kernel/cpu"

//go:generate go run ../gen/window -out window_asm_amd64.s -stubs window_asm_amd64.go -pkg pixel

// windowLoops32 are the functions of a tier, nil for plain Go.
func windowLoops32(t cpu.Tier, k WindowKind) []windowLoop[float32] {
	switch t {
	case cpu.TierAVX512:
		return allWindowsAVX512[k]
	case cpu.TierAVX2:
		return allWindowsAVX2[k]
	}
	return nil
}

// allWindowsAVX512 end with AVX2's, for the last eight channels.
var allWindowsAVX512, allWindowsAVX2 = func() (wide, narrow [3][]windowLoop[float32]) {
	for k := range WindowKind(3) {
		narrow[k] = []windowLoop[float32]{{8, windowsAVX2.of(k)}}
		wide[k] = append([]windowLoop[float32]{{16, windowsAVX512.of(k)}}, narrow[k]...)
	}
	return wide, narrow
}()

// endPixels is the loop of End from AVX2 on.
var endPixels = endPixelsAVX2
