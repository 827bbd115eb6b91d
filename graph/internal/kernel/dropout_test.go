package kernel

import "testing"

// TestMix compares with the reference implementation's first numbers for seed
// 1234567 (Vigna, splitmix64.c, as tested at rosettacode.org).
func TestMix(t *testing.T) {
	const golden = 0x9e3779b97f4a7c15
	state := uint64(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		if got := Mix(state); got != want {
			t.Errorf("number %d is %d, want %d", i, got, want)
		}
		state += golden
	}
}
