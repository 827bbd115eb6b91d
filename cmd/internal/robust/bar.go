package robust

import (
	"fmt"
	"io"
	"path/filepath"

	"tapenet/cmd/internal/screen"
	"tapenet/infer/robust"
)

// progress returns a robust.Config's Progress for a model, and what takes it away.
func progress(stderr io.Writer, model string) (show func(robust.Progress), clear func()) {
	shown, name := screen.NewProgress(stderr, true), filepath.Base(model)
	return func(p robust.Progress) {
		shown.Show(p.Done, p.Of, func(columns int) string { return describe(name, p.What, columns) })
	}, shown.Clear
}

// describe is as much of the text as there is room for.
func describe(model, what string, columns int) string {
	for _, text := range []string{fmt.Sprintf("%s  %-24s", model, what), what} {
		if len(text) <= columns {
			return text
		}
	}
	return ""
}
