package train

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tapenet/graph/op"
)

// stoppedIn stops a run in its second epoch, and writes into its checkpoint that the
// arithmetic of its last step was another one. It returns the settings to go on.
func stoppedIn(t *testing.T, arithmetic string) Config {
	t.Helper()
	c := Config{Epochs: 2, Batch: 8, Dir: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	d := c
	d.Callbacks = append(d.Callbacks, BatchFunc(func(p Progress) {
		if p.Epoch == 2 {
			cancel()
		}
	}))
	if _, err := Fit(ctx, plainNet(), blobSet(20, 5), d); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s := stateOf(t, c.Dir)
	if s.Arithmetic != op.Arithmetic() {
		t.Fatalf("the checkpoint has arithmetic %q, want %q", s.Arithmetic, op.Arithmetic())
	}
	s.Arithmetic = arithmetic
	setState(t, c.Dir, s)
	c.Resume = true
	return c
}

// TestRounding: a run that goes on in another arithmetic says so, once; one that
// goes on in its own, or has no step before or behind it, has nothing to say.
func TestRounding(t *testing.T) {
	tests := []struct {
		name, arithmetic, want string
	}{
		{"the same", op.Arithmetic(), ""},
		{"none written", "", "an earlier version took its steps"},
		{"another", "1", `kernels of revision "1" took its last steps, this program's are of revision "` + op.Arithmetic() + `"`},
		{"a long one", strings.Repeat("x", 1000), `revision "` + strings.Repeat("x", 40) + `" took`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := stoppedIn(t, tt.arithmetic)
			got := started(t, c).Rounding
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) || strings.Contains(got, "\n") {
				t.Errorf("%q, want one line with %q", got, tt.want)
			}
			c.Epochs++
			if again := started(t, c).Rounding; again != "" {
				t.Errorf("after steps in this arithmetic: %q, want nothing", again)
			}
		})
	}
}

// TestRoundingOfComplete: a run that takes no step says nothing, and the next call
// that takes one does.
func TestRoundingOfComplete(t *testing.T) {
	c := stoppedIn(t, "1")
	epochs := c.Epochs
	c.Epochs = 1 // which it has completed
	if got := started(t, c).Rounding; got != "" {
		t.Errorf("a complete run: %q, want nothing", got)
	}
	c.Epochs = epochs
	if got := started(t, c).Rounding; !strings.Contains(got, `revision "1"`) {
		t.Errorf("%q, want the revision of its last steps", got)
	}
}
