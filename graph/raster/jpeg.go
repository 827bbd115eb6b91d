package raster

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"iter"
)

// The markers of a JPEG file that are looked for (ITU-T T.81, table B.1).
const (
	startOfFrame0 = 0xc0
	startOfFrame2 = 0xc2 // of a picture that comes in several scans
	startOfScan   = 0xda
	endOfImage    = 0xd9
	restart0      = 0xd0
	restart7      = 0xd7
)

// maxScans bounds the scans of a JPEG file: each goes over the whole picture, and one of a
// few bytes is enough for that. Progressive pictures have 10 or so.
const maxScans = 64

// jpegBytes is what the standard library takes to unpack a picture: its planes, which are
// filled up to whole blocks, four bytes more for each of their values if the picture comes
// in several scans, and where it has four planes, or those of red, green and blue, the
// picture that is made of them.
func jpegBytes(file []byte, c image.Config) int64 {
	size := int64(c.Width) * int64(c.Height)
	marker, components, ok := jpegFrame(file)
	if !ok { // never, where the size is known
		return size * (4 + 4*4 + 4)
	}
	h, v := int64(1), int64(1) // a single plane has blocks of its own, whatever it says
	units := int64(1)          // blocks of all planes in a piece of the first one's h by v
	if len(components) > 3 {
		h, v, units = int64(components[1]>>4), int64(components[1]&15), 0
		for ; len(components) >= 3; components = components[3:] {
			units += int64(components[1]>>4) * int64(components[1]&15)
		}
	}
	across, down := (int64(c.Width)+8*h-1)/(8*h), (int64(c.Height)+8*v-1)/(8*v)
	n := across * down * units * 64
	if marker == startOfFrame2 {
		n += 4 * n
	}
	if c.ColorModel == color.CMYKModel || c.ColorModel == color.RGBAModel {
		n += 4 * size
	}
	return n
}

// jpegFrame is the marker of a JPEG file's frame, and three bytes for each of its planes:
// a name, how many blocks it has across and down in a piece, and a table.
func jpegFrame(file []byte) (marker byte, components []byte, ok bool) {
	for marker, content := range segments(file) {
		if marker >= startOfFrame0 && marker <= startOfFrame2 && len(content) >= 6 {
			components = content[6:]
			return marker, components, len(components) == 3*int(content[5]) && valid(components)
		}
	}
	return 0, nil, false
}

// valid reports whether no plane is without blocks.
func valid(components []byte) bool {
	for i := 1; i < len(components); i += 3 {
		if components[i]>>4 == 0 || components[i]&15 == 0 {
			return false
		}
	}
	return len(components) > 0
}

// scans is how many scans a JPEG file has.
func scans(file []byte) (n int) {
	for marker := range segments(file) {
		if marker == startOfScan {
			n++
		}
	}
	return n
}

// segments are those of a JPEG file, by their markers. What is between them, the data of
// scans or nothing that anybody knows, is passed over, as the standard library does: else
// a file could show another frame here than there.
func segments(file []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for at := 2; at < len(file); {
			next := bytes.IndexByte(file[at:], 0xff)
			if next < 0 {
				return
			}
			for at += next + 1; at < len(file) && file[at] == 0xff; { // filling
				at++
			}
			if at+3 > len(file) || file[at] == endOfImage {
				return
			}
			marker := file[at]
			if at++; marker == 0 || marker >= restart0 && marker <= restart7 {
				continue
			}
			size := int(binary.BigEndian.Uint16(file[at:])) // with its own two bytes
			if size < 2 || at+size > len(file) || !yield(marker, file[at+2:at+size]) {
				return
			}
			at += size
		}
	}
}
