package torture

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A builder writes hostile files by the grammar of their format: all is as the format
// wants it, checksums too, but that now and then a number, a name or a part is extreme.
// Damage by chance seldom gets behind a checksum or a length that has to fit.
type builder struct {
	*rand.Rand
	rare int // one choice of so many is extreme
	b    []byte
	ends []int // of the file's sections
}

// built returns a file by a grammar, of whose choices one of so many is extreme. Sometimes
// it is cut at the end of one of its sections.
func built(grammar func(b *builder), rare int, random *rand.Rand) []byte {
	b := &builder{Rand: random, rare: rare}
	grammar(b)
	if len(b.ends) > 0 && b.odd() {
		b.b = b.b[:max(0, min(len(b.b), b.ends[b.IntN(len(b.ends))]+b.IntN(3)-1))]
	}
	return b.b
}

// odd tells whether a choice is to be extreme.
func (b *builder) odd() bool { return b.IntN(b.rare) == 0 }

// pick returns the first of the choices, or if it is to be odd any of them.
func pick[T any](b *builder, usual T, others ...T) T {
	if len(others) == 0 || !b.odd() {
		return usual
	}
	return others[b.IntN(len(others))]
}

// number is a number of the format, or an extreme one: near a power of two, and negative
// as two's complement.
func (b *builder) number(usual int64) int64 {
	if !b.odd() {
		return usual
	}
	v := int64(1)<<b.IntN(64) + int64(b.IntN(3)) - 1
	switch b.IntN(6) {
	case 0:
		return -v
	case 1:
		return usual + int64(b.IntN(3)) - 1
	case 2:
		return 0
	}
	return v
}

// times is how often a part comes.
func (b *builder) times(usual int) int { return pick(b, usual, 0, usual+1, 2*usual+1, 300) }

// bytes is a part's content, or another of another length.
func (b *builder) bytes(usual []byte) []byte {
	if !b.odd() {
		return usual
	}
	switch b.IntN(4) {
	case 0:
		return nil
	case 1:
		return usual[:b.IntN(len(usual)+1)]
	case 2:
		return append(slices.Clone(usual), usual...)
	}
	return bytes.Repeat([]byte{byte(b.IntN(256))}, b.IntN(5000))
}

// bomb is much of little: it packs very well.
func (b *builder) bomb() []byte { return make([]byte, 1<<(10+b.IntN(15))) }

// name is a name, or one that is not what it looks like.
func (b *builder) name(usual string) string {
	return pick(b, usual, "", ".", "..", "../"+usual, "/etc/"+usual, "a/../../"+usual, usual+"\x00", "\u202e"+usual, "a\u0301\u0301"+usual, "\ufeff"+usual,
		"\xc0\xaf"+usual, "\xed\xa0\x80", "\\..\\"+usual, "C:"+usual, "con", strings.Repeat("é", 3000), strings.Repeat("a/", 2000), usual+"\n"+usual, "\u2028", "%s%n", " "+usual+" ", strings.ToUpper(usual))
}

// put appends to the file.
func (b *builder) put(parts ...[]byte) {
	for _, p := range parts {
		b.b = append(b.b, p...)
	}
}

// section ends a section of the file.
func (b *builder) section() { b.ends = append(b.ends, len(b.b)) }

// big and little append a number of so many bytes.
func (b *builder) big(size int, v int64) {
	b.b = append(b.b, binary.BigEndian.AppendUint64(nil, uint64(v))[8-size:]...)
}

func (b *builder) little(size int, v int64) {
	b.b = append(b.b, binary.LittleEndian.AppendUint64(nil, uint64(v))[:size]...)
}

// part is what a grammar writes by itself, as a length before it has to be known.
func (b *builder) part(grammar func(b *builder)) []byte {
	p := &builder{Rand: b.Rand, rare: b.rare}
	grammar(p)
	return p.b
}

// changed is a value of JSON as a text in which some of the values are others, some keys
// come twice, and some lists are longer, deeper or empty.
func (b *builder) changed(text []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		panic(err) // it is one of ours
	}
	rare := b.rare
	b.rare *= 1 + len(text)/200 // a few of a text, however long
	defer func() { b.rare = rare }()
	return b.value(nil, v)
}

// value appends a value of JSON.
func (b *builder) value(to []byte, v any) []byte {
	if b.odd() {
		switch b.IntN(8) {
		case 0:
			others := []string{"null", "{}", "[]", "true", `""`, "-0", "1e308", "1e999", "0.5", "[null]", `"\ud800"`, `"\u0000"`}
			return append(to, others[b.IntN(len(others))]...)
		case 1:
			depth := 1 << b.IntN(15)
			return append(append(append(to, bytes.Repeat([]byte("["), depth)...), "1"...), bytes.Repeat([]byte("]"), depth)...)
		case 2:
			return append(append(to, '['), append(bytes.Repeat([]byte("1,"), 1<<b.IntN(12)), "1]"...)...)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		to = append(to, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				to = append(to, ',')
			}
			to = b.value(append(text(to, b.name(key)), ':'), v[key])
			if b.odd() {
				to = b.value(append(text(append(to, ','), key), ':'), v[key])
			}
		}
		return append(to, '}')
	case []any:
		to = append(to, '[')
		for i, e := range v {
			if i > 0 {
				to = append(to, ',')
			}
			to = b.value(to, e)
		}
		return append(to, ']')
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return fmt.Append(to, b.number(n))
		}
		return append(to, pick(b, v.String(), "-"+strings.TrimPrefix(v.String(), "-"), "1e300", "1e-300", "0")...)
	case string:
		return text(to, b.name(v))
	}
	rest, _ := json.Marshal(v) // true, false or null
	return append(to, rest...)
}

// text appends a string of JSON, with bytes that are not UTF-8 as they are.
func text(to []byte, s string) []byte {
	to = append(to, '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c < ' ':
			to = fmt.Appendf(to, "\\u%04x", c)
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}
