package data

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
)

// scan finds the pictures in a tar file of size bytes.
func scan(f io.ReaderAt, size int64, number int32) (members []member, others map[string]int, err error) {
	w := &window{file: f, size: size}
	t := tar.NewReader(w)
	at := sampleScan{others: map[string]int{}}
	for {
		h, err := t.Next()
		if err != nil && err != io.EOF {
			return nil, nil, fmt.Errorf("no tar file, or damaged after byte %d: %w", w.at, err)
		}
		if err == nil && strings.HasPrefix(path.Base(h.Name), ".") {
			continue // a hidden file
		}
		if err == io.EOF || key(h.Name) != at.key {
			if m, ok, err := at.end(); err != nil {
				return nil, nil, err
			} else if ok {
				members = append(members, m)
			}
		}
		if err == io.EOF {
			return members, at.others, w.ended()
		}
		if err := at.add(h, t, member{offset: w.at, file: number}); err != nil {
			return nil, nil, fmt.Errorf("member %q: %w", h.Name, err)
		}
	}
}

// key is the name of a member before the first dot of its last part, and
// extension what comes after the dot.
func key(name string) string {
	dir, file := path.Split(name)
	before, _, _ := strings.Cut(file, ".")
	return dir + before
}

func extension(name string) string {
	_, after, _ := strings.Cut(path.Base(name), ".")
	return "." + strings.ToLower(after)
}

// sampleScan is what has been seen of a sample.
type sampleScan struct {
	key             string
	m               member
	picture, number bool // seen

	others map[string]int // members of all samples that are neither, by what follows the first dot
}

// add takes in a member of a tar file, whose content begins at m's offset.
func (s *sampleScan) add(h *tar.Header, content io.Reader, m member) error {
	if k := key(h.Name); k != s.key {
		*s = sampleScan{key: k, others: s.others}
	}
	ext := extension(h.Name)
	if h.Typeflag != tar.TypeReg || ext != ".cls" && !slices.Contains(decode.Endings, ext) {
		if h.Typeflag == tar.TypeReg && len(s.others) < mostKinds {
			s.others[ext]++
		}
		return nil
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return errors.New("a sparse file, want a plain one")
		}
	}
	if ext != ".cls" {
		if s.picture {
			return errors.New("a second picture of that name, want one")
		}
		if h.Size > raster.MaxFile {
			return fmt.Errorf("%d bytes, want at most %d", h.Size, raster.MaxFile)
		}
		s.picture, s.m.offset, s.m.file, s.m.size = true, m.offset, m.file, int32(h.Size)
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(content, 32))
	if err != nil {
		return damaged(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if s.number {
		return errors.New("a second class of that name, want one")
	}
	if err != nil || n < 0 || n > maxClass {
		return fmt.Errorf("class %q, want a number from 0 to %d", b, maxClass)
	}
	s.number, s.m.number = true, int32(n)
	return nil
}

// mostKinds bounds the kinds of members that are counted.
const mostKinds = 100

// end returns the sample, if there was one.
func (s *sampleScan) end() (m member, ok bool, err error) {
	if s.picture != s.number {
		return m, false, fmt.Errorf("sample %q has no picture or no class, want %[1]s.png and %[1]s.cls one after the other", s.key)
	}
	return s.m, s.picture, nil
}

// window reads a file through a buffer, and seeks in it: small members are read
// in one go, large ones passed over.
type window struct {
	file     io.ReaderAt
	size, at int64
	start    int64 // of the buffer in the file
	buf      []byte
	ran      bool // out of the file
}

// ended returns an error unless the file ended as tar files do, with blocks of zeros:
// otherwise it may have been cut off behind any member.
func (w *window) ended() error {
	const block = 512
	if !w.ran || w.size == 0 {
		return nil
	}
	last := make([]byte, block) // one block of zeros is enough for some writers
	if _, err := w.file.ReadAt(last, max(0, w.size-block)); err != nil || w.size%block != 0 || !bytes.Equal(last, make([]byte, block)) {
		return fmt.Errorf("cut off after %d bytes, want a tar file with the blocks of zeros at its end", w.size)
	}
	return nil
}

func (w *window) Read(p []byte) (int, error) {
	if w.at < w.start || w.at >= w.start+int64(len(w.buf)) {
		w.buf = slices.Grow(w.buf[:0], 1<<16)[:1<<16]
		n, err := w.file.ReadAt(w.buf, w.at)
		w.start, w.buf = w.at, w.buf[:n]
		if n == 0 {
			w.ran = true
			return 0, err
		}
	}
	n := copy(p, w.buf[w.at-w.start:])
	w.at += int64(n)
	return n, nil
}

func (w *window) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += w.at
	case io.SeekEnd:
		offset += w.size
	}
	if offset < 0 {
		return 0, errors.New("data: a place before the file")
	}
	w.at = offset
	return offset, nil
}
