package data

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"tapenet/graph/raster"
	"tapenet/graph/raster/decode"
	"tapenet/graph/regular"
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
//	000042.png   a picture, or .jpg, .gif, .webp, .bmp, .tif
//	000042.cls   its class, a number from 0
//
// with other members of that name, such as 000042.seg.png, passed over, and
// those that begin with a dot. The shards whose names begin with test are the
// test part, those with val are for validation, or without the former the test part; else a share of each class, the same
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
		return Dataset{}, noFolder(dir, "tar files", err)
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
	byPart := partShards(names)
	if len(byPart[0]) == 0 {
		return Dataset{}, errors.New("no tar files for training, want some whose names begin with neither test nor val")
	}
	var opened [3]*shardPictures // for training, validation and testing
	count, notes := 2, []string(nil)
	for part, names := range byPart {
		s, err := openShards(dir, names)
		if err != nil {
			return Dataset{}, err
		}
		opened[part], count, notes = s, max(count, s.classes()), append(notes, s.notes()...)
	}
	classes := numerals(count)
	if _, err := os.Stat(filepath.Join(dir, classesFile)); err == nil {
		var err error
		if classes, err = classNames(os.DirFS(dir), classesFile, 0); err != nil {
			return Dataset{}, err
		}
		if len(classes) < count {
			return Dataset{}, fmt.Errorf("%s: %d class names, want %d or more, one a line", classesFile, len(classes), count)
		}
	}
	if opened[0].Len() == 0 {
		return Dataset{}, fmt.Errorf("%s: no samples, want members named as in 000042.png and 000042.cls", strings.Join(byPart[0], ", "))
	}
	all := parts{train: opened[0]}
	if opened[1].Len() > 0 {
		all.validation = opened[1]
	}
	if opened[2].Len() > 0 {
		all.test = opened[2]
	}
	d, err := o.dataset(classes, nil, all)
	d.Notes = append(notes, d.Notes...)
	return d, err
}

// partShards divides the names of shards into those for training, for validation and
// for testing.
func partShards(names []string) (parts [3][]string) {
	for _, n := range names {
		part := 0
		switch {
		case strings.HasPrefix(n, "val"):
			part = 1
		case strings.HasPrefix(n, "test"):
			part = 2
		}
		parts[part] = append(parts[part], n)
	}
	if parts[2] == nil { // there is one to hold out
		parts[1], parts[2] = nil, parts[1]
	}
	return parts
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

// someHeaders is the number of pictures that are looked at where not all are.
const someHeaders = 64

// headers are those of the first pictures: of others they might lie far apart.
func (s *shardPictures) headers() (shown []raster.Header) {
	for i := range min(someHeaders, s.Len()) {
		if b, err := s.picture(i, nil); err == nil {
			if h, err := decode.Decoder(0).Header(b); err == nil {
				shown = append(shown, h)
			}
		}
	}
	return shown
}

// notes say which members of the files are not read.
func (s *shardPictures) notes() (notes []string) {
	for k, f := range s.files {
		for _, ext := range slices.Sorted(maps.Keys(f.others)) {
			notes = append(notes, fmt.Sprintf("not read, members of %s with %s after the first dot of their names (%d)", s.names[k], ext, f.others[ext]))
		}
	}
	return notes
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
	path   string
	info   os.FileInfo    // of the file when it was indexed
	others map[string]int // see sampleScan

	mu   sync.Mutex
	file *os.File // nil until a picture is read
}

// index finds the pictures in the file.
func (s *shard) index(number int32) (members []member, err error) {
	f, size, err := regular.Open(s.path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	if s.info, err = f.Stat(); err != nil {
		return nil, cause(err)
	}
	members, s.others, err = scan(f, size, number)
	return members, err
}

// open returns the file to read pictures from, which must be the one that was indexed.
func (s *shard) open() (io.ReaderAt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		return s.file, nil
	}
	f, _, err := regular.Open(s.path)
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
