package zoo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"tapenet/graph/weights"
	"tapenet/modelzoo/open"
)

// showModel shows a model that was opened as a network of the zoo is shown.
func showModel(ctx context.Context, stdout io.Writer, m open.Model, batch int, file string) error {
	layer, err := m.Network()
	if err != nil {
		return fmt.Errorf("zoo: %w", err)
	}
	title := fmt.Sprintf("%s: a file of %s", m.Path, m.Format)
	if m.Classifies {
		title += fmt.Sprintf(", %d classes", len(m.Model.Classes))
	}
	s := subject{layer: layer, input: m.Sample, batch: batch}
	if err := m.Classifier(); err != nil {
		s.untrained = fmt.Sprintf("%s, which is what train trains", err)
	}
	return s.show(ctx, stdout, title, file)
}

// describeModel writes the description of a foreign model beside it.
func describeModel(m open.Model, stdout io.Writer) error {
	path, text, err := m.Describe()
	if err != nil {
		return fmt.Errorf("zoo: %w", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("zoo: %s is there already: change it, or delete it for a new one", path)
	}
	if err := weights.WriteFile(path, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s says how pictures become the input of %s: change what is wrong\n", path, m.Path)
	return err
}
