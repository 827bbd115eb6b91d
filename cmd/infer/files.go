package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stdin is the name that stands for the picture on standard input.
const stdin = "-"

// source is a file with a picture, or why there is none.
type source struct {
	name string
	err  error
}

// sources lists the pictures that arguments stand for: files, all pictures below
// folders in the order of their names, what matches a pattern, standard input.
func sources(args []string) (list []source) {
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
				list = append(list, below(name)...)
			} else {
				list = append(list, source{name: name})
			}
		}
	}
	return list
}

// extensions are those of pictures; a folder may have other files.
var extensions = []string{".png", ".jpg", ".jpeg", ".gif"}

// below lists the pictures in a folder, which may be a link to one, and its
// sub-folders, hidden ones left out.
func below(dir string) (list []source) {
	root := dir + string(filepath.Separator) // behind which a link is followed
	filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		hidden := name != root && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			list = append(list, source{filepath.Clean(name), reason(err)})
		case hidden && d.IsDir():
			return fs.SkipDir
		case !hidden && isPicture(name):
			list = append(list, source{name: name})
		}
		return nil
	})
	if len(list) == 0 {
		list = append(list, source{dir, errors.New("infer: no PNG, JPEG or GIF file in the folder")})
	}
	return list
}

// isPicture says whether a file is taken for a picture. Pipes, sockets and devices
// are not, whatever their names: they may have no end. A link to nothing is: that
// it can't be read is worth saying.
func isPicture(name string) bool {
	if !slices.Contains(extensions, strings.ToLower(filepath.Ext(name))) {
		return false
	}
	s, err := os.Stat(name)
	return err != nil || s.Mode().IsRegular()
}

// reason is an error without the name of its file, which stands before it.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
