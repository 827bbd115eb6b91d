package bench

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"text/tabwriter"

	"tapenet/graph"
)

// writeTable writes the machine, a line for each report, and one for each
// report's start.
func writeTable(out io.Writer, m machine, reports []report, compared bool) error {
	fmt.Fprintf(out, "%v\n\n", m)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := []string{"model", "mode", "batch", "threads", "images/s", "images/CPU-s", "ms/step", "fastest", "quartiles", "p99", "GFMA/s", "peak", "allocs/step", "peak MB"}
	if compared {
		head = append(head, "gorgonia images/s", "ratio")
	}
	row(w, head)
	for _, r := range reports {
		row(w, r.cells(compared))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	row(w, []string{"model", "mode", "batch", "threads", "load ms", "build ms", "first run ms", "until the first answer ms", "peak MB until then"})
	for _, r := range reports {
		row(w, r.startCells())
	}
	return w.Flush()
}

// String is the machine in one line.
func (m machine) String() string {
	name := m.Processor
	if name == "" {
		name = "an unknown processor"
	}
	return fmt.Sprintf("%s, %s/%s, %d processors, %s; one thread: %.1f G multiply-adds/s at most, %.1f (%.0f %%) in a %d×%d matrix product, %.1f GB/s read and written in a copy",
		name, runtime.GOOS, runtime.GOARCH, m.Cores, m.Tier,
		m.PeakMulAdds/1e9, m.ProductMulAdds/1e9, 100*m.ProductMulAdds/m.PeakMulAdds, productSize, productSize, m.CopyBytes/1e9)
}

// row writes cells. With AlignRight every cell, the last one too, ends in a tab.
func row(w io.Writer, cells []string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }

// cells are the cells that a combination begins with.
func (c combination) cells() []string {
	return []string{label(c.Model), c.Mode, fmt.Sprint(c.Batch), fmt.Sprint(c.Threads)}
}

func (r report) cells(compared bool) []string {
	cells := append(r.combination.cells(),
		thousands(r.ImagesPerSecond), known(r.ImagesPerCPUSecond, thousands(r.ImagesPerCPUSecond)),
		milliseconds(r.Median), milliseconds(r.Fastest), milliseconds(r.Quartile1)+"–"+milliseconds(r.Quartile3), milliseconds(r.P99),
		fmt.Sprintf("%.1f", r.MulAddsPerSecond/1e9), known(r.PeakShare, fmt.Sprintf("%.0f %%", 100*r.PeakShare)),
		fmt.Sprintf("%.0f", r.AllocsPerStep), known(r.PeakMB, fmt.Sprintf("%.0f", r.PeakMB)),
	)
	if compared {
		cells = append(cells, known(r.GorgoniaRatio, thousands(r.GorgoniaImagesPerSecond)), known(r.GorgoniaRatio, fmt.Sprintf("%.1f", r.GorgoniaRatio)))
	}
	return cells
}

func (r report) startCells() []string {
	return append(r.combination.cells(), milliseconds(r.Load), milliseconds(r.Build), milliseconds(r.First),
		milliseconds(r.total()), known(r.StartMB, fmt.Sprintf("%.0f", r.StartMB)))
}

// known is the text, or "-" for a figure that the system does not tell.
func known(v float64, text string) string {
	if v == 0 {
		return "-"
	}
	return text
}

// milliseconds has three digits, as far as they are behind the point.
func milliseconds(v float64) string {
	switch {
	case v < 1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// thousands writes 1234567.8 as 1,234,568; a number below ten keeps its
// fraction.
func thousands(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.2f", v)
	}
	return graph.Thousands(int(math.RoundToEven(v)))
}
