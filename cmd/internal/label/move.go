package label

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// mover renames the files of a folder, and undoes it. A rename never replaces a file:
// the name is taken first, by an empty file that nobody else could make, and the rename
// replaces that. Not safe for concurrent use.
type mover struct {
	root    *os.Root
	journal *journal
}

// newMover opens the journal of a folder, and finishes what an end in the middle of a
// move or of its undoing has left.
func newMover(root *os.Root) (*mover, error) {
	j, err := openJournal(root)
	if err != nil {
		return nil, err
	}
	m := &mover{root, j}
	if err := m.recover(); err != nil {
		return nil, errors.Join(err, j.file.Close())
	}
	return m, nil
}

// recover looks at the last move: of its two names one was perhaps only taken, or the
// file has not gone from one to the other.
func (m *mover) recover() error {
	e, ok := m.journal.last()
	if !ok || e.From == "" {
		return nil
	}
	from, noFrom := m.root.Lstat(e.From)
	to, noTo := m.root.Lstat(e.To)
	switch {
	case noFrom != nil:
		return nil // it was made
	case noTo == nil && to.Size() > 0 && from.Size() == 0:
		return m.root.Remove(e.From) // undoing it was not
	case noTo == nil && to.Size() == 0 && from.Size() > 0:
		return errors.Join(m.root.Remove(e.To), m.journal.drop())
	case noTo != nil:
		return m.journal.drop()
	}
	return nil
}

// move moves a file into a folder, and returns its new path. A name that is taken there
// gets a number.
func (m *mover) move(from, dir string) (to string, err error) {
	return m.into(from, entry{From: from}, dir, path.Base(from))
}

// add moves a file of label's own into a folder, as a new picture of this name.
func (m *mover) add(temporary, dir, name string) (to string, err error) {
	return m.into(temporary, entry{}, dir, name)
}

// into moves a file and has the move in the journal.
func (m *mover) into(file string, e entry, dir, name string) (string, error) {
	for n := 1; ; n++ {
		e.To = path.Join(dir, numbered(name, n))
		if _, err := m.root.Lstat(e.To); err == nil {
			continue
		}
		if err := m.journal.add(e); err != nil {
			return "", err
		}
		err := m.rename(file, e.To)
		if err == nil {
			return e.To, nil
		}
		err = errors.Join(err, m.journal.drop())
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
}

// rename renames a file to a name that is free; otherwise its error is fs.ErrExist.
func (m *mover) rename(from, to string) error {
	if info, err := m.root.Lstat(from); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, notRegular(from, err))
	}
	taken, err := m.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	taken.Close()
	if err := m.root.Rename(from, to); err != nil {
		return errors.Join(err, m.root.Remove(to))
	}
	m.flush(path.Dir(to))
	return nil
}

func notRegular(name string, err error) error {
	if err != nil {
		return nil
	}
	return fmt.Errorf("%s is not a file any more", name)
}

// flush writes a folder's names to the disk, on systems that can.
func (m *mover) flush(dir string) {
	if d, err := m.root.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// undo takes the last move back: the file has its old name again, or one with a number
// if that was taken meanwhile. One that was added is put aside.
func (m *mover) undo() (done entry, err error) {
	e, ok := m.journal.last()
	if !ok {
		return done, errors.New("there is nothing to undo")
	}
	if _, err := m.root.Lstat(e.To); err != nil {
		return done, errors.Join(fmt.Errorf("%s is not there any more, and cannot be put back", e.To), m.journal.drop())
	}
	back := e.From
	if back == "" {
		back = path.Join(removedFolder, path.Base(e.To))
	}
	if err := m.root.MkdirAll(path.Dir(back), 0o777); err != nil {
		return done, err
	}
	for n := 1; ; n++ {
		to := path.Join(path.Dir(back), numbered(path.Base(back), n))
		err := m.rename(e.To, to)
		if err == nil {
			return entry{From: e.To, To: to}, m.journal.drop()
		}
		if !errors.Is(err, fs.ErrExist) {
			return done, err
		}
	}
}

// sentence is an error for people: without the names of system calls.
func sentence(err error) string {
	var of *fs.PathError
	var link *os.LinkError
	text := err.Error()
	switch {
	case errors.As(err, &link):
		text = link.Old + " cannot become " + link.New + ": " + link.Err.Error()
	case errors.As(err, &of):
		text = of.Path + ": " + of.Err.Error()
	}
	return strings.ReplaceAll(text, "\n", "; ")
}
