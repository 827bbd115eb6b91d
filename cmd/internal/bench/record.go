package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"tapenet/graph/weights"
)

// record is the file of -out: all that was measured, with what it was measured
// on. It is written after every combination, so that a run that is stopped keeps
// what it has.
type record struct {
	Commit    string    `json:"commit"`             // of the source, "unknown" if nobody tells
	Modified  bool      `json:"modified,omitempty"` // the source is not quite that commit's
	Go        string    `json:"go"`
	System    string    `json:"system"` // as in linux/amd64
	Time      time.Time `json:"time"`   // of the beginning
	Arguments []string  `json:"arguments"`
	Machine   machine   `json:"machine"`

	Results     []sampled     `json:"results,omitempty"`
	Comparisons []compared    `json:"comparisons,omitempty"` // with another engine
	Lanes       []lanedReport `json:"lanes,omitempty"`

	path string // "" means that nothing is kept
}

// sampled is a report with all times.
type sampled struct {
	report
	Samples []float64 `json:"samples_ms"`
}

// newRecord begins a record in a .json file, or in a file of its own in a folder;
// "" is none.
func newRecord(out string, args []string, m machine, now time.Time) *record {
	r := &record{Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Time: now, Arguments: args, Machine: m, path: out}
	if out == "" {
		return r
	}
	if filepath.Ext(out) != ".json" {
		r.path = filepath.Join(out, now.Format("bench-20060102-150405.json"))
	}
	r.Commit, r.Modified = commit()
	return r
}

// write writes what there is.
func (r *record) write() error {
	if r.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o777); err != nil {
		return fmt.Errorf("bench: -out: %w", err)
	}
	err := weights.WriteFile(r.path, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(r)
	})
	if err != nil {
		return fmt.Errorf("bench: -out: %w", err)
	}
	return nil
}

// commit is the commit that the command was built from. The go command stamps
// programs that it builds, but not those that it runs at once: then git is asked,
// if the working directory is in this module's tree.
func commit() (revision string, modified bool) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				modified = s.Value == "true"
			}
		}
	}
	if revision != "" {
		return revision, modified
	}
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return "unknown", false
	}
	if module, err := os.ReadFile(filepath.Join(top, "go.mod")); err != nil || !strings.HasPrefix(string(module), "module tapenet\n") {
		return "unknown", false
	}
	if revision, err = git("rev-parse", "HEAD"); err != nil {
		return "unknown", false
	}
	changes, err := git("status", "--porcelain", "--untracked-files=no")
	return revision, err != nil || changes != ""
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	return strings.TrimSpace(string(out)), err
}
