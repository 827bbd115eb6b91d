package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"text/tabwriter"

	"tapenet/graph"
)

// writeTable writes the machine and a line for each report.
func writeTable(out io.Writer, m machine, reports []report, compared bool) error {
	fmt.Fprintf(out, "%s/%s, %d processors; one thread: %.1f G multiply-adds/s at most, %.1f (%.0f %%) in a %d×%d matrix product, %.1f GB/s read and written in a copy\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), m.PeakMulAdds/1e9, m.ProductMulAdds/1e9, 100*m.ProductMulAdds/m.PeakMulAdds, productSize, productSize, m.CopyBytes/1e9)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := []string{"model", "mode", "batch", "threads", "images/s", "images/CPU-s", "ms/step", "fastest", "quartiles", "GFMA/s", "peak", "allocs/step", "peak MB"}
	if compared {
		head = append(head, "gorgonia images/s", "ratio")
	}
	row(w, head)
	for _, r := range reports {
		row(w, r.cells(compared))
	}
	return w.Flush()
}

// row writes cells. With AlignRight every cell, the last one too, ends in a tab.
func row(w io.Writer, cells []string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }

func (r report) cells(compared bool) []string {
	cells := []string{
		r.Model, r.Mode, fmt.Sprint(r.Batch), fmt.Sprint(r.Threads),
		thousands(r.ImagesPerSecond), known(r.ImagesPerCPUSecond, thousands(r.ImagesPerCPUSecond)),
		milliseconds(r.Median), milliseconds(r.Fastest), milliseconds(r.Quartile1) + "–" + milliseconds(r.Quartile3),
		fmt.Sprintf("%.1f", r.MulAddsPerSecond/1e9), known(r.PeakShare, fmt.Sprintf("%.0f %%", 100*r.PeakShare)),
		fmt.Sprintf("%.0f", r.AllocsPerStep), known(r.PeakMB, fmt.Sprintf("%.0f", r.PeakMB)),
	}
	if compared {
		cells = append(cells, known(r.GorgoniaRatio, thousands(r.GorgoniaImagesPerSecond)), known(r.GorgoniaRatio, fmt.Sprintf("%.1f", r.GorgoniaRatio)))
	}
	return cells
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

// thousands writes 1234567.8 as 1,234,568.
func thousands(v float64) string { return graph.Thousands(int(math.RoundToEven(v))) }
