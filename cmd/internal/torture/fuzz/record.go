package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tapenet/cmd/internal/torture"
)

// record is what came of a target at a commit.
type record struct {
	Seconds    float64 // that it ran
	Executions int
	New        int    // inputs that reached new code
	Inputs     int    // that there are, with the seeds
	Crasher    string // the file of the input that made it fail, or ""
	Date       string // of the last run
	Commit     string
	System     string
}

// records are those of all targets, by name.
type records map[string]*record

func readRecords(file string) (records, error) {
	all := records{}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return all, nil
}

// of is the record of a target at this commit. One of another commit, or of a tree that
// differs from its commit, is begun anew.
func (all records) of(name string) *record {
	r, commit := all[name], torture.Commit()
	if r == nil || r.Commit != commit || strings.HasSuffix(commit, "+") {
		r = &record{Commit: commit, System: torture.System()}
		all[name] = r
	}
	return r
}

// had is the time that a target has had.
func (r *record) had() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }

func (all records) write(file string) error {
	text, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// table prints the records of targets that have run.
func (all records) table(w io.Writer) {
	fmt.Fprintln(w, "| target | took | executions | new inputs | inputs | fails at | date | commit | system |")
	fmt.Fprintln(w, "|---|---:|---:|---:|---:|---|---|---|---|")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r := all[name]
		if r.Seconds == 0 {
			continue
		}
		fmt.Fprintf(w, "| %s | %.0f s | %d | %d | %d | %s | %s | %s | %s |\n", name, r.Seconds, r.Executions, r.New, r.Inputs, r.Crasher, r.Date, r.Commit, r.System)
	}
}
