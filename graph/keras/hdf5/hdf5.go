// Package hdf5 reads the part of HDF5 that Keras's files have, as h5py writes it
// with the earliest and with the latest version of the format: groups, datasets
// of floating point numbers, and attributes that are strings or lists of them.
//
//	f, err := hdf5.Open(reader, size)
//	kernel, err := f.Root().Find("model_weights/dense/dense/kernel:0")
//	a, err := kernel.Read()
//
// Read are superblocks 0 to 3; both versions of object headers; groups as
// symbol tables, as messages and in fractal heaps; data that is contiguous,
// compact or in chunks, whatever the chunks' index; the filters deflate,
// shuffle and fletcher32. Not read are links to other files, virtual datasets
// and datasets that nobody has written to. The checksums of the format's
// structures are not verified.
//
// The names of structures are the ones of the HDF5 File Format Specification,
// version 3.0, The HDF Group.
package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bounds of what a file may ask for.
const (
	maxRank     = 8
	maxDepth    = 32       // of trees and of blocks within blocks
	maxMessages = 1 << 16  // of one object
	maxLinks    = 1 << 20  // of one group
	freeBytes   = 16 << 20 // that a file may always cost, however small it is
	maxUnpacked = 2 << 30  // bytes of data that a smaller file may unpack to
)

// undefined is the address of something that is not in the file.
const undefined = ^uint64(0)

// File is an open file. It is not safe for concurrent use.
type File struct {
	r       io.ReaderAt
	size    int64
	base    int64 // added to each address
	root    *Object
	objects map[uint64]*Object

	collections map[uint64]map[uint64][]byte // global heaps

	structures int64 // bytes of structures that may still be read
	data       int64 // bytes of data that may still be handed out
}

// Open reads the file's beginning. The file is not trusted: all that is read
// from it later takes time and memory in proportion to its size, and 16 MB more.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size, objects: map[uint64]*Object{}, collections: map[uint64]map[uint64][]byte{}}
	f.structures = freeBytes + 8*size
	f.data = max(size, min(maxUnpacked, freeBytes+64*size))
	start, err := f.signature()
	if err != nil {
		return nil, err
	}
	root, err := f.superblock(start)
	if err != nil {
		return nil, fmt.Errorf("superblock: %w", err)
	}
	if f.root, err = f.object(root); err != nil {
		return nil, fmt.Errorf("root group: %w", err)
	}
	return f, nil
}

// Root returns the group that all others are in.
func (f *File) Root() *Object { return f.root }

var signature = []byte("\x89HDF\r\n\x1a\n")

// signature returns the address of the superblock: 0, 512, 1024, 2048 and so on.
func (f *File) signature() (int64, error) {
	b := make([]byte, len(signature))
	for at := int64(0); at+int64(len(b)) <= f.size; at = max(512, 2*at) {
		if _, err := f.r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if bytes.Equal(b, signature) {
			return at, nil
		}
	}
	return 0, errors.New("not an HDF5 file: it has no superblock")
}

// superblock returns the address of the root group's header.
func (f *File) superblock(start int64) (uint64, error) {
	const most = 96 // bytes of the longest version
	b, err := f.read(uint64(start), int(min(most, f.size-start)))
	if err != nil {
		return 0, err
	}
	c := &cursor{b: b}
	c.skip(len(signature))
	version := c.uint(1)
	var offsets, lengths uint64
	switch version {
	case 0, 1:
		c.skip(4)
		offsets, lengths = c.uint(1), c.uint(1)
		c.skip(9 + 4*int(version))
	case 2, 3:
		offsets, lengths = c.uint(1), c.uint(1)
		c.skip(1)
	default:
		return 0, fmt.Errorf("version %d, want 0 to 3", version)
	}
	if c.err == nil && (offsets != 8 || lengths != 8) {
		return 0, fmt.Errorf("addresses of %d and lengths of %d bytes, want 8", offsets, lengths)
	}
	f.base = int64(c.uint(8))
	c.skip(16) // free space or the extension, the file's end
	if version < 2 {
		c.skip(16) // the driver, and the name of the root's entry
	}
	root := c.uint(8)
	if c.err == nil && (f.base < 0 || f.base > f.size) {
		return 0, fmt.Errorf("base address %d of a file of %d bytes", f.base, f.size)
	}
	return root, c.err
}

// read returns n bytes of a structure.
func (f *File) read(address uint64, n int) ([]byte, error) {
	if err := f.within(address, n); err != nil {
		return nil, err
	}
	if f.structures -= int64(n) + 64; f.structures < 0 {
		return nil, errors.New("more structures than a file of this size has: it is damaged")
	}
	b := make([]byte, n)
	_, err := f.r.ReadAt(b, f.base+int64(address))
	if errors.Is(err, io.EOF) {
		err = nil
		if n > 0 && f.base+int64(address)+int64(n) > f.size {
			err = io.ErrUnexpectedEOF
		}
	}
	return b, err
}

// within returns an error unless n bytes from an address on are in the file.
func (f *File) within(address uint64, n int) error {
	if room := uint64(f.size - f.base); n < 0 || address > room || uint64(n) > room-address {
		return fmt.Errorf("%d bytes at %d are not in the file, which has %d: it is cut off or damaged", n, address, f.size)
	}
	return nil
}

// block reads a structure with a signature of four letters and a version, and
// returns what follows these.
func (f *File) block(address uint64, n int, name string, version byte) (*cursor, error) {
	b, err := f.read(address, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(b) < 5 || string(b[:4]) != name || b[4] != version {
		return nil, fmt.Errorf("no %s of version %d at %d: the file is damaged", name, version, address)
	}
	return &cursor{b: b[5:]}, nil
}

// cursor reads numbers, little endian. After the first error all are 0.
type cursor struct {
	b   []byte
	err error
}

// bytes returns the next n bytes.
func (c *cursor) bytes(n int) []byte {
	if c.err == nil && (n < 0 || n > len(c.b)) {
		c.err = errors.New("a structure is cut off")
	}
	if c.err != nil {
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) skip(n int) { c.bytes(n) }

// uint returns a number of n bytes, n at most 8.
func (c *cursor) uint(n int) (v uint64) {
	for i, b := range c.bytes(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// text returns a string that ends in a zero byte.
func (c *cursor) text() string {
	i := bytes.IndexByte(c.b, 0)
	s := string(c.bytes(i))
	c.skip(1)
	return s
}
