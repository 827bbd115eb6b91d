package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/cmd/internal/torture"
)

// TestWrite: each part has a line that says when, at which commit and on which processor
// it was made, and how many of its trials held.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	for _, r := range []torture.Record{
		{Part: torture.Part{Name: "kill", Failure: "kill -9", Guarantee: "the same bits", Full: 1000}, Tried: 998, Outcomes: map[string]int{"held": 997, "killed": 1}, Broken: []int{17},
			Seconds: 90 * 60, Date: "2026-12-01", Commit: "81b9a2b", System: "AMD EPYC, 2 cores"},
		{Part: torture.Part{Name: "lie", Full: 10}, Tried: 10, Outcomes: map[string]int{"noticed": 10}, Date: "2026-11-30", Commit: "126cd96+", System: "Ampere Altra, 64 cores"},
	} {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, r.Part.Name+".json"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	if err := write(&got, dir); err != nil {
		t.Fatal(err)
	}
	const want = `| test | failure | guarantee | tried | held | how they ended | took | date | commit | system |
|---|---|---|---:|---:|---|---:|---|---|---|
| kill | kill -9 | the same bits | 998 of 1000 | 997 | held 997, killed 1 | 90 min | 2026-12-01 | 81b9a2b | AMD EPYC, 2 cores |
| lie |  |  | 10 of 10 | 10 | noticed 10 | 0 min | 2026-11-30 | 126cd96+ | Ampere Altra, 64 cores |
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestNoRecord(t *testing.T) {
	if err := write(&strings.Builder{}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "want make torture first") {
		t.Errorf("error %v, want what to do first", err)
	}
}
