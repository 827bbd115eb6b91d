package attack_test

import (
	"sync"
	"testing"

	"tapenet/graph/attack"
)

// TestConcurrent: attacks of several goroutines on one victim run one after the other.
func TestConcurrent(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 10)
	a := attack.Ensemble{Attacks: []attack.Attack{attack.FGSM{Epsilon: 0.05}, attack.PGD{Epsilon: 0.05, Steps: 3}}}
	want := attacked(t, a, v, images, classes)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			o, err := a.Run(t.Context(), v, images, classes)
			if err != nil {
				t.Error(err)
				return
			}
			sameOutcome(t, "concurrent", o.Images, want.Images)
			if _, _, err := v.Predict(images); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestProgress: progress grows to the number of pictures, in an ensemble for each attack.
func TestProgress(t *testing.T) {
	v := victim(t)
	images, classes := digits(t, 300)
	last, total := map[string]int{}, 0
	v.Progress = func(name string, done, of int) {
		if done < last[name] {
			t.Errorf("%s: %d pictures done after %d", name, done, last[name])
		}
		last[name], total = done, of
	}
	a := attack.Ensemble{Attacks: []attack.Attack{attack.FGSM{Epsilon: 0.03}, attack.PGD{Epsilon: 0.03, Steps: 2}}}
	attacked(t, a, v, images, classes)
	if last["fgsm"] != 300 || last["pgd"] != 300 || total != 300 {
		t.Errorf("progress ends at %v of %d, want 300 each", last, total)
	}
}
