package data

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// Unsorted is the name of the folder, beside those of classes, for pictures that have no
// class yet. It is passed over, and Notes say so.
const Unsorted = "unsorted"

// lister finds the pictures in folders of classes, and what else there is.
type lister struct {
	fsys    fs.FS
	decoder raster.Decoder
	classes []string // of the first part

	others  map[string][]string // files that are no pictures, by their kind
	deeper  []string            // folders inside those of classes
	empty   []string            // folders of classes without pictures
	outside []string            // what is beside the folders that are used
	err     error               // the first of hasFolder
}

// listed is a file in a class's folder.
type listed struct {
	file   string
	label  int
	at     float64       // in the order of the part, of 1
	kind   string        // "" if its content is no picture that is known
	header raster.Header // if that can be read
	err    error
}

// part lists the pictures of each class in dir. Any stretch of the list has about the
// same share of each class. The classes are those given, or the folders with pictures.
func (l *lister) part(dir string, classes []string) (*folderPictures, error) {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		return nil, cause(err)
	}
	var names []string
	files := map[string][]listed{}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Name() == Unsorted || !l.hasFolder(name):
			l.outside = append(l.outside, name)
		default:
			all, err := l.class(name)
			if err != nil {
				return nil, err
			}
			if len(all) == 0 {
				l.empty = append(l.empty, name)
				continue
			}
			names, files[e.Name()] = append(names, e.Name()), all
		}
	}
	if l.err != nil {
		return nil, l.err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no pictures in sub-folders of %s, want one sub-folder a class with pictures, %s", dir, decode.Kinds)
	}
	if classes == nil {
		SortClasses(names)
		classes, l.classes = names, names
	}
	for _, name := range names {
		if !slices.Contains(classes, name) {
			return nil, fmt.Errorf("%s/%s: no such class among the %d of train", dir, name, len(classes))
		}
	}
	var all []listed
	for label, class := range classes {
		for i, f := range files[class] {
			f.label, f.at = label, (float64(i)+0.5)/float64(len(files[class]))
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b listed) int { return cmp.Compare(a.at, b.at) })
	return newFolderPictures(l.fsys, all), nil
}

// newFolderPictures are files that have been looked at.
func newFolderPictures(fsys fs.FS, all []listed) *folderPictures {
	s := &folderPictures{fsys: fsys}
	for _, f := range all {
		s.files, s.labels = append(s.files, f.file), append(s.labels, f.label)
		if f.err == nil {
			s.shown = append(s.shown, f.header)
		}
	}
	return s
}

// SortClasses sorts the names of classes, by value if all are numbers.
func SortClasses(names []string) {
	slices.Sort(names)
	if !slices.ContainsFunc(names, isNoNumber) {
		slices.SortStableFunc(names, func(a, b string) int {
			a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
			return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
		})
	}
}

// class lists the pictures in one folder.
func (l *lister) class(dir string) (pictures []listed, err error) {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		return nil, cause(err)
	}
	var all []listed
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case isFolder(l.fsys, name):
			l.deeper = append(l.deeper, name)
		default:
			all = append(all, listed{file: name})
		}
	}
	l.look(all)
	for _, f := range all {
		if f.kind == "" && !decode.Named(f.file) || f.kind != "" && !l.decoder.Reads(f.kind) {
			l.other(f)
			continue
		}
		pictures = append(pictures, f)
	}
	return pictures, nil
}

// other counts a file that is not read.
func (l *lister) other(f listed) {
	if l.others == nil {
		l.others = map[string][]string{}
	}
	l.others[f.kind] = append(l.others[f.kind], f.file)
}

// look reads how files begin, on all processors.
func (l *lister) look(all []listed) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		wg.Go(func() {
			for i := range next {
				all[i].kind, all[i].header, all[i].err = l.header(all[i].file)
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	wg.Wait()
}

// beginning is as much of a file as its header is looked for in at first.
const beginning = 1 << 15

// header is what a file says of its picture. Many have it near their beginning.
func (l *lister) header(name string) (kind string, h raster.Header, err error) {
	f, _, err := openPicture(l.fsys, name)
	if err != nil {
		return "", h, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, beginning))
	if err != nil {
		return "", h, cause(err)
	}
	if h, err = l.decoder.Header(b); err == nil || len(b) < beginning || errors.Is(err, raster.ErrSize) {
		return raster.Kind(b), h, err
	}
	if kind = raster.Kind(b); !l.decoder.Reads(kind) {
		return kind, h, err
	}
	rest, err := io.ReadAll(io.LimitReader(f, raster.MaxFile))
	if err != nil {
		return kind, h, cause(err)
	}
	h, err = l.decoder.Header(append(b, rest...))
	return kind, h, err
}

// noteOthers takes down what is in a folder beside names that are used.
func (l *lister) noteOthers(dir string, used []string) {
	entries, _ := fs.ReadDir(l.fsys, dir) // it was read before
	for _, e := range entries {
		if !slices.Contains(used, e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			l.outside = append(l.outside, e.Name())
		}
	}
}

// notes say what is there and not read.
func (l *lister) notes() (notes []string) {
	for _, kind := range slices.Sorted(maps.Keys(l.others)) {
		notes = append(notes, note("not read, "+cmp.Or(kind, "no picture"), l.others[kind]))
	}
	for what, names := range map[string][]string{
		"not read, folders inside those of classes": l.deeper,
		"folders of classes without pictures":       l.empty,
		"not used, beside the classes":              l.outside,
	} {
		if len(names) > 0 {
			notes = append(notes, note(what, names))
		}
	}
	slices.Sort(notes)
	return notes
}

// note says what is the matter with some names.
func note(what string, names []string) string {
	const most = 3
	quoted := make([]string, 0, most)
	for _, n := range names[:min(len(names), most)] {
		quoted = append(quoted, strconv.Quote(n))
	}
	more := ""
	if len(names) > most {
		more = ", …"
	}
	return fmt.Sprintf("%s (%d): %s%s", what, len(names), strings.Join(quoted, ", "), more)
}
