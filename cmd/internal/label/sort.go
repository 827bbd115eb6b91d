package label

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"tapenet/train/data"
)

// What is done to the pictures of a folder.

// dirOf is the folder of a class; that of "" is for pictures without one. It is made if
// it is that and not there.
func (f *folder) dirOf(class string) (string, error) {
	if class == "" {
		return data.Unsorted, f.root.MkdirAll(data.Unsorted, 0o777)
	}
	if !slices.Contains(f.classes, class) {
		return "", wrong("no class %q in the folder, want one of those on the page", class)
	}
	return class, nil
}

// move moves a picture to a class; "" is none.
func (f *folder) move(id, class string) (*picture, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.findLocked(id)
	if err != nil || p.class() == class {
		return p, err
	}
	dir, err := f.dirOf(class)
	if err != nil {
		return nil, err
	}
	return p, f.moveTo(p, dir)
}

// moveTo moves a picture into a folder, or if it is not there any more forgets it.
func (f *folder) moveTo(p *picture, dir string) error {
	to, err := f.mover.move(p.path, dir)
	if errors.Is(err, fs.ErrNotExist) {
		f.forget(p)
		return notFound("%s is not there any more", p.path)
	}
	if err == nil {
		f.rename(p, to)
	}
	return err
}

func (f *folder) rename(p *picture, to string) {
	delete(f.byPath, p.path)
	p.path = to
	f.byPath[to] = p
	f.revision++
}

func (f *folder) forget(p *picture) {
	delete(f.byPath, p.path)
	delete(f.byID, p.id)
	f.kept -= len(p.small)
	f.revision++
}

// remove puts a picture aside, out of training's sight.
func (f *folder) remove(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.findLocked(id)
	if err != nil {
		return err
	}
	if err := f.root.MkdirAll(removedFolder, 0o777); err != nil {
		return err
	}
	if err := f.moveTo(p, removedFolder); err != nil {
		return err
	}
	f.forget(p)
	return nil
}

// add makes a new picture of a file's content, in a class.
func (f *folder) add(file []byte, name, class string) error {
	temporary := temporaryPrefix + rand.Text()
	if err := f.write(temporary, file); err != nil {
		return err
	}
	f.mu.Lock()
	dir, err := f.dirOf(class)
	if err == nil {
		_, err = f.mover.add(temporary, dir, name)
	}
	f.mu.Unlock()
	if err != nil {
		return errors.Join(err, f.root.Remove(temporary))
	}
	return f.scan()
}

// temporaryPrefix is that of files which are not written to their end.
const temporaryPrefix = ownFolder + "/new-"

// write writes a new file to the disk.
func (f *folder) write(name string, content []byte) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, f.root.Remove(name))
	}
	return nil
}

// removeTemporary removes what an earlier process has not written to its end.
func (f *folder) removeTemporary() {
	entries, _ := fs.ReadDir(f.root.FS(), ownFolder)
	for _, e := range entries {
		if name := path.Join(ownFolder, e.Name()); strings.HasPrefix(name, temporaryPrefix) {
			f.root.Remove(name)
		}
	}
}

// undo takes the last change back, of an earlier process too, and says what it did.
func (f *folder) undo() (p *picture, said string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.mover.journal.last(); !ok {
		return nil, "", conflict("there is nothing to undo")
	}
	done, err := f.mover.undo()
	f.revision++
	if err != nil {
		return nil, "", err
	}
	p = f.byPath[done.From]
	switch {
	case p == nil: // it was put aside, and the next scan finds it
	case path.Dir(done.To) == removedFolder:
		f.forget(p)
		return nil, path.Base(done.From) + " is taken out again", nil
	default:
		f.rename(p, done.To)
	}
	return p, fmt.Sprintf("%s is back in %s", path.Base(done.To), place(done.To)), nil
}

