package torture

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// builtIDX writes one of the four files.
func builtIDX(b *builder) {
	dims := []int64{240, 28, 28}
	if b.IntN(2) == 0 {
		dims = []int64{240}
	}
	b.put([]byte{pick(b, byte(0), 1), 0, pick(b, byte(8), 9, 0x0b, 0x0d, 0x0e, 0), byte(pick(b, len(dims), 0, 1, 3, 4, 255))})
	size := int64(1)
	for _, d := range dims {
		b.section()
		b.big(4, b.number(d))
		size *= d
	}
	b.section()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i % 10)
	}
	b.put(b.bytes(data))
}

// builtIDXgz is builtIDX packed, in one part or several, with headers of gzip that say
// more than they need.
func builtIDXgz(b *builder) {
	content := pick(b, b.part(builtIDX), append([]byte{0, 0, 8, 1, 1, 0, 0, 0}, b.bomb()...), append([]byte{0, 0, 8, 3, 0, 1, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28}, b.bomb()...))
	parts := max(1, b.times(1))
	for i := range parts {
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, pick(b, 6, 0, 1, 9)) // which are levels
		w.Name, w.Extra = strings.Repeat("n", pick(b, 0, 500)), make([]byte, pick(b, 0, 60000))
		w.Write(content[i*len(content)/parts : (i+1)*len(content)/parts])
		w.Close()
		out := z.Bytes()
		out[len(out)-1-b.IntN(8)] ^= pick(b, byte(0), 1) // checksum and length
		b.put(out)
		b.section()
	}
	b.put(pick(b, nil, []byte("garbage"), make([]byte, 1000)))
}

// builtCIFAR writes a batch, or the names.
func builtCIFAR(b *builder) {
	if b.IntN(3) == 0 {
		for range b.times(10) {
			b.put([]byte(b.name("name")), []byte(pick(b, "\n", "\r\n", "", "\n\n", "\x00")))
			b.section()
		}
		return
	}
	for range b.times(2) {
		b.put([]byte{pick(b, byte(3), 9, 10, 99, 100, 255)})
		b.section()
		b.put(b.bytes(make([]byte, 3072)))
		b.section()
	}
}

// builtTar writes members with checksums that are right: sizes as octal digits or as
// bytes, links, devices, and headers of PAX and GNU that change the next one's.
func builtTar(sound []byte) func(b *builder) {
	picture := sound[512:][:firstSize(sound)]
	return func(b *builder) {
		member := func(name string, kind byte, content []byte) {
			header := make([]byte, 512)
			copy(header, name)
			copy(header[100:], "0000644\x000000000\x000000000\x00")
			size := b.number(int64(len(content)))
			if size >= 0 && size < 1<<33 && !b.odd() {
				copy(header[124:], fmt.Sprintf("%011o\x00", size))
			} else {
				header[124] = 0x80
				if size < 0 {
					copy(header[124:], bytes.Repeat([]byte{0xff}, 4))
				}
				binary.BigEndian.PutUint64(header[128:], uint64(size))
			}
			copy(header[136:], pick(b, "00000000000\x00", "77777777777\x00", "-1"))
			header[156] = pick(b, kind, '1', '2', '3', '5', '6', '7', 'g', 'x', 'L', 'K', 'S', 'N', 0, 255)
			copy(header[157:], b.name("1.png"))
			copy(header[257:], pick(b, "ustar\x0000", "ustar  \x00", "\x00"))
			copy(header[345:], pick(b, "", "prefix", strings.Repeat("p", 155)))
			copy(header[148:], "        ")
			sum := 0
			for _, c := range header {
				sum += int(c)
			}
			copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
			b.put(header)
			b.section()
			b.put(content, make([]byte, -len(content)&511))
			b.section()
		}
		record := func(key, value string) []byte {
			text := " " + key + "=" + value + "\n"
			n := len(text) + len(strconv.Itoa(len(text)+2))
			return []byte(strconv.FormatInt(b.number(int64(n)), 10) + text)
		}
		for i := range b.times(3) {
			name := fmt.Sprintf("%06d", pick(b, i, 0))
			if b.odd() {
				keys := []string{"path", "size", "linkpath", "GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.realsize", "GNU.sparse.numblocks", "mtime", "charset", ""}
				var records []byte
				for range 1 + b.IntN(4) {
					records = append(records, record(keys[b.IntN(len(keys))], pick(b, strconv.FormatInt(b.number(1), 10), b.name("x.png"), "0,1,2,3", strings.Repeat("0,0,", 5000)+"0,0"))...)
				}
				member("pax", pick(b, byte('x'), 'g'), records)
			}
			if b.odd() {
				member("././@LongLink", pick(b, byte('L'), 'K'), []byte(b.name(name+".png")))
			}
			member(b.name(name+".png"), '0', b.bytes(picture))
			member(b.name(name+".cls"), '0', b.bytes([]byte(fmt.Sprint(b.number(int64(i%2))))))
		}
		b.put(make([]byte, pick(b, 1024, 0, 512, 1<<20)))
	}
}

// firstSize is the size of a tar file's first member.
func firstSize(file []byte) int64 {
	h, err := tar.NewReader(bytes.NewReader(file)).Next()
	if err != nil {
		panic(err) // it is one of ours
	}
	return h.Size
}

// builtCSV writes rows with quotes, separators and ends of lines where they hurt.
func builtCSV(sound []byte) func(b *builder) {
	var names []string
	for _, row := range strings.Split(strings.TrimSpace(string(sound)), "\n")[1:] {
		name, _, _ := strings.Cut(row, ",")
		names = append(names, name)
	}
	return func(b *builder) {
		cell := func(usual string) string {
			v := b.name(usual)
			return pick(b, v, `"`+v+`"`, `"`+v, v+`"`, `""""`, strings.Repeat(v, 300), "=1+1", `"a`+"\n"+`b"`)
		}
		separator := pick(b, ",", ";", "\t", "|", "\x00")
		b.put([]byte(pick(b, "", "\ufeff", "\xff\xfe", "sep=,\n")))
		b.put([]byte(cell("file") + separator + cell("label") + pick(b, "", separator+"label", strings.Repeat(separator+"x", 3000)) + "\n"))
		b.section()
		for range b.times(1) {
			for _, name := range names {
				b.put([]byte(cell(name) + pick(b, separator, ",", "") + cell(strings.SplitN(name, "/", 2)[0]) + pick(b, "\n", "\r\n", "\r", "", "\n\n", separator+"\n")))
				b.section()
			}
		}
	}
}

// builtJSONL writes rows whose values are of other types.
func builtJSONL(sound []byte) func(b *builder) {
	return func(b *builder) {
		b.put([]byte(pick(b, "", "\ufeff", "[\n")))
		for row := range bytes.Lines(sound) {
			b.put(b.changed(row), []byte(pick(b, "\n", "\r\n", "", ",\n", "\n\n")))
			b.section()
		}
	}
}
