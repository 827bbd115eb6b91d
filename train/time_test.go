package train

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapenet/graph"
	"tapenet/graph/weights"
)

// An epoch that was stopped has the speed of all its batches, also if it was
// stopped when it was evaluated; the time between does not count.
func TestRecordTimeOfStopped(t *testing.T) {
	c := resumeConfig(t.TempDir())
	c.Epochs = 1
	began := time.Now()
	stopped(t, c, afterBatch(4, "epoch 1 after 40 "))
	took := time.Since(began)
	at := stateOf(t, c.Dir).At
	if !(at.Seconds > 0) || at.Seconds > took.Seconds() {
		t.Fatalf("four batches took %gs of %v", at.Seconds, took)
	}
	// As if they had taken a thousand seconds: the others then take less.
	c.Dir = damagedCopy(t, c.Dir, func(f *weights.File) {
		f.Metadata[stateKey] = strings.Replace(f.Metadata[stateKey], fmt.Sprintf(`"Seconds":%v`, at.Seconds), `"Seconds":1000`, 1)
	})
	c.Resume = true
	c.Callbacks = append(c.Callbacks, onStart(func(_ *graph.Network, p Progress) error {
		if p.ImagesPerSecond != 0.04 {
			t.Errorf("%g images/s in the beginning, want 0.04", p.ImagesPerSecond)
		}
		return nil
	}))
	stopped(t, c, duringEvaluation)
	if at := stateOf(t, c.Dir).At; !(at.Seconds > 1000 && at.Seconds < 1100) {
		t.Errorf("all batches took %gs, want 1000 and a little", at.Seconds)
	}
	c.Callbacks = nil
	fit(t, smallNet(), resumeSet(), c)
	r, err := ReadRecord(c.Dir)
	if err != nil || r.Time() < 1000*time.Second || r.Time() > 1100*time.Second {
		t.Errorf("the epoch took %v (%v), want 1000s and a little", r.Time(), err)
	}
	if at := stateOf(t, c.Dir).At; at.Seconds != 0 {
		t.Errorf("the next epoch begins with %gs", at.Seconds)
	}
}
