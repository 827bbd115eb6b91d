package torture

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"hash/crc32"
)

// builtPNG writes chunks with checksums that are right.
func builtPNG(b *builder) {
	chunk := func(kind string, content []byte) {
		b.big(4, b.number(int64(len(content))))
		start := len(b.b)
		b.put([]byte(pick(b, kind, "IHDR", "PLTE", "IDAT", "IEND", "zzzz", "\x00\x00\x00\x00")), content)
		b.big(4, int64(crc32.ChecksumIEEE(b.b[start:])))
		b.section()
	}
	depth, colour := pick(b, 8, 1, 2, 4, 16, 3, 0, 255), pick(b, 2, 0, 3, 4, 6, 1, 255)
	b.put([]byte("\x89PNG\r\n\x1a\n"))
	for range b.times(1) {
		chunk("IHDR", b.part(func(b *builder) {
			b.big(4, b.number(40))
			b.big(4, b.number(30))
			b.put([]byte{byte(depth), byte(colour), pick(b, byte(0), 1, 255), pick(b, byte(0), 1, 255), pick(b, byte(0), 1, 2)})
		}))
	}
	if colour == 3 || b.odd() {
		chunk("PLTE", b.bytes(make([]byte, 3*pick(b, 256, 1, 0, 257))))
	}
	if b.odd() {
		chunk(pick(b, "tRNS", "acTL", "fcTL", "gAMA", "bKGD"), b.bytes(make([]byte, pick(b, 6, 2, 256, 0))))
	}
	if b.odd() {
		chunk(pick(b, "iCCP", "zTXt", "iTXt"), append([]byte("name\x00\x00"), zipped(b, b.bomb())...))
	}
	channels := map[int]int{2: 3, 4: 2, 6: 4}[colour]
	pixels := make([]byte, 30*(1+(40*max(1, channels)*depth+7)/8))
	for i := range pixels {
		pixels[i] = byte(b.IntN(5)) // filters and values
	}
	data := zipped(b, b.bytes(pick(b, pixels, b.bomb())))
	n := max(1, b.times(1))
	for i := range n {
		chunk("IDAT", data[i*len(data)/n:(i+1)*len(data)/n])
	}
	for range b.times(1) {
		chunk("IEND", b.bytes(nil))
	}
}

// zipped is content as zlib has it, whose window or checksum may be wrong.
func zipped(b *builder, content []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(content)
	w.Close()
	out := z.Bytes()
	out[0] = pick(b, out[0], 0x08, 0xf8, 0x79)
	out[len(out)-1] ^= pick(b, byte(0), 1)
	return out
}