// newClass makes the folder of a class.
func (f *folder) newClass(name string) error {
	if err := checkClass(name); err != nil {
		return wrong("%v", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.ContainsFunc(f.classes, func(c string) bool { return strings.EqualFold(c, name) }) {
		return conflict("there is a class %s already", name)
	}
	if err := f.root.Mkdir(name, 0o777); err != nil {
		return err
	}
	f.classes = append(f.classes, name)
	slices.Sort(f.classes)
	f.revision++
	return nil
}

// place names where a file is, for people.
func place(file string) string {
	switch dir := path.Dir(file); dir {
	case ".", data.Unsorted:
		return "the pictures without a class"
	case removedFolder:
		return "those put aside"
	default:
		return dir
	}
}

// listing is what a folder has, for the page.
type listing struct {
	Revision  uint64         `json:"revision"`
	Classes   []classAnswer  `json:"classes"`
	Unsorted  int            `json:"unsorted"`  // pictures without a class
	Undo      string         `json:"undo"`      // what is undone next, "" for nothing
	Passed    []string       `json:"passed"`    // some files and folders that are not shown
	AllPassed int            `json:"allPassed"` // how many there are
	Guessed   int            `json:"guessed"`   // pictures with a guess of the model, or that cannot have one
	Pictures  []pictureShown `json:"pictures"`  // nil if nothing has changed
}

type classAnswer struct {
	Name     string `json:"name"`
	Pictures int    `json:"pictures"`
}

// pictureShown is a picture, for the page.
type pictureShown struct {
	ID      string  `json:"id"`
	File    string  `json:"file"`
	Class   string  `json:"class"`
	Guess   string  `json:"guess"`   // class, "" for none
	P       float32 `json:"p"`       // its probability
	Unknown bool    `json:"unknown"` // the model takes it for none of its classes
	Against bool    `json:"against"` // the guess is another class than the folder's, which the model knows
	Damaged string  `json:"damaged"`
}

// list lists the pictures by class and name, with the guesses of a model; without
// them if since is the revision.
func (f *folder) list(m *model, since uint64) listing {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.summary(m)
	if since == f.revision {
		return l
	}
	l.Pictures = []pictureShown{}
	for _, p := range f.byPath {
		l.Pictures = append(l.Pictures, p.show(m))
	}
	slices.SortFunc(l.Pictures, func(a, b pictureShown) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.File, b.File))
	})
	return l
}

// after is the listing without pictures but for one, which may be nil.
func (f *folder) after(m *model, p *picture) (l listing, of *pictureShown) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p != nil {
		shown := p.show(m)
		of = &shown
	}
	return f.summary(m), of
}

// summary is the listing without pictures. f is locked.
func (f *folder) summary(m *model) listing {
	l := listing{Revision: f.revision, Classes: []classAnswer{}, Passed: f.passed[:min(3, len(f.passed))], AllPassed: len(f.passed)}
	if e, ok := f.mover.journal.last(); ok {
		l.Undo = undoes(e)
	}
	counts := map[string]int{}
	for _, p := range f.byPath {
		counts[p.class()]++
		if p.damaged != "" || m != nil && p.guess != nil && p.guess.by == m {
			l.Guessed++
		}
	}
	l.Unsorted = counts[""]
	for _, c := range f.classes {
		l.Classes = append(l.Classes, classAnswer{c, counts[c]})
	}
	return l
}

// filled is the number of classes with pictures.
func (f *folder) filled() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.summary(nil).Classes {
		n += min(c.Pictures, 1)
	}
	return n
}

// undoes says what undoing a move does.
func undoes(e entry) string {
	if e.From == "" {
		return "take " + path.Base(e.To) + " out of " + place(e.To)
	}
	return "move " + path.Base(e.To) + " back to " + place(e.From)
}

func (p *picture) show(m *model) pictureShown {
	s := pictureShown{ID: p.id, File: path.Base(p.path), Class: p.class(), Damaged: p.damaged}
	if g := p.guess; m != nil && g != nil && g.by == m {
		s.Guess, s.P, s.Unknown = g.class, g.p, g.unknown
		s.Against = s.Class != "" && g.class != s.Class && slices.Contains(m.predictor.Classes, s.Class)
	}
	return s
}
