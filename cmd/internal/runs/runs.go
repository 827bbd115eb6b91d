// Package runs is the command that compares runs: it lists their folders in a table and
// plots their curves together.
package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/train"
)

// Command is the command.
var Command = cli.Command{Name: "runs", Doc: "compare runs, plot them, check their files", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("runs", "[flags] [DIR…]",
		"Lists the runs in folders, which are runs or hold them (default runs), and plots them together.", stdout)
	file := f.String("plot", "", "draw the runs' loss and accuracy on the test set, or in validation, into this .svg file; a row of charts for each dataset")
	asJSON := f.Bool("json", false, "print a line of JSON for each run")
	verifies := f.Bool("verify", false, "read all .safetensors files below the folders, and say which are damaged")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *verifies && (*asJSON || *file != "") {
		return cli.Usagef("runs: -verify with -json or -plot, want it alone")
	}
	if *file != "" && !strings.EqualFold(filepath.Ext(*file), ".svg") {
		return cli.Usagef("runs: -plot %s, want a file ending in .svg", *file)
	}
	dirs := f.Args()
	if len(dirs) == 0 {
		dirs = []string{"runs"}
	}
	if *verifies {
		return verify(ctx, dirs, stdout)
	}
	found, damaged, err := find(ctx, dirs, stderr)
	if err != nil {
		return err
	}
	if *asJSON {
		err = printJSON(stdout, found)
	} else {
		err = printTable(stdout, found)
	}
	if err == nil && *file != "" {
		err = weights.WriteFile(*file, func(w io.Writer) error { return plotRuns(w, found) })
	}
	if err == nil && damaged > 0 {
		err = fmt.Errorf("runs: %d of %d runs could not be read", damaged, damaged+len(found))
	}
	return err
}

// entry is a run in the list.
type entry struct {
	dir string
	train.Record
}

// find reads the runs in folders: each is a run, or those of its sub-folders are
// that are one. One that can't be read doesn't stop the others.
func find(ctx context.Context, dirs []string, stderr io.Writer) (found []entry, damaged int, err error) {
	for _, dir := range dirs {
		candidates, err := candidates(dir)
		if err != nil {
			return nil, 0, err
		}
		before := len(found) + damaged
		for _, c := range candidates {
			if err := ctx.Err(); err != nil {
				return nil, 0, fmt.Errorf("runs: stopped at %s: %w", c, err)
			}
			r, err := train.ReadRecord(c)
			switch {
			case errors.Is(err, fs.ErrNotExist): // no run
			case err != nil:
				damaged++
				fmt.Fprintf(stderr, "%s: %v\n", plain(c), err)
			default:
				found = append(found, entry{c, r})
			}
		}
		if len(found)+damaged == before {
			return nil, 0, fmt.Errorf("runs: no run in %s, want a folder with %s, or with sub-folders that have one", dir, train.CheckpointFile)
		}
	}
	return found, damaged, nil
}

// candidates are the folder, if it has a checkpoint, or its sub-folders.
func candidates(dir string) ([]string, error) {
	if train.HasRun(dir) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	var all []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if s, err := os.Stat(path); err == nil && s.IsDir() { // a link to a folder too
			all = append(all, path)
		}
	}
	return all, nil
}

// printTable prints a line for each run.
func printTable(stdout io.Writer, found []entry) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "run\tmodel\tparameters\tdataset\tepochs\tevaluated on\taccuracy, best epoch\tlast\ttime\tseed")
	for _, e := range found {
		best, last := "–", "–"
		if n := len(e.History); n > 0 {
			best = fmt.Sprintf("%.4f in %d", e.Best().ValAccuracy, e.Best().Epoch)
			last = fmt.Sprintf("%.4f", e.History[n-1].ValAccuracy)
		}
		parameters := "–"
		if e.Parameters > 0 {
			parameters = graph.Thousands(e.Parameters)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%v\t%d\n", plain(e.dir), plain(e.Model), parameters, plain(e.Dataset),
			len(e.History), plain(e.EvaluatedOn), best, last, e.Time().Round(100*time.Millisecond), e.Seed)
	}
	return w.Flush()
}

// line is a run as JSON has it.
type line struct {
	Run          string  `json:"run"`
	Model        string  `json:"model"`
	Parameters   int     `json:"parameters,omitempty"`
	Dataset      string  `json:"dataset"`
	Images       int     `json:"images"`
	Batch        int     `json:"batch"`
	Optimizer    string  `json:"optimizer"`
	Schedule     string  `json:"schedule,omitempty"`
	Seed         uint64  `json:"seed"`
	Epochs       int     `json:"epochs"`
	EvaluatedOn  string  `json:"evaluated_on,omitempty"` // "test" or "validation"
	BestEpoch    int     `json:"best_epoch"`
	BestAccuracy float64 `json:"best_accuracy"`
	Seconds      float64 `json:"seconds"` // of training

	History []train.Epoch `json:"history"`
}

func printJSON(stdout io.Writer, found []entry) error {
	for _, e := range found {
		best := e.Best()
		err := json.NewEncoder(stdout).Encode(line{
			e.dir, e.Model, e.Parameters, e.Dataset, e.Images, e.Batch, e.Optimizer, e.Schedule, e.Seed,
			len(e.History), e.EvaluatedOn, best.Epoch, best.ValAccuracy, e.Time().Seconds(), e.History,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// plain is a name as it can be shown on a line: quoted if it has control
// characters, such as line breaks.
func plain(name string) string {
	if name == "" {
		return "–"
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
