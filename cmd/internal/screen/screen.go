// Package screen is what the commands show to somebody who watches.
package screen

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Of returns the terminal that w writes to, or nil if it is none.
func Of(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// Columns is the width of a terminal, 80 if it does not say.
func Columns(f *os.File) int {
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns == 0 {
		return 80
	}
	return columns
}

// newBar returns a progress bar of so many steps. With predict it shows the time that
// is left, by the steps of this process alone.
func newBar(f *os.File, steps int, predict bool) *progressbar.ProgressBar {
	return progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(f),
		progressbar.OptionSetWidth(24), // less on a narrow terminal
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(predict),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionUseANSICodes(true), // clears all of the line, a ^C too
	)
}
