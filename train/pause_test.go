package train

import (
	"reflect"
	"testing"
)

// TestPauses: a run in pieces, each of which ends with its Until, comes to the bits of one
// piece, with schedules and patience that depend on the whole run.
func TestPauses(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Config
		ends int // epochs of the whole run
	}{
		{"schedule", Config{Epochs: 4, Batch: 10, Optimizer: SGD{LR: 0.1, Momentum: 0.9}, Schedule: Cosine{Warmup: 1}}, 4},
		{"averages", Config{Epochs: 4, Batch: 20, Average: 0.9, Accumulate: 2}, 4},
		{"patience", turningRun(""), 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := blobSet(53, 20)
			whole := tt.c
			whole.Dir = t.TempDir()
			want := fit(t, plainNet(), d, whole)
			c := tt.c
			c.Dir = t.TempDir()
			for _, until := range []int{1, 3, 3, c.Epochs} {
				c.Until = until
				res := fit(t, plainNet(), d, c)
				if paused := until < tt.ends; res.Paused != paused || len(res.History) != min(until, tt.ends) {
					t.Fatalf("until %d: paused %t after %d epochs, want %t after %d", until, res.Paused, len(res.History), paused, min(until, tt.ends))
				}
				c.Resume = true
				if until == tt.ends || until == c.Epochs {
					if res.SHA256 != want.SHA256 || !reflect.DeepEqual(bits(res.Network), bits(want.Network)) {
						t.Error("the weights are not those of a run without a pause")
					}
					if !reflect.DeepEqual(timeless(res.History), timeless(want.History)) {
						t.Errorf("history %+v, want %+v", res.History, want.History)
					}
				}
			}
		})
	}
	failing(t, plainNet(), blobSet(5, 5), Config{Until: -1}, "train: Until -1, want a number of epochs, or 0 for all")
}
