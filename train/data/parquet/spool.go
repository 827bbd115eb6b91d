package parquet

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/parquet-go/parquet-go"

	"tapenet/graph/raster"
)

// place is where a picture is: in the row of a file.
type place struct{ file, row int32 }

// pictures is a part of the dataset, a data.Encoded.
type pictures struct {
	spool *spool
	at    []place
	label []int32
}

// Len returns the number of pictures.
func (s *pictures) Len() int { return len(s.at) }

// Class returns the class of a picture.
func (s *pictures) Class(i int) int { return int(s.label[i]) }

// Name names a picture by its file and row.
func (s *pictures) Name(i int) string {
	return fmt.Sprintf("%s: row %d", filepath.Base(s.spool.files[s.at[i].file].path), s.at[i].row)
}

// Picture returns the bytes of a picture.
func (s *pictures) Picture(i int, buf []byte) ([]byte, error) { return s.spool.get(s.at[i], buf) }

// First reads the beginning of the file that the first picture is in.
func (s *pictures) First(n int) (all [][]byte) {
	first := s.at[0]
	f := s.spool.files[first.file]
	f.each(f.picture, func(i int, v parquet.Value) error { // what is damaged is found when it is read
		if i >= n {
			return errEnough
		}
		if !v.IsNull() {
			all = append(all, slices.Clone(v.ByteArray()))
		}
		return nil
	})
	return all
}

// spool is the pictures of all files one after another in a temporary file: in a Parquet
// file a picture is found only by unpacking those before it.
type spool struct {
	files []*file
	dir   string // of the temporary file; "" is the system's

	once  sync.Once
	err   error
	to    *os.File
	begin [][]int64 // of each file, where each row's picture begins, and the end of the last
}

// mostSpooled bounds the temporary file: it must not fill a disk.
const mostSpooled = 64 << 30

// get returns the bytes of a picture, in the memory of buf if it is enough.
func (s *spool) get(at place, buf []byte) ([]byte, error) {
	if s.once.Do(s.fill); s.err != nil {
		return nil, s.err
	}
	begin := s.begin[at.file]
	if int(at.row)+1 >= len(begin) {
		return nil, errors.New("no such row in the column of pictures")
	}
	n := int(begin[at.row+1] - begin[at.row])
	switch {
	case n == 0:
		return nil, errors.New("no bytes, want a picture")
	case n > raster.MaxFile:
		return nil, fmt.Errorf("a picture of %d bytes, want at most %d", n, raster.MaxFile)
	}
	b := slices.Grow(buf[:0], n)[:n]
	_, err := s.to.ReadAt(b, begin[at.row])
	return b, err
}

// fill writes the temporary file.
func (s *spool) fill() {
	if s.err = s.copy(); s.err != nil {
		s.err = fmt.Errorf("a temporary file of the pictures: %w", s.err)
	}
}

func (s *spool) copy() (err error) {
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o755); err != nil {
			return err
		}
	}
	if s.to, err = os.CreateTemp(s.dir, ".parquet-*.tmp"); err != nil {
		return err
	}
	os.Remove(s.to.Name()) // it is gone with the process, where the system allows that
	w, at := bufio.NewWriterSize(s.to, 1<<20), int64(0)
	for _, f := range s.files {
		begin := []int64{at}
		err := f.each(f.picture, func(_ int, v parquet.Value) error {
			if !v.IsNull() {
				n, err := w.Write(v.ByteArray())
				if at += int64(n); err != nil {
					return err
				}
			}
			if begin = append(begin, at); at > mostSpooled {
				return fmt.Errorf("above %d bytes", int64(mostSpooled))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		s.begin = append(s.begin, begin)
	}
	return w.Flush()
}
