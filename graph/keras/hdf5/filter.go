package hdf5

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// The filters that are read.
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
)

// filter is one step of what a chunk went through when it was written.
type filter struct {
	id   uint64
	size int // shuffle: bytes of an element
}

// readFilters reads a filter pipeline message; nil has no filters.
func readFilters(b []byte) (filters []filter, err error) {
	if b == nil {
		return nil, nil
	}
	c := &cursor{b: b}
	version, n := c.uint(1), int(c.uint(1))
	switch version {
	case 1:
		c.skip(6)
	case 2:
	default:
		return nil, fmt.Errorf("filters of version %d, want 1 or 2", version)
	}
	for range n {
		f := filter{id: c.uint(2)}
		name := 0
		if version == 1 || f.id >= 256 {
			name = int(c.uint(2))
		}
		c.skip(2)
		values := int(c.uint(2))
		if version == 1 {
			name += -name & 7
		}
		c.skip(name)
		for i := range values {
			if v := c.uint(4); i == 0 {
				f.size = int(v)
			}
		}
		if version == 1 && values%2 == 1 {
			c.skip(4)
		}
		if c.err != nil {
			return nil, c.err
		}
		if f.id < filterDeflate || f.id > filterFletcher32 {
			return nil, fmt.Errorf("filter %d, want deflate (1), shuffle (2) or fletcher32 (3): write the file with one of them", f.id)
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// undo takes a chunk back through the filters, but for those whose bits are in
// the mask. The result has n bytes.
func undo(filters []filter, mask uint64, b []byte, n int) ([]byte, error) {
	for i := len(filters) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		var err error
		switch f := filters[i]; f.id {
		case filterDeflate:
			b, err = inflate(b, n+4) // a checksum may be inside
		case filterShuffle:
			b = unshuffle(b, f.size)
		case filterFletcher32:
			b, err = checked(b)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(b) != n {
		return nil, fmt.Errorf("a chunk of %d bytes, want %d: the file is damaged", len(b), n)
	}
	return b, nil
}

// inflate unpacks at most so many bytes.
func inflate(b []byte, most int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	defer r.Close()
	out, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	if len(out) > most {
		return nil, errors.New("deflate: a chunk unpacks to more than its size: the file is damaged")
	}
	return out, nil
}

// unshuffle takes the first bytes of all elements, then the second ones and so
// on, back to the elements. Bytes beyond the last whole element stay behind.
func unshuffle(b []byte, size int) []byte {
	if size <= 1 || size > len(b) {
		return b
	}
	n := len(b) / size
	out := make([]byte, len(b))
	for i := range size {
		for k, v := range b[i*n : (i+1)*n] {
			out[k*size+i] = v
		}
	}
	copy(out[n*size:], b[n*size:])
	return out
}

// checked verifies and removes a Fletcher checksum of 32 bits, which is taken
// over big-endian words of 16 bits.
func checked(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errors.New("fletcher32: a chunk without a checksum: the file is damaged")
	}
	c := cursor{b: b[len(b)-4:]}
	b = b[:len(b)-4]
	var low, high uint64
	for i := 0; i < len(b); i += 2 {
		word := uint64(b[i]) << 8
		if i+1 < len(b) {
			word |= uint64(b[i+1])
		}
		low = (low + word) % 65535
		high = (high + low) % 65535
	}
	if want := c.uint(4); (high<<16|low)%0xFFFFFFFF != want%0xFFFFFFFF {
		return nil, errors.New("fletcher32: the checksum of a chunk is wrong: the file is damaged")
	}
	return b, nil
}
