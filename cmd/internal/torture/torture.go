// Package torture is the campaign that tries to break tapenet: kills, damaged and hostile
// files, floods of requests, and comparisons with other programs, by the thousand. Its
// README has the last full run's table.
//
// A part of the campaign is a test of this package. `go test` makes a few trials of each,
// `make torture` all of them, one part after the other; a part that was stopped goes on
// where it was. A trial depends on its number alone, so that any one can be made again.
package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Folder is the variable that has the folder of a full run's records. Without it each part
// makes its short run. Trial makes one trial alone, by its number.
const (
	Folder = "TAPENET_TORTURE"
	Trial  = "TAPENET_TRIAL"
)

// Part is a line of the campaign's table.
type Part struct {
	Name      string // of its record, as in "kill"
	Failure   string // what is done to the product, as in "kill -9 at a random moment"
	Guarantee string // what holds all the same
	Short     int    // how many trials go test makes
	Full      int    // and a full run
}

// Record is what is known of a part's full run. It is written after each trial, or each
// few seconds where trials are short.
type Record struct {
	Part     Part
	Tried    int            // trials 0 to Tried-1 are done
	Outcomes map[string]int // how many trials ended in which way
	Broken   []int          // trials in which the guarantee did not hold
	Seconds  float64        // that they took
	Date     string         // of the last trial
	Commit   string
	System   string // processor, and how many of its cores
}

// Run makes the part's trials. A trial is made by its number alone and returns how it
// ended, as in "noticed"; it calls t.Error where the guarantee does not hold.
func (p Part) Run(t *testing.T, trial func(t *testing.T, number int) (outcome string)) {
	t.Helper()
	if one := os.Getenv(Trial); one != "" {
		number, err := strconv.Atoi(one)
		if err != nil {
			t.Fatalf("%s=%s, want a number", Trial, one)
		}
		t.Logf("trial %d: %s", number, trial(t, number))
		return
	}
	dir := os.Getenv(Folder)
	if dir == "" {
		outcomes := map[string]int{}
		for number := range p.Short {
			p.one(t, number, outcomes, trial)
		}
		t.Logf("%d trials: %s", p.Short, Text(outcomes))
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, p.Name+".json")
	record, err := Read(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if record.Outcomes == nil {
		record.Outcomes = map[string]int{}
	}
	record.Part = p
	p.full(t, file, &record, trial)
}

// full makes the trials that a record lacks.
func (p Part) full(t *testing.T, file string, record *Record, trial func(t *testing.T, number int) string) {
	commit, system := Commit(), System()
	const often = 5 * time.Second
	begin, saved := time.Now(), time.Time{}
	for record.Tried < p.Full {
		if !p.one(t, record.Tried, record.Outcomes, trial) {
			record.Broken = append(record.Broken, record.Tried)
		}
		record.Tried++
		if time.Since(saved) < often && record.Tried < p.Full {
			continue
		}
		saved = time.Now()
		record.Seconds += saved.Sub(begin).Seconds()
		begin = saved
		record.Date, record.Commit, record.System = saved.UTC().Format(time.DateOnly), commit, system
		if err := record.write(file); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(os.Stderr, "%s: %d of %d trials, %d broken\n", p.Name, record.Tried, p.Full, len(record.Broken))
	}
	if n := len(record.Broken); n > 0 {
		t.Errorf("%d of %d trials broke the guarantee, the first is %s=%d", n, record.Tried, Trial, record.Broken[0])
	}
}

// one makes a trial and tells whether the guarantee held.
func (p Part) one(t *testing.T, number int, outcomes map[string]int, trial func(t *testing.T, number int) string) (held bool) {
	return t.Run(strconv.Itoa(number), func(t *testing.T) {
		outcomes[trial(t, number)]++
	})
}

// Read reads a part's record.
func Read(file string) (r Record, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("torture: %s: %w", file, err)
	}
	return r, nil
}

// write puts a record in its file, whole or not at all.
func (r *Record) write(file string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// System is the processor's name and how many of its cores there are.
func System() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // elsewhere the number of cores is all that is known
	name, cores := "processor unknown", 0
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			name = strings.TrimSpace(value)
			cores++
		}
	}
	return fmt.Sprintf("%s, %d cores", name, cores)
}
