package data

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	classesFile = "classes.txt"
	maxClass    = 1<<16 - 1 // bounds what a file can claim
)

func isShard(name string) bool { return path.Ext(name) == ".tar" && !strings.HasPrefix(name, ".") }

// Shards returns the dataset in a folder of tar files, for data that do not fit
// into memory. They follow WebDataset's convention: a sample is two members
// with one name before the first dot, such as
//
//	000042.png   a picture, or .jpg, .jpeg, .gif
//	000042.cls   its class, a number from 0
//
// with other members of that name, such as 000042.seg.png, passed over, and
// those that begin with a dot. The shards whose names begin with test are the
// test part, or else those with val, or else a share of each class, the same
// for the same seed. The others are for training. Classes have the names in the
// file classes.txt, one a line, if there is one.
//
// Memory holds where each picture is, 24 bytes a sample, and no pictures: Read
// unpacks one. [Order] takes samples that are near each other, and what is read
// often stays in the system's cache. A file is open from the first picture that is
// read of it on: of several processes that train together, each opens what it needs.
func (o Options) Shards(dir string) (Dataset, error) {
	if err := o.check(); err != nil {
		return Dataset{}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Dataset{}, noFolder(dir, "tar files")
	}
	d, err := o.loadShards(dir, entries)
	if err != nil {
		return Dataset{}, fmt.Errorf("data: folder %q: %w", dir, err)
	}
	d.Name = baseName(dir)
	return d, nil
}

func (o Options) loadShards(dir string, entries []fs.DirEntry) (Dataset, error) {
	var names []string
	for _, e := range entries {
		if isShard(e.Name()) {
			names = append(names, e.Name())
		}
	}
	trainNames, testNames := partShards(names)
	if len(trainNames) == 0 {
		return Dataset{}, errors.New("no tar files for training, want some whose names begin with neither test nor val")
	}
	train, err := openShards(dir, trainNames)
	if err != nil {
		return Dataset{}, err
	}
	test, err := openShards(dir, testNames)
	if err != nil {
		return Dataset{}, err
	}
	count := max(2, train.classes(), test.classes())
	classes := numerals(count)
	if _, err := os.Stat(filepath.Join(dir, classesFile)); err == nil {
		if classes, err = classNames(os.DirFS(dir), classesFile, 0); err != nil {
			return Dataset{}, err
		}
		if len(classes) < count {
			return Dataset{}, fmt.Errorf("%s: %d class names, want %d or more, one a line", classesFile, len(classes), count)
		}
	}
	switch {
	case train.Len() == 0:
		return Dataset{}, fmt.Errorf("%s: no samples, want members named as in 000042.png and 000042.cls", strings.Join(trainNames, ", "))
	case test.Len() == 0:
		return o.dataset(classes, train, nil)
	}
	return o.dataset(classes, train, test)
}

// partShards divides the names of shards into those for training and those for
// testing.
func partShards(names []string) (train, test []string) {
	prefix := "val"
	if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "test") }) {
		prefix = "test"
	}
	for _, n := range names {
		switch {
		case strings.HasPrefix(n, prefix):
			test = append(test, n)
		case !strings.HasPrefix(n, "val"):
			train = append(train, n)
		}
	}
	return train, test
}

// shardPictures is the pictures in tar files, found by their offsets.
type shardPictures struct {
	files   []*shard
	names   []string // of the files
	members []member
}

// member is a picture in a tar file and its class.
type member struct {
	offset             int64
	file, size, number int32 // number is the class
}

func (s *shardPictures) Len() int        { return len(s.members) }
func (s *shardPictures) label(i int) int { return int(s.members[i].number) }

func (s *shardPictures) name(i int) string {
	return fmt.Sprintf("%s: picture at byte %d", s.names[s.members[i].file], s.members[i].offset)
}

func (s *shardPictures) picture(i int, buf []byte) ([]byte, error) {
	m := s.members[i]
	b := slices.Grow(buf[:0], int(m.size))[:m.size]
	f, err := s.files[m.file].open()
	if err != nil {
		return nil, err
	}
	if _, err := f.ReadAt(b, m.offset); err != nil {
		return nil, damaged(err)
	}
	return b, nil
}

// classes returns the largest class plus one.
func (s *shardPictures) classes() (n int) {
	for _, m := range s.members {
		n = max(n, int(m.number)+1)
	}
	return n
}

// openShards finds the pictures in files of a folder, some files at a time.
func openShards(dir string, names []string) (*shardPictures, error) {
	s := &shardPictures{names: names, files: make([]*shard, len(names))}
	members, errs := make([][]member, len(names)), make([]error, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wg.Go(func() {
			for k := range next {
				s.files[k] = &shard{path: filepath.Join(dir, names[k])}
				members[k], errs[k] = s.files[k].index(int32(k))
			}
		})
	}
	for k := range names {
		next <- k
	}
	close(next)
	wg.Wait()
	for k, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[k], err)
		}
	}
	s.members = slices.Concat(members...)
	return s, nil
}

// shard is a tar file. Its descriptor is closed when nothing refers to it any more.
type shard struct {
	path string
	info os.FileInfo // of the file when it was indexed

	mu   sync.Mutex
	file *os.File // nil until a picture is read
}

// index finds the pictures in the file.
func (s *shard) index(number int32) ([]member, error) {
	info, err := os.Stat(s.path) // before Open, which would wait on a named pipe
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	s.info = info
	return scan(f, info.Size(), number)
}

// open returns the file to read pictures from, which must be the one that was indexed.
func (s *shard) open() (io.ReaderAt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		return s.file, nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, cause(err)
	}
	info, err := f.Stat()
	if err == nil && (!os.SameFile(info, s.info) || info.Size() != s.info.Size() || !info.ModTime().Equal(s.info.ModTime())) {
		err = errors.New("the file is another one than when it was indexed, want one that stays while it is in use")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	s.file = f
	return f, nil
}

// scan finds the pictures in a tar file of size bytes.
func scan(f io.ReaderAt, size int64, number int32) (members []member, err error) {
	w := &window{file: f, size: size}
	t := tar.NewReader(w)
	var at sampleScan
	for {
		h, err := t.Next()
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("no tar file, or damaged after byte %d: %w", w.at, err)
		}
		if err == nil && strings.HasPrefix(path.Base(h.Name), ".") {
			continue // a hidden file
		}
		if err == io.EOF || key(h.Name) != at.key {
			if m, ok, err := at.end(); err != nil {
				return nil, err
			} else if ok {
				members = append(members, m)
			}
		}
		if err == io.EOF {
			return members, nil
		}
		if err := at.add(h, t, member{offset: w.at, file: number}); err != nil {
			return nil, fmt.Errorf("member %q: %w", h.Name, err)
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
}

// add takes in a member of a tar file, whose content begins at m's offset.
func (s *sampleScan) add(h *tar.Header, content io.Reader, m member) error {
	if k := key(h.Name); k != s.key {
		*s = sampleScan{key: k}
	}
	ext := extension(h.Name)
	if h.Typeflag != tar.TypeReg || ext != ".cls" && !slices.Contains(pictureExtensions, ext) {
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
		if h.Size > maxFile {
			return fmt.Errorf("%d bytes, want at most %d", h.Size, maxFile)
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
}

func (w *window) Read(p []byte) (int, error) {
	if w.at < w.start || w.at >= w.start+int64(len(w.buf)) {
		w.buf = slices.Grow(w.buf[:0], 1<<16)[:1<<16]
		n, err := w.file.ReadAt(w.buf, w.at)
		w.start, w.buf = w.at, w.buf[:n]
		if n == 0 {
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
