package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The tables of -against are Markdown, as a README takes them.

func writeComparisonHead(out io.Writer, engine string) {
	cells := []string{"model", "mode", "batch", "threads", "ms", engine, "images/s", engine, "ratio", "lowest to highest", "by processor time"}
	rule := slices.Repeat([]string{"---:"}, len(cells))
	rule[0], rule[1] = "---", "---"
	markdown(out, cells)
	markdown(out, rule)
}

func (c comparison) write(out io.Writer) error {
	theirs := milliseconds(c.Theirs.Median)
	if c.Theirs.Variant != "" {
		theirs += " (" + c.Theirs.Variant + ")"
	}
	return markdown(out, append(c.combination.cells(), milliseconds(c.Ours.Median), theirs,
		thousands(c.Ours.ImagesPerSecond), thousands(c.Theirs.ImagesPerSecond), ratio(c.Ratio),
		ratio(c.Lowest)+" to "+ratio(c.Highest), known(c.CPURatio, ratio(c.CPURatio))))
}

func markdown(out io.Writer, cells []string) error {
	_, err := fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |")
	return err
}

func ratio(v float64) string { return fmt.Sprintf("%.2f", v) }

// writeMeans writes the geometric mean of the ratios of each mode, batch size and
// number of threads, and where there are several of them that of all.
func writeMeans(out io.Writer, all []comparison) {
	var groups []combination // without model
	for _, c := range all {
		if g := c.group(); !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(all) > 0 {
		fmt.Fprintln(out)
	}
	for _, g := range groups {
		writeMean(out, fmt.Sprintf("%s, batch %d, threads %d", g.Mode, g.Batch, g.Threads),
			slices.DeleteFunc(slices.Clone(all), func(c comparison) bool { return c.group() != g }),
			func(c comparison) string { return label(c.Model) })
	}
	if len(groups) > 1 {
		writeMean(out, "all", all, func(c comparison) string { return c.combination.String() })
	}
}

func writeMean(out io.Writer, what string, of []comparison, name func(comparison) string) {
	lowest := slices.MinFunc(of, func(a, b comparison) int { return cmp.Compare(a.Ratio, b.Ratio) })
	ratios := make([]float64, len(of))
	for i, c := range of {
		ratios[i] = c.Ratio
	}
	fmt.Fprintf(out, "%s: geometric mean %.3f of %d, lowest %.2f (%s)\n", what, geometricMean(ratios), len(of), lowest.Ratio, name(lowest))
}

// group is a combination without its model.
func (c comparison) group() combination {
	return combination{Mode: c.Mode, Batch: c.Batch, Threads: c.Threads}
}
