package runs

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"tapenet/graph/weights"
)

// chart is a file with the curves of runs on one dataset.
type chart struct {
	dataset, file string
	runs          []entry
}

// charts are one for each dataset, in the order of the runs: losses on different images
// are nothing to compare. If there are several, the datasets' names are in the files'.
func charts(file string, found []entry) []chart {
	var all []chart
	for _, e := range found {
		i := slices.IndexFunc(all, func(c chart) bool { return c.dataset == e.Dataset })
		if i < 0 {
			i, all = len(all), append(all, chart{dataset: e.Dataset, file: file})
		}
		all[i].runs = append(all[i].runs, e)
	}
	if len(all) < 2 {
		return all
	}
	ending, seen := filepath.Ext(file), map[string]bool{}
	for i, c := range all {
		name := strings.Map(func(r rune) rune {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				return '-'
			}
			return r
		}, c.dataset)
		for seen[name] || name == "" {
			name += fmt.Sprintf("-%d", i+1)
		}
		seen[name] = true
		all[i].file = strings.TrimSuffix(file, ending) + "-" + name + ending
	}
	return all
}

// plotAll draws the charts, and says which if there are several.
func plotAll(file string, found []entry, stdout io.Writer) error {
	all := charts(file, found)
	for _, c := range all {
		if err := weights.WriteFile(c.file, func(w io.Writer) error { return plotRuns(w, c.runs) }); err != nil {
			return err
		}
		if len(all) > 1 {
			if _, err := fmt.Fprintf(stdout, "%d runs on %s in %s\n", len(c.runs), plain(c.dataset), c.file); err != nil {
				return err
			}
		}
	}
	return nil
}
