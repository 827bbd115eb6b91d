package train

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapenet/train"
)

// sha256Line is what a run prints of its weights at its end.
var sha256Line = regexp.MustCompile(`(?m)^sha256 of weights and optimizer: ([0-9a-f]{64})$`)

// sumOf is the hash that a run has printed.
func sumOf(t *testing.T, printed string) string {
	t.Helper()
	found := sha256Line.FindStringSubmatch(printed)
	if found == nil {
		t.Fatalf("printed %s, want a line with the SHA-256", printed)
	}
	return found[1]
}

// TestLanes: the number of lanes is printed, is a setting in config.toml, and a run
// that goes on keeps it.
func TestLanes(t *testing.T) {
	dir := t.TempDir()
	sums := map[string]string{}
	for name, args := range map[string][]string{"one": nil, "1": {"-lanes", "1"}, "8": {"-lanes", "8"}} {
		out := filepath.Join(dir, name)
		printed := trained(t, quick(t, append(args, "-report=false", "-out", out)...)...)
		sums[name] = sumOf(t, printed)
		if has := strings.Contains(printed, "\nbatches in 8 lanes\n"); has != (name == "8") {
			t.Errorf("%s: printed %s", name, printed)
		}
		want := "lanes = 1\n"
		if name == "8" {
			want = "lanes = 8\n"
		}
		if !strings.Contains(string(read(t, out, configFile)), want) {
			t.Errorf("%s: %s has no %q", name, configFile, want)
		}
	}
	if sums["one"] != sums["1"] || sums["one"] == sums["8"] {
		t.Errorf("hashes %v, want those of no lanes and of one equal, and another one of eight", sums)
	}
	printed := trained(t, quick(t, "-epochs", "2", "-resume", "-report=false", "-out", filepath.Join(dir, "8"))...)
	if !strings.Contains(printed, "\nbatches in 8 lanes\n") {
		t.Errorf("going on with the run of 8 lanes printed %s", printed)
	}
	if _, _, err := trains(t, quick(t, "-resume", "-lanes", "4", "-out", filepath.Join(dir, "8"))...); err == nil || !strings.Contains(err.Error(), "its number of lanes is 8, this run's 4") {
		t.Errorf("error %v, want the lanes", err)
	}
	if _, _, err := trains(t, "-lanes", "-1"); err == nil || !strings.Contains(err.Error(), "-lanes -1, want a number of parts") {
		t.Errorf("error %v, want the flag", err)
	}
	if _, _, err := trains(t, "-timeout", "-1s"); err == nil || !strings.Contains(err.Error(), "-timeout -1s, want a time above 0") {
		t.Errorf("error %v, want the flag", err)
	}
}

// TestFewSamplesALane: small lanes are poor for BatchNorm, and nothing else.
func TestFewSamplesALane(t *testing.T) {
	const note = "note: a lane of 4 samples has statistics of its own for BatchNorm: want a -batch of 64 or more\n"
	for model, want := range map[string]bool{"convnet-0.25": true, "lenet5": false} {
		printed := trained(t, quick(t, "-model", model, "-batch", "32", "-lanes", "8", "-limit", "64", "-report=false", "-out", filepath.Join(t.TempDir(), "x"))...)
		if strings.Contains(printed, note) != want {
			t.Errorf("%s: printed %s, note wanted: %v", model, printed, want)
		}
	}
}

// TestRates: ranks are shown where they differ by more than a fifth.
func TestRates(t *testing.T) {
	rank := func(images int) train.RankTime { return train.RankTime{Images: images, Computed: 2} }
	for _, tt := range []struct {
		ranks []train.RankTime
		want  string
	}{
		{nil, ""}, {[]train.RankTime{rank(100), rank(119)}, ""},
		{[]train.RankTime{rank(100), rank(126), rank(90)}, " (a rank 45 to 63)"},
	} {
		if got := rates(tt.ranks); got != tt.want {
			t.Errorf("rates of %v are %q, want %q", tt.ranks, got, tt.want)
		}
	}
}
