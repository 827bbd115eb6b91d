package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"sync"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// plainPNG unpacks the most usual PNG files, without what image/png allocates
// for each: 8 bits a value, grey or red, green and blue, not interlaced,
// nothing but IHDR, IDAT and IEND. It reports false, and may have written to x,
// for any other file and any other shape than the picture's own: image/png has
// to judge those.
func plainPNG(file []byte, shape [3]int, x []float32) bool {
	u := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	colourType := byte(0)
	if shape[0] == 3 {
		colourType = 2
	}
	var header [13]byte // Portable Network Graphics (PNG) Specification, 11.2.2
	binary.BigEndian.PutUint32(header[0:], uint32(shape[2]))
	binary.BigEndian.PutUint32(header[4:], uint32(shape[1]))
	header[8], header[9] = 8, colourType
	if !u.collect(file, header[:]) || !u.inflate(shape[1]*(1+shape[0]*shape[2])) {
		return false
	}
	stride, plane := shape[0]*shape[2], shape[1]*shape[2]
	above := zeroBytes(&u.zero, stride)
	for row := range shape[1] {
		line := u.rows[row*(1+stride):][:1+stride]
		if !unfilter(line[0], line[1:], above, shape[0]) {
			return false
		}
		above = line[1:]
		for c := range shape[0] {
			to := x[c*plane+row*shape[2]:][:shape[2]]
			for i := range to {
				to[i] = unit[above[i*shape[0]+c]]
			}
		}
	}
	return true
}

// unpacker is what unpacking needs of memory.
type unpacker struct {
	packed, rows, zero []byte
	from               bytes.Reader
	zlib               io.ReadCloser
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

// collect joins the content of the IDAT chunks of a file with that header.
func (u *unpacker) collect(file, header []byte) bool {
	rest, ok := bytes.CutPrefix(file, []byte(pngSignature))
	u.packed = u.packed[:0]
	for first := true; ok; first = false {
		if len(rest) < 12 {
			return false
		}
		n, kind := binary.BigEndian.Uint32(rest), string(rest[4:8])
		if uint64(n) > uint64(len(rest)-12) || crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			return false
		}
		content := rest[8 : 8+n]
		rest = rest[12+n:]
		switch {
		case first:
			ok = kind == "IHDR" && bytes.Equal(content, header)
		case kind == "IEND":
			return n == 0
		default:
			ok = kind == "IDAT"
			u.packed = append(u.packed, content...)
		}
	}
	return false
}

// inflate unpacks n bytes, which have to be all, to rows.
func (u *unpacker) inflate(n int) bool {
	u.from.Reset(u.packed)
	if u.zlib == nil {
		z, err := zlib.NewReader(&u.from)
		if err != nil {
			return false
		}
		u.zlib = z
	} else if err := u.zlib.(zlib.Resetter).Reset(&u.from, nil); err != nil {
		return false
	}
	u.rows = slices.Grow(u.rows[:0], n+1)[:n+1] // one more, to see the end
	got, err := io.ReadFull(u.zlib, u.rows)
	return got == n && err == io.ErrUnexpectedEOF && u.from.Len() == 0 // what ReadFull makes of io.EOF after n
}

// unfilter undoes the filter of a line, given the line above and the bytes of a
// pixel (specification, 9.2).
func unfilter(kind byte, line, above []byte, pixel int) bool {
	switch kind {
	case 0:
	case 1:
		for i := pixel; i < len(line); i++ {
			line[i] += line[i-pixel]
		}
	case 2:
		for i, v := range above {
			line[i] += v
		}
	case 3:
		for i, v := range above {
			left := 0
			if i >= pixel {
				left = int(line[i-pixel])
			}
			line[i] += byte((left + int(v)) / 2)
		}
	case 4:
		for i, v := range above {
			if i < pixel {
				line[i] += v
				continue
			}
			line[i] += paeth(int(line[i-pixel]), int(v), int(above[i-pixel]))
		}
	default:
		return false
	}
	return true
}

// paeth returns that of left, above and their neighbour at the corner which is
// nearest to left+above-corner.
func paeth(left, above, corner int) byte {
	distances := [3]int{above - corner, left - corner, left + above - 2*corner}
	for i, d := range distances {
		distances[i] = max(d, -d)
	}
	switch {
	case distances[0] <= distances[1] && distances[0] <= distances[2]:
		return byte(left)
	case distances[1] <= distances[2]:
		return byte(above)
	}
	return byte(corner)
}

// zeroBytes returns n zeros, which are only read, from *b.
func zeroBytes(b *[]byte, n int) []byte {
	if len(*b) < n {
		*b = make([]byte, n)
	}
	return (*b)[:n]
}
