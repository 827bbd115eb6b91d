package screen

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// every is the time between lines where nobody sits at a terminal.
const every = 10 * time.Second

// Progress shows how far some work is: on a terminal as a bar, and elsewhere as a line
// every ten seconds, for a log. Safe for concurrent use.
type Progress struct {
	w       io.Writer
	to      *os.File // the terminal that w is, nil for none
	predict bool     // the time that is left, by the steps of this process alone
	now     func() time.Time

	mu          sync.Mutex
	bar         *progressbar.ProgressBar
	began, last time.Time // of the work, and of its last line
}

// NewProgress shows progress on w. With predict it shows the time that is left.
func NewProgress(w io.Writer, predict bool) *Progress {
	p := &Progress{w: w, to: Of(w), predict: predict, now: time.Now}
	p.began = p.now()
	p.last = p.began
	return p
}

// Show shows that so many steps of all are done. text says of what, in at most so many
// columns if it can.
func (p *Progress) Show(done, all int, text func(columns int) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.to == nil {
		p.line(done, all, text)
		return
	}
	if p.bar == nil {
		p.bar = newBar(p.to, all, p.predict)
	}
	p.bar.ChangeMax(all)
	used := len(" 100% |##########| ")
	if p.predict {
		used += len("[1m0s:10m0s]")
	}
	p.bar.Describe(text(Columns(p.to) - used))
	p.bar.Set(done)
}

// line prints a line, if the last one is long ago.
func (p *Progress) line(done, all int, text func(columns int) string) {
	now := p.now()
	if now.Sub(p.last) < every {
		return
	}
	p.last = now
	end := fmt.Sprintf("%d of %d", done, all)
	if p.predict && done > 0 {
		left := time.Duration(float64(now.Sub(p.began)) / float64(done) * float64(all-done))
		end += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	fmt.Fprintln(p.w, strings.TrimLeft(strings.TrimRight(text(80-len("  "+end)), " ")+"  "+end, " "))
}

// Clear takes the bar away, if there is one.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}

// Named is a text for Show that is always the same.
func Named(text string) func(int) string { return func(int) string { return text } }
