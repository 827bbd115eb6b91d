package runs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/graph/weights"
)

// verify reads every safetensors file below some folders, a file may be named too, and
// says of each whether its content is that of its checksum. A damaged one does not stop
// the others, and is an error in the end.
func verify(ctx context.Context, dirs []string, stdout io.Writer) error {
	var files []string
	for _, dir := range dirs {
		all, err := below(dir)
		if err != nil {
			return fmt.Errorf("runs: %w", err)
		}
		if len(all) == 0 {
			return fmt.Errorf("runs: no .safetensors file in %s", dir)
		}
		files = append(files, all...)
	}
	sound, without, bad := 0, 0, 0
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("runs: stopped at %s: %w", file, err)
		}
		f, err := weights.Load(file)
		says := "sound"
		var path *fs.PathError
		switch {
		case errors.Is(err, fs.ErrNotExist): // a run that goes on has removed it
			continue
		case errors.As(err, &path):
			says, bad = "cannot be read: "+path.Err.Error(), bad+1
		case errors.Is(err, weights.ErrDamaged):
			says, bad = "damaged: the content is not that of its checksum", bad+1
		case err != nil:
			says, bad = "damaged: "+err.Error(), bad+1
		case f.Checksum == "":
			says, without = "readable, has no checksum", without+1
		default:
			sound++
		}
		if _, err := fmt.Fprintf(stdout, "%s: %s\n", plain(file), says); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(stdout, "%d sound, %d without checksum, %d damaged\n", sound, without, bad); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("runs: %d of %d files are damaged or cannot be read", bad, len(files))
	}
	return nil
}

// below lists the safetensors files of a folder and those below it, in order; a file is
// itself.
func below(dir string) (files []string, err error) {
	s, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !s.IsDir() {
		return []string{dir}, nil
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".safetensors" && !strings.HasPrefix(d.Name(), weights.TempPrefix) {
			files = append(files, path)
		}
		return err
	})
	slices.Sort(files)
	return files, err
}
