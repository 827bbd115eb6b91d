package label

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// What label keeps in the folder of pictures; train passes names with a dot over.
const (
	ownFolder     = ".label"
	removedFolder = ownFolder + "/removed" // pictures that were put aside, or whose upload was undone
	journalFile   = ownFolder + "/journal.jsonl"
)

// mostJournal bounds the file that is read, in bytes: several hundred thousand moves.
const mostJournal = 64 << 20

// entry is a move of a file, by paths in the folder. From is "" for one that was added.
type entry struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// journal is the list of moves that can be undone, the last one first. Each is in its
// file, and on the disk, before it is made. Not safe for concurrent use.
type journal struct {
	file    *os.File
	entries []entry
	ends    []int64 // where each entry ends in the file
}

// openJournal reads the journal of a folder, and makes one if there is none.
func openJournal(root *os.Root) (*journal, error) {
	if err := root.MkdirAll(removedFolder, 0o777); err != nil {
		return nil, err
	}
	file, err := root.OpenFile(journalFile, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file}
	if err := j.read(); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w; without the file nothing can be undone, and all else goes on", journalFile, err)
	}
	return j, nil
}

// read reads the entries. A last line that is torn was of a move that was not made.
func (j *journal) read() error {
	if info, err := j.file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > mostJournal {
		return errors.Join(err, fmt.Errorf("want a file of at most %d bytes", mostJournal))
	}
	b, err := io.ReadAll(io.LimitReader(j.file, mostJournal))
	if err != nil {
		return err
	}
	at := int64(0)
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil || !e.possible() {
			return fmt.Errorf("line %d is damaged, want a move as in %s", len(j.entries)+1, `{"from":"sea/1.jpg","to":"town/1.jpg"}`)
		}
		at += int64(len(line))
		j.entries, j.ends = append(j.entries, e), append(j.ends, at)
	}
	return j.cut(at)
}

// possible reports whether label may have made the move.
func (e entry) possible() bool { return (e.From == "" || movable(e.From)) && movable(e.To) }

// movable reports whether a path is that of a picture: beside the classes' folders, in one
// of them, or put aside.
func movable(name string) bool {
	if !fs.ValidPath(name) || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	dir := path.Dir(name)
	return dir == "." || dir == removedFolder || !strings.Contains(dir, "/") && !strings.HasPrefix(dir, ".")
}

// add writes a move that is about to be made.
func (j *journal) add(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	at := j.end()
	if _, err = j.file.WriteAt(append(line, '\n'), at); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(err, j.cut(at))
	}
	j.entries, j.ends = append(j.entries, e), append(j.ends, at+int64(len(line))+1)
	return nil
}

// last is the move to undo next.
func (j *journal) last() (e entry, ok bool) {
	if n := len(j.entries); n > 0 {
		return j.entries[n-1], true
	}
	return e, false
}

// drop takes the last move back, which was not made or has been undone.
func (j *journal) drop() error {
	n := len(j.entries) - 1
	j.entries, j.ends = j.entries[:n], j.ends[:n]
	return j.cut(j.end())
}

func (j *journal) end() int64 {
	if n := len(j.ends); n > 0 {
		return j.ends[n-1]
	}
	return 0
}

func (j *journal) cut(at int64) error {
	return errors.Join(j.file.Truncate(at), j.file.Sync())
}
