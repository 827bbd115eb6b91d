package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"tapenet/infer/robust"
)

// bar shows how far measuring has come, on a terminal.
type bar struct {
	to   *os.File // nil if nobody looks
	name string   // of the model
	bar  *progressbar.ProgressBar
}

func newBar(stderr io.Writer, model string) *bar {
	b := &bar{name: filepath.Base(model)}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.to = f
	}
	return b
}

// show is a robust.Config's Progress.
func (b *bar) show(p robust.Progress) {
	if b.to == nil {
		return
	}
	columns, _, err := term.GetSize(int(b.to.Fd()))
	if err != nil || columns == 0 {
		columns = 80
	}
	if b.bar == nil {
		b.bar = progressbar.NewOptions(p.Of,
			progressbar.OptionSetWriter(b.to),
			progressbar.OptionSetWidth(24), // less on a narrow terminal
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionUseANSICodes(true), // clears all of the line, a ^C too
		)
	}
	b.bar.ChangeMax(p.Of)
	b.bar.Describe(describe(b.name, p.What, columns))
	b.bar.Set(p.Done)
}

// describe is the text beside the bar: as much as leaves room for a bar and the time
// in so many columns.
func describe(model, what string, columns int) string {
	room := columns - len(" 100% |##########|  [1m0s:10m0s]")
	for _, text := range []string{fmt.Sprintf("%s  %-24s", model, what), what} {
		if len(text) <= room {
			return text
		}
	}
	return ""
}

// clear takes the bar away.
func (b *bar) clear() {
	if b.bar != nil {
		b.bar.Clear()
		b.bar = nil
	}
}
