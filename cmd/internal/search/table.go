package search

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"tapenet/cmd/internal/screen"
	"tapenet/graph/weights"
)

// The files of a search, beside its runs.
const (
	tableFile = "search.csv"
	plotFile  = "search.svg"
)

// String is a trial and what it came to, on a line.
func (t *trial) String() string {
	text := fmt.Sprintf("trial %02d", t.number)
	for _, name := range t.values.names() {
		text += fmt.Sprintf("  %s %s", name, value(t.values[name]))
	}
	if t.diverged {
		return text + "  diverged"
	}
	e := t.result()
	return fmt.Sprintf("%s  epoch %d of %d  validation loss %s  validation accuracy %.4f", text, e.Epoch, t.epochs, lossText(e.ValLoss), e.ValAccuracy)
}

// lossText has four digits behind the point, unless the loss is large.
func lossText(loss float64) string {
	if loss < 1e4 {
		return fmt.Sprintf("%.4f", loss)
	}
	return fmt.Sprintf("%.3g", loss)
}

// value is a setting's value as people read it.
func value(v any) string {
	if text, ok := v.(string); ok && (text == "" || strings.ContainsFunc(text, func(r rune) bool { return r == ' ' || !strconv.IsPrint(r) })) {
		return strconv.Quote(text)
	}
	return fmt.Sprint(v)
}

// report prints the table of the ranked trials and writes the files.
func (s *search) report() error {
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	head, rows := s.table()
	for _, row := range append([][]string{head}, rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	table := filepath.Join(s.out, tableFile)
	if err := weights.WriteFile(table, s.writeCSV); err != nil {
		return err
	}
	picture := filepath.Join(s.out, plotFile)
	if err := weights.WriteFile(picture, s.plot); err != nil {
		return err
	}
	best := s.trials[0].dir
	fmt.Fprintf(s.stdout, "\nthe table is in %s, its plot in %s\nthe best model is in %s; -val 0 trains it on all training images: go run ./cmd/train -config %s -val 0\n",
		table, picture, best, filepath.Join(best, configFile))
	return nil
}

// table is the ranked trials as text, with the settings that vary.
func (s *search) table() (head []string, rows [][]string) {
	head = []string{"rank"}
	for _, d := range s.space {
		if d.varies() {
			head = append(head, d.name)
		}
	}
	head = append(head, "epochs trained", "validation loss", "validation accuracy", "run")
	for i, t := range s.trials {
		row := []string{strconv.Itoa(i + 1)}
		for _, d := range s.space {
			if d.varies() {
				row = append(row, value(t.values[d.name]))
			}
		}
		trained := strconv.Itoa(min(len(t.history), t.until))
		loss, accuracy := "–", "diverged"
		if e := t.result(); !t.diverged {
			loss, accuracy = lossText(e.ValLoss), fmt.Sprintf("%.4f", e.ValAccuracy)
		}
		rows = append(rows, append(row, trained, loss, accuracy, t.dir))
	}
	return head, rows
}

// writeCSV writes the table with all settings of the space and all digits; a trial that
// diverged has no loss and no accuracy.
func (s *search) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	head := []string{"rank"}
	for _, d := range s.space {
		head = append(head, d.name)
	}
	c.Write(append(head, "epochs_trained", "val_loss", "val_accuracy", "run"))
	for i, t := range s.trials {
		row := []string{strconv.Itoa(i + 1)}
		for _, d := range s.space {
			row = append(row, fmt.Sprint(t.values[d.name]))
		}
		loss, accuracy := "", ""
		if e := t.result(); !t.diverged {
			loss, accuracy = strconv.FormatFloat(e.ValLoss, 'g', -1, 64), strconv.FormatFloat(e.ValAccuracy, 'g', -1, 64)
		}
		c.Write(append(row, strconv.Itoa(min(len(t.history), t.until)), loss, accuracy, t.dir))
	}
	c.Flush()
	return c.Error()
}

// bar shows the epochs of a trial: it takes what train prints, which is a
// line for each of them.
type bar struct {
	*screen.Progress
	name         string
	epochs, done int
}

func newBar(stdout io.Writer, t *trial) *bar {
	return &bar{Progress: screen.NewProgress(stdout, true), name: fmt.Sprintf("trial %02d, epoch", t.number), epochs: t.until - len(t.history)}
}

// Write counts the lines; beyond the end is the test part's line.
func (b *bar) Write(text []byte) (int, error) {
	b.done = min(b.done+bytes.Count(text, []byte("\n")), b.epochs)
	b.Show(b.done, b.epochs, screen.Named(b.name))
	return len(text), nil
}
