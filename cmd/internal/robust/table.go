package robust

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	columns   = 80 // of a terminal
	maxHead   = 12 // of a column's name
	nameWidth = 30 // of a row's, at most
)

// writeTable prints the sections for a terminal of 80 columns.
func writeTable(w io.Writer, r result) error {
	var b strings.Builder
	fmt.Fprintln(&b, wrap(about(r), columns))
	fmt.Fprintln(&b, wrap(precision(r), columns))
	for _, s := range sections(r) {
		s.print(&b)
	}
	for i, w := range warnings(r) {
		if i == 0 {
			fmt.Fprintln(&b)
		}
		fmt.Fprintln(&b, wrap("warning: "+w, columns))
	}
	for _, m := range r.Models {
		for _, skip := range m.Report.Skipped {
			fmt.Fprintln(&b, wrap(fmt.Sprintf("%s: no %s: %s", m.Model, skip.What, skip.Why), columns))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// precision says how far a figure may be from that of all images: 1.96 standard
// deviations at an accuracy of a half.
func precision(r result) string {
	n := float64(max(r.Models[0].Report.Images, 1))
	return fmt.Sprintf("accuracy in %%; one image is %.2g points, chance ±%.2g at most", 100/n, 196*math.Sqrt(0.25/n))
}

// print writes a section, in several parts if its columns are too many for a line.
func (s section) print(b *strings.Builder) {
	if s.Title != "" {
		fmt.Fprintf(b, "\n%s\n", wrap(s.Title, columns))
	} else {
		fmt.Fprintln(b)
	}
	if s.Note != "" {
		fmt.Fprintln(b, wrap(s.Note, columns))
	}
	width := 0
	for _, r := range s.Rows {
		width = max(width, utf8.RuneCountInString(r.Name))
	}
	width = min(width, nameWidth)
	for lo := 0; lo < len(s.Head); {
		widths, used := []int{}, width
		for k := lo; k < len(s.Head); k++ {
			n := s.width(k)
			if used+2+n > columns && len(widths) > 0 {
				break
			}
			widths, used = append(widths, n), used+2+n
		}
		s.part(b, lo, width, widths)
		lo += len(widths)
	}
}

// width is that of column k.
func (s section) width(k int) int {
	n := min(utf8.RuneCountInString(s.Head[k]), maxHead)
	for _, r := range s.Rows {
		n = max(n, utf8.RuneCountInString(r.Cells[k].Text))
	}
	return n
}

// part writes the columns from lo on.
func (s section) part(b *strings.Builder, lo, name int, widths []int) {
	write := func(first string, text func(k int) string) {
		line := fmt.Sprintf("%-*s", name, shorten(first, name))
		for k, width := range widths {
			line += fmt.Sprintf("  %*s", width, shorten(text(lo+k), width))
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
	write("", func(k int) string { return s.Head[k] })
	for _, r := range s.Rows {
		write(r.Name, func(k int) string { return r.Cells[k].Text })
	}
}

// shorten leaves out the front of a name that is too long: paths differ at their
// ends.
func shorten(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return "…" + string(runes[len(runes)-width+1:])
}

// wrap breaks a text into lines of so many columns.
func wrap(text string, width int) string {
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last >= 0 && utf8.RuneCountInString(lines[last])+1+utf8.RuneCountInString(word) <= width {
			lines[last] += " " + word
			continue
		}
		lines = slices.Concat(lines, []string{word})
	}
	return strings.Join(lines, "\n")
}
