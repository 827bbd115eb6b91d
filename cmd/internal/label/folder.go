package label

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
	"tapenet/train/data"
)

// picture is a file of the folder. All but its name stays while it is in the index; a
// file that has changed is another picture.
type picture struct {
	id       string // in addresses: clients name no paths
	path     string
	size     int64
	modified time.Time

	guess   *guess // nil before there is one
	damaged string // why it cannot be read, "" if it can as far as known
	small   []byte // JPEG, nil before it is made
}

// class is the folder that it is in; "" if that is no class's.
func (p *picture) class() string {
	if dir := path.Dir(p.path); dir != "." && dir != data.Unsorted {
		return dir
	}
	return ""
}

// folder is an index of the pictures in a folder of classes. Safe for concurrent use.
type folder struct {
	root *os.Root

	mu       sync.Mutex
	mover    *mover
	byPath   map[string]*picture
	byID     map[string]*picture
	classes  []string
	passed   []string // what is there and not shown
	revision uint64   // counts changes of all of it
	prefix   string   // of the ids: those of another process are unknown
	made     int      // ids
	kept     int      // bytes of small pictures
}

// openFolder opens a folder and lists it.
func openFolder(dir string) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("label: no folder %q, want one of pictures: %w", dir, err)
	}
	f := &folder{root: root, byPath: map[string]*picture{}, byID: map[string]*picture{}, prefix: rand.Text()[:8]}
	if err = f.open(); err != nil {
		root.Close()
		return nil, fmt.Errorf("label: %s: %s", dir, sentence(err))
	}
	return f, nil
}

func (f *folder) open() (err error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && isPart(e.Name()) {
			return fmt.Errorf("it has a folder %s, want the folder of the classes themselves, as in -data %[1]s", e.Name())
		}
	}
	if f.mover, err = newMover(f.root); err != nil {
		return err
	}
	f.removeTemporary()
	return f.scan()
}

func (f *folder) close() {
	f.mover.journal.file.Close()
	f.root.Close()
}

// scan lists the folder anew: what is new, gone or changed.
func (f *folder) scan() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := scanner{folder: f, found: map[string]*picture{}}
	if err := s.all(); err != nil {
		return err
	}
	changed := s.changed || len(s.found) != len(f.byPath) || !slices.Equal(s.classes, f.classes)
	if !changed {
		return nil
	}
	f.classes, f.passed, f.byPath, f.byID = s.classes, s.passed, s.found, map[string]*picture{}
	f.kept = 0
	for _, p := range f.byPath {
		f.byID[p.id], f.kept = p, f.kept+len(p.small)
	}
	f.revision++
	return nil
}

// scanner lists a folder.
type scanner struct {
	*folder
	found   map[string]*picture
	changed bool // there is a picture that was not there before
	classes []string
	passed  []string
}

// all lists the top folder and those in it.
func (s *scanner) all() error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case !e.IsDir():
			s.file(e.Name(), e)
		default:
			if e.Name() != data.Unsorted {
				s.classes = append(s.classes, e.Name())
			}
			if err := s.class(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// class lists the folder of a class.
func (s *scanner) class(dir string) error {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			s.passed = append(s.passed, name)
		default:
			s.file(name, e)
		}
	}
	return nil
}

// file takes a file that is a picture, or has the name of one.
func (s *scanner) file(name string, e fs.DirEntry) {
	info, err := e.Info()
	if err != nil {
		return // it is gone
	}
	if p := s.byPath[name]; p != nil && p.size == info.Size() && p.modified.Equal(info.ModTime()) {
		s.found[name] = p
		return
	}
	if !info.Mode().IsRegular() || !s.isPicture(name) {
		s.passed = append(s.passed, name)
		return
	}
	s.made++
	s.found[name] = &picture{id: s.prefix + "-" + strconv.Itoa(s.made), path: name, size: info.Size(), modified: info.ModTime()}
	s.changed = true
}

// isPicture reports what training would take for one: by the content, and what has none
// that is known by the name.
func (s *scanner) isPicture(name string) bool {
	file, err := s.root.Open(name)
	if err != nil {
		return decode.Named(name)
	}
	defer file.Close()
	b, _ := io.ReadAll(io.LimitReader(file, 1024))
	if kind := raster.Kind(b); kind != "" {
		return decode.Decoder(0).Reads(kind)
	}
	return decode.Named(name)
}

// read returns the file of a picture.
func (f *folder) read(p *picture) ([]byte, error) {
	name, file, err := f.openFile(p)
	for errors.Is(err, fs.ErrNotExist) && f.pathOf(p) != name { // it has been moved at this moment
		name, file, err = f.openFile(p)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, raster.MaxFile+1))
	if err == nil && len(b) > raster.MaxFile {
		err = fmt.Errorf("a file of more than %d bytes, want fewer", raster.MaxFile)
	}
	return b, err
}

func (f *folder) openFile(p *picture) (name string, file *os.File, err error) {
	name = f.pathOf(p)
	file, err = f.root.Open(name)
	return name, file, err
}

func (f *folder) pathOf(p *picture) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return p.path
}

// find returns a picture by its id.
func (f *folder) find(id string) (*picture, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.findLocked(id)
}

func (f *folder) findLocked(id string) (*picture, error) {
	if p := f.byID[id]; p != nil {
		return p, nil
	}
	return nil, notFound("the picture is not there any more; load the page again")
}

// mostSmall bounds the small pictures that are kept, in bytes.
const mostSmall = 64 << 20

// keep keeps the small form of a picture, and in exchange forgets others.
func (f *folder) keep(p *picture, small []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, other := range f.byID {
		if f.kept+len(small) <= mostSmall {
			break
		}
		f.kept -= len(other.small)
		other.small = nil
	}
	f.kept += len(small) - len(p.small)
	p.small = small
}

// smallOf is the small form of a picture, if it is kept.
func (f *folder) smallOf(p *picture) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return p.small
}
