package onnx

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"tapenet/graph/regular"
)

// folder is where a file says that weights are: in files beside it, or below. A
// file elsewhere is refused, by whatever way its name leads there.
type folder struct {
	path  string
	root  *os.Root
	files map[string]*beside
}

// beside is one of the files.
type beside struct {
	*os.File
	size int64
	left int64 // bytes that tensors may still take: the file's size in all
}

func (f *folder) close() {
	for _, b := range f.files {
		b.Close()
	}
	if f.root != nil {
		f.root.Close()
	}
}

// read reads the weights of a graph that are in files of their own. Without a
// folder it leaves them, for [tensorProto.constant] to refuse.
func (f *folder) read(g *graphProto) error {
	if f == nil {
		return nil
	}
	turned := turnedWeights(g.Nodes, "")
	for i := range g.Initializers {
		t := &g.Initializers[i]
		if t.Place == 0 {
			continue
		}
		if err := f.tensor(t, turned[t.Name] != nil); err != nil {
			return fmt.Errorf("tensor %.64q: %w", t.Name, err)
		}
	}
	return nil
}

// tensor reads the data of a tensor, transposed if turned.
func (f *folder) tensor(t *tensorProto, turned bool) error {
	size, err := t.size()
	if err != nil {
		return err
	}
	e, ok := kinds[t.Type]
	if !ok {
		return fmt.Errorf("elements of type %d, want numbers", t.Type)
	}
	in, err := f.part(t.External, int64(size)*int64(e.size))
	if err != nil {
		return err
	}
	t.Place = 0
	switch {
	case t.Type != typeFloat:
		t.Raw, err = in.bytes(in.left)
	case turned && len(t.Dims) == 2 && size > 0:
		t.Floats, err = in.turnedFloats(int(t.Dims[0]), int(t.Dims[1]))
		t.Dims, t.turned = []int64{t.Dims[1], t.Dims[0]}, true
	default:
		t.Floats, err = in.floats(in.left)
	}
	return err
}

// part is the part of a file that a tensor of so many bytes is in.
func (f *folder) part(entries []entryProto, size int64) (*source, error) {
	at := map[string]string{"offset": "0", "length": strconv.FormatInt(size, 10)}
	for _, e := range entries {
		at[e.Key] = e.Value
	}
	b, err := f.open(at["location"])
	if err != nil {
		return nil, err
	}
	offset, err1 := strconv.ParseInt(at["offset"], 10, 64)
	length, err2 := strconv.ParseInt(at["length"], 10, 64)
	if err1 != nil || err2 != nil || offset < 0 || length != size || length > b.size || offset > b.size-length {
		return nil, fmt.Errorf("%.64q bytes from %.64q on of %s, which has %d, want %d that are there", at["length"], at["offset"], at["location"], b.size, size)
	}
	if b.left -= length; b.left < 0 {
		return nil, fmt.Errorf("more bytes than %s has in all, want tensors that do not overlap", at["location"])
	}
	return &source{r: bufio.NewReaderSize(io.NewSectionReader(b, offset, length), 1<<16), left: length}, nil
}

// open opens a file of the folder, once.
func (f *folder) open(name string) (*beside, error) {
	path := filepath.FromSlash(name)
	if !filepath.IsLocal(path) {
		return nil, fmt.Errorf("data are in %.64q, want a file beside the network's or below", name)
	}
	path = filepath.Clean(path)
	if b := f.files[path]; b != nil {
		return b, nil
	}
	if len(f.files) == maxFiles {
		return nil, fmt.Errorf("data are in more than %d files", maxFiles)
	}
	if f.root == nil {
		root, err := os.OpenRoot(f.path)
		if err != nil {
			return nil, err
		}
		f.root, f.files = root, map[string]*beside{}
	}
	file, size, err := regular.OpenIn(f.root.FS(), filepath.ToSlash(path))
	if err != nil {
		return nil, err
	}
	f.files[path] = &beside{file.(*os.File), size, size} // as a Root's file system says
	return f.files[path], nil
}

// maxFiles is the most files that a network's weights may be in. PyTorch writes one for each
// weight where all of them have more than 2 GB.
const maxFiles = 1024
