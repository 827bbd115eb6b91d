//go:build !noasm

package pixel

import "tapenet/graph/internal/kernel/cpu"

//go:generate go run -C ../gen ./window -out ../pixel/window_asm_amd64.s -stubs ../pixel/window_asm_amd64.go -table ../pixel/window_table_amd64.go -pkg pixel

// windowLoops32 returns the functions of a tier, nil for plain Go.
func windowLoops32(t cpu.Tier, k WindowKind) []windowLoop[float32] {
	switch t {
	case cpu.TierAVX512:
		return allWindowsAVX512[k]
	case cpu.TierAVX2:
		return allWindowsAVX2[k]
	}
	return nil
}

// allWindowsAVX512 and allWindowsAVX2 list the loops by kind. On AVX-512 sixteen
// channels at a time go first, and AVX2's loop takes the last eight of a width that
// sixteen does not divide.
var allWindowsAVX512, allWindowsAVX2 = func() (wide, narrow [3][]windowLoop[float32]) {
	for k := range WindowKind(3) {
		narrow[k] = []windowLoop[float32]{{8, windowsAVX2.of(k)}}
		wide[k] = append([]windowLoop[float32]{{16, windowsAVX512.of(k)}}, narrow[k]...)
	}
	return wide, narrow
}()

// endPixels is the loop of End from AVX2 on.
var endPixels = endPixelsAVX2