// builtJPEG writes segments: tables with wrong counts, frames with wrong components,
// scans of wrong spectra, and many of them.
func builtJPEG(b *builder) {
	segment := func(marker byte, content []byte) {
		b.put([]byte{0xff, pick(b, marker, 0xc0, 0xc1, 0xc2, 0xc4, 0xd0, 0xda, 0xdb, 0xdd, 0xee, 0xfe, 0)})
		b.big(2, b.number(int64(len(content)+2)))
		b.put(content)
		b.section()
	}
	b.put([]byte{0xff, 0xd8})
	if b.odd() {
		segment(0xe0+byte(b.IntN(16)), b.bytes([]byte(pick(b, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00", "Adobe\x00\x64\x00\x00\x00\x00\x02", "ICC_PROFILE\x00\xff\x00"))))
	}
	for i := range byte(b.times(2)) {
		segment(0xdb, b.bytes(append([]byte{pick(b, i&1, 4, 16, 255)}, bytes.Repeat([]byte{pick(b, byte(1), 0, 255)}, 64)...)))
	}
	components := pick(b, 3, 1, 4, 0, 2, 255)
	progressive := b.IntN(2) == 0
	frame := byte(0xc0)
	if progressive {
		frame = 0xc2
	}
	for range b.times(1) {
		segment(frame, b.part(func(b *builder) {
			b.put([]byte{pick(b, byte(8), 12, 0)})
			b.big(2, b.number(30))
			b.big(2, b.number(40))
			b.put([]byte{byte(components)})
			for i := range components {
				b.put([]byte{pick(b, byte(i+1), 0, 1, 'R'), pick(b, byte(0x11), 0x22, 0x41, 0x14, 0x44, 0x31, 0, 0xff), pick(b, byte(0), 1, 3, 4, 255)})
			}
		}))
	}
	for i := range byte(b.times(4)) {
		counts := make([]byte, 16)
		counts[pick(b, 1, 0, 7, 15)] = pick(b, byte(2), 0, 4, 255)
		segment(0xc4, b.bytes(append(append([]byte{pick(b, i&1|i&2<<3, 2, 0x20, 255)}, counts...), make([]byte, counts[0]+counts[1]+counts[7]+counts[15])...)))
	}
	if b.odd() {
		segment(0xdd, []byte{byte(b.IntN(256)), byte(b.IntN(256))})
	}
	for range b.times(1) {
		segment(0xda, b.part(func(b *builder) {
			b.put([]byte{byte(pick(b, components, 1, 0, 5))})
			for i := range components {
				b.put([]byte{pick(b, byte(i+1), 0, 1), pick(b, byte(0), 0x11, 0x33, 0xff)})
			}
			last := byte(63)
			if progressive {
				last = 0
			}
			b.put([]byte{pick(b, byte(0), 1, 63, 64), pick(b, last, 0, 5, 63, 64), pick(b, byte(0), 0x01, 0x10, 0x21, 0xd0, 0xff)})
		}))
		b.put(b.bytes(bytes.Repeat([]byte{pick(b, byte(0), 0x55, 0xfe), pick(b, byte(0x11), 0)}, b.IntN(500))))
		if b.odd() {
			b.put([]byte{0xff, 0xd0 + byte(b.IntN(8))})
		}
	}
	if !b.odd() {
		b.put([]byte{0xff, 0xd9})
	}
}

// builtGIF writes frames outside the screen, many of them, and codes of wrong widths.
func builtGIF(b *builder) {
	blocks := func(content []byte) {
		for len(content) > 0 {
			n := min(len(content), 255)
			b.put([]byte{byte(b.number(int64(n)))}, content[:n])
			content = content[n:]
		}
		if !b.odd() {
			b.put([]byte{0})
		}
	}
	b.put([]byte(pick(b, "GIF89a", "GIF87a", "GIF88a")))
	b.little(2, b.number(40))
	b.little(2, b.number(30))
	b.put([]byte{pick(b, byte(0x80), 0, 0x87, 0xff), pick(b, byte(0), 255), 0}, b.bytes(make([]byte, 6)))
	b.section()
	for range b.times(1) {
		if b.odd() {
			b.put([]byte{0x21, pick(b, byte(0xf9), 0xff, 0xfe, 0x01, 0)})
			blocks(b.bytes([]byte(pick(b, "\x01\x00\x00\x00", "NETSCAPE2.0", "\xff\xff\xff\xff"))))
			b.section()
		}
		b.put([]byte{pick(b, byte(0x2c), 0, 0x3b)})
		for _, side := range []int64{0, 0, 40, 30} {
			b.little(2, b.number(side))
		}
		flags := pick(b, byte(0), 0x40, 0x80, 0x87, 0xc7)
		b.put([]byte{flags})
		if flags&0x80 != 0 {
			b.put(b.bytes(make([]byte, 3<<(1+flags&7))))
		}
		width := pick(b, byte(2), 0, 1, 8, 9, 12, 255)
		b.put([]byte{width})
		var codes bytes.Buffer
		w := lzw.NewWriter(&codes, lzw.LSB, 2)
		w.Write(make([]byte, pick(b, 40*30, 0, 1, 1<<20)))
		w.Close()
		blocks(b.bytes(codes.Bytes()))
		b.section()
	}
	b.put([]byte{0x3b})
}

// builtBMP writes headers of each length.
func builtBMP(b *builder) {
	size := pick(b, 40, 12, 64, 108, 124, 0, 1<<31)
	depth := pick(b, int64(24), 1, 4, 8, 16, 32, 0, 65535)
	b.put([]byte("BM"))
	b.little(4, b.number(14+40+40*30*3))
	b.little(4, 0)
	b.little(4, b.number(14+int64(size)))
	b.section()
	b.little(4, int64(size))
	b.little(4, b.number(40))
	b.little(4, pick(b, b.number(30), -30))
	b.little(2, b.number(1))
	b.little(2, depth)
	b.little(4, pick(b, int64(0), 1, 2, 3, 4, 5, 6))
	for range 5 {
		b.little(4, b.number(0))
	}
	b.put(make([]byte, max(0, min(size, 124)-40)))
	b.section()
	if depth <= 8 {
		b.put(b.bytes(make([]byte, 1024)))
	}
	b.put(b.bytes(make([]byte, 40*30*3)))
}

// builtTIFF writes a directory of entries of wrong types, counts and addresses, which may
// lead back to itself.
func builtTIFF(b *builder) {
	number := b.little
	if b.IntN(2) == 0 {
		number = b.big
		b.put([]byte("MM"))
	} else {
		b.put([]byte("II"))
	}
	number(2, pick(b, int64(42), 43, 0))
	number(4, b.number(8))
	b.section()
	samples := pick(b, int64(1), 3, 4, 2, 0, 65535)
	tags := []struct {
		tag, kind, count, value int64
	}{
		{256, 3, 1, 40}, {257, 3, 1, 30}, {258, 3, 1, pick(b, int64(8), 1, 2, 4, 16, 32)}, {259, 3, 1, pick(b, int64(1), 2, 3, 4, 5, 7, 8, 32773, 32946)},
		{262, 3, 1, pick(b, int64(1), 0, 2, 3, 5, 6)}, {273, 4, 1, 200}, {277, 3, 1, samples}, {278, 3, 1, 30}, {279, 4, 1, 40 * 30}, {317, 3, 1, 1},
		{322, 3, 1, 16}, {323, 3, 1, 16}, {324, 4, 1, 200}, {325, 4, 1, 16 * 16 * 3}, {320, 3, 768, 200}, {338, 3, 1, 2}, {284, 3, 1, 1},
	}
	n := pick(b, 10, len(tags))
	number(2, b.number(int64(n)))
	for _, t := range tags[:n] {
		if b.odd() {
			continue
		}
		for range pick(b, 1, 2) {
			number(2, pick(b, t.tag, 0, 65535, 256, 273))
			number(2, pick(b, t.kind, 1, 2, 4, 5, 7, 12, 16, 0, 99))
			number(4, b.number(t.count))
			if t.kind == 3 && t.count == 1 {
				number(2, b.number(t.value))
				number(2, 0)
			} else {
				number(4, b.number(t.value))
			}
		}
	}
	number(4, pick(b, int64(0), 8, 4, b.number(0)))
	b.section()
	b.put(make([]byte, max(0, 200-len(b.b))), b.bytes(pick(b, make([]byte, 40*30*3), zipped(b, b.bomb()), bytes.Repeat([]byte{0x81, 0}, 3000), bytes.Repeat([]byte{0x80, 0x01}, 9000))))
}

// builtWebP writes chunks around the parts of a sound picture.
func builtWebP(sound []byte) func(b *builder) {
	frame := sound[20:] // behind RIFF, its length, WEBP, VP8 and its length
	return func(b *builder) {
		chunk := func(kind string, content []byte) {
			b.put([]byte(pick(b, kind, "VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP", "EXIF", "zzzz")))
			b.little(4, b.number(int64(len(content))))
			b.put(content)
			if len(content)%2 == 1 {
				b.put(make([]byte, pick(b, 1, 0)))
			}
			b.section()
		}
		vp8 := func() []byte { // its sides are 14 bits each at byte 6
			f := append([]byte(nil), frame...)
			sides := b.part(func(b *builder) { b.little(2, b.number(152)); b.little(2, b.number(100)) })
			if b.odd() {
				copy(f[6:], sides)
			}
			f[b.IntN(10)] ^= pick(b, byte(0), 1, 0x10, 0xff)
			return b.bytes(f)
		}
		vp8l := func() []byte {
			return b.part(func(b *builder) {
				b.put([]byte{pick(b, byte(0x2f), 0)})
				b.little(4, pick(b, int64(39|29<<14), 1<<28-1, 0, 1<<31|16383, 16383<<14))
				bits := make([]byte, b.IntN(300))
				for i := range bits {
					bits[i] = pick(b, byte(b.IntN(256)), 0, 255)
				}
				b.put(bits)
			})
		}
		contents := b.part(func(inner *builder) {
			outer := b
			b = inner
			defer func() { b = outer }()
			kind := b.IntN(3)
			if kind == 2 {
				chunk("VP8X", b.part(func(b *builder) {
					b.little(4, pick(b, int64(0x10), 0, 0x02, 0x3e, 0xff))
					b.little(3, b.number(151))
					b.little(3, b.number(99))
				}))
				chunk("ALPH", append([]byte{pick(b, byte(0), 1, 2, 4, 0x0d, 0xff)}, b.bytes(vp8l())...))
			}
			for range b.times(1) {
				if kind == 1 {
					chunk("VP8L", vp8l())
				} else {
					chunk("VP8 ", vp8())
				}
			}
		})
		b.put([]byte("RIFF"))
		b.little(4, b.number(int64(len(contents)+4)))
		b.put([]byte(pick(b, "WEBP", "WAVE")), contents)
	}
}
