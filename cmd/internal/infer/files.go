package infer

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
	"tapenet/graph/regular"
)

// stdin is the name that stands for the picture on standard input.
const stdin = "-"

// source is a file with a picture, or why there is none.
type source struct {
	name string
	err  error
}

// sources lists the pictures that arguments stand for: files, all pictures below
// folders in the order of their names, what matches a pattern, standard input. Notes say
// what of a folder is left out.
func sources(args []string) (list []source, notes []string) {
	for _, arg := range args {
		names := []string{arg}
		if _, err := os.Stat(arg); err != nil && arg != stdin && strings.ContainsAny(arg, `*?[`) {
			if names, err = filepath.Glob(arg); err != nil {
				list = append(list, source{arg, errors.New("infer: not a pattern, want *, ? and [a-z] as in 'digits/*.png'")})
			} else if len(names) == 0 {
				list = append(list, source{arg, errors.New("infer: no file matches the pattern")})
			}
		}
		for _, name := range names {
			if s, err := os.Stat(name); err == nil && s.IsDir() && name != stdin {
				all, left := below(name)
				list, notes = append(list, all...), append(notes, left...)
			} else {
				list = append(list, source{name: name})
			}
		}
	}
	return list, notes
}

// below lists the pictures in a folder and its sub-folders, hidden ones left out. Links
// to folders are followed, each folder is looked at once. Notes say what other files
// there are.
func below(dir string) (list []source, notes []string) {
	w := walk{seen: map[string]bool{}}
	w.folder(dir)
	if len(w.list) == 0 {
		w.list = append(w.list, source{dir, fmt.Errorf("infer: no picture in the folder, want %s", decode.Kinds)})
	}
	if len(w.others) > 0 {
		notes = append(notes, fmt.Sprintf("%s has %d files or links that are no pictures to read, such as %q", dir, len(w.others), w.others[0]))
	}
	return w.list, notes
}

// walk is what has been found below a folder.
type walk struct {
	list   []source
	others []string
	seen   map[string]bool // folders, by their own names
}

// folder lists what is in a folder, in the order of the names.
func (w *walk) folder(dir string) {
	own, err := filepath.EvalSymlinks(dir)
	if err == nil && w.seen[own] {
		return
	}
	w.seen[own] = true
	entries, e := os.ReadDir(dir)
	if err = cmp.Or(err, e); err != nil { // what can be read is
		w.list = append(w.list, source{filepath.Clean(dir), reason(err)})
	}
	for _, entry := range entries {
		name := filepath.Join(dir, entry.Name())
		switch s, err := os.Stat(name); {
		case strings.HasPrefix(entry.Name(), "."):
		case err == nil && s.IsDir():
			w.folder(name)
		case isPicture(name):
			w.list = append(w.list, source{name: name})
		default:
			w.others = append(w.others, name)
		}
	}
}

// isPicture says whether a file is taken for a picture, by its content or by its name.
// Pipes, sockets and devices are not, whatever their names: they may have no end. A
// link to nothing is: that it can't be read is worth saying.
func isPicture(name string) bool {
	if s, err := os.Stat(name); err != nil || s.Mode().IsRegular() && decode.Named(name) {
		return decode.Named(name)
	}
	f, _, err := regular.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 64))
	return err == nil && decode.Decoder(0).Reads(raster.Kind(head))
}

// reason is an error without the name of its file, which stands before it.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
