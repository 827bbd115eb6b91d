package train

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapenet/train/data/scenes"
)

// TestTime: a run that chooses its epochs, and for photographs its size, says so, and its settings
// repeat it.
func TestTime(t *testing.T) {
	dir := t.TempDir()
	if err := scenes.Write(filepath.Join(dir, "places"), scenes.Classes, 10, 1); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]string{
		"digits": {"-data", digits(t), "-model", "lenet5"},
		"places": {"-data", filepath.Join(dir, "places"), "-recipe", "photographs", "-model", "cnn"}, // quick to measure on a slow machine, too
	} {
		t.Run(name, func(t *testing.T) {
			at := filepath.Join(dir, "runs", name)
			out := trained(t, append(data, "-time", "8s", "-report=false", "-out", at)...)
			if !strings.Contains(out, "8s are ") || !strings.Contains(out, "-schedule cooldown:") {
				t.Errorf("no word of what was chosen, or that it is too short, in %q", out)
			}
			again := trained(t, "-config", filepath.Join(at, configFile), "-report=false", "-out", at+"-again")
			if sum(out) == "" || sum(out) != sum(again) {
				t.Errorf("the run's hash is %q, that of its settings %q", sum(out), sum(again))
			}
		})
	}
	for _, tt := range []struct{ args, want string }{
		{"-time 1s", "train: -time 1s, want 3s or more"},
		{"-time 10s -epochs 2", "train: -time with -epochs, want one of them"},
		{"-time 10s -schedule onecycle", "train: -time with -schedule, want one of them"},
		{"-time 10s -adversarial pgd", "train: -time with -adversarial, want -epochs"},
		{"-time 10s -resume", "train: -time with -resume, -find-lr, -folds or -from, want it alone"},
	} {
		_, _, err := trains(t, append([]string{"-data", digits(t), "-out", filepath.Join(dir, "none")}, strings.Fields(tt.args)...)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.args, err, tt.want)
		}
	}
}

// TestReplanning: the pace of the epochs that are done decides, until the rate falls.
func TestReplanning(t *testing.T) {
	plan := func(before, left time.Duration) *plan {
		return &plan{began: time.Now().Add(-before), end: time.Now().Add(left), epochs: 7}
	}
	for _, tt := range []struct {
		before, left   time.Duration
		done, from, to int
		fixed          bool
	}{
		{0, 100 * time.Second, 0, 7, 7, false},                  // nothing is known yet
		{10 * time.Second, 30 * time.Second, 10, 39, 40, false}, // a second each
		{30 * time.Second, 10 * time.Second, 30, 40, 40, true},  // the last quarter is next
		{60 * time.Second, 1 * time.Second, 30, 40, 40, true},   // too slow: the last quarter is owed
	} {
		p := plan(tt.before, tt.left)
		if got := p.replan(tt.done); got < tt.from || got > tt.to || p.fixed != tt.fixed {
			t.Errorf("%v for %d epochs, %v left: %d in all, fixed %t, want %d to %d, %t", tt.before, tt.done, tt.left, got, p.fixed, tt.from, tt.to, tt.fixed)
		}
		before := p.epochs
		p.end = p.end.Add(time.Hour)
		if got := p.replan(tt.done + 1); tt.fixed && got != before {
			t.Errorf("%d epochs after the rate has begun to fall, want still %d", got, before)
		}
	}
}

// TestChooseSize: the size is the largest of those that fit, and none above the pictures'.
func TestChooseSize(t *testing.T) {
	measure := func(shape [3]int) (pace, error) {
		return pace{shape: shape, epoch: time.Duration(shape[1]*shape[2]+5000) * time.Millisecond}, nil // not in proportion
	}
	for _, tt := range []struct {
		epoch      time.Duration // that fits
		side, want int
	}{{time.Hour, 480, 224}, {time.Hour, 100, 96}, {time.Hour, 64, 64}, {15 * time.Second, 480, 96}, {8 * time.Second, 480, 48}, {time.Second, 480, 32}} {
		first, _ := measure([3]int{3, 64, 64})
		p, err := chooseSize(first, tt.side, func(p pace) bool { return p.epoch <= tt.epoch }, measure)
		if err != nil || p.shape != [3]int{3, tt.want, tt.want} {
			t.Errorf("%v for pictures of %d: %v, %v, want %d", tt.epoch, tt.side, p.shape, err, tt.want)
		}
	}
}
