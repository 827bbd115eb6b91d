package robust

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"

	"tapenet/cmd/internal/screen"
	"tapenet/infer/robust"
)

// bar shows how far measuring has come, on a terminal.
type bar struct {
	to   *os.File // nil if nobody looks
	name string   // of the model
	bar  *progressbar.ProgressBar
}

func newBar(stderr io.Writer, model string) *bar {
	return &bar{to: screen.Of(stderr), name: filepath.Base(model)}
}

// show is a robust.Config's Progress.
func (b *bar) show(p robust.Progress) {
	if b.to == nil {
		return
	}
	if b.bar == nil {
		b.bar = screen.NewBar(b.to, p.Of, true)
	}
	b.bar.ChangeMax(p.Of)
	b.bar.Describe(describe(b.name, p.What, screen.Columns(b.to)))
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
