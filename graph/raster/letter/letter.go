// Package letter writes text into pictures, in Go's font without serifs, the same pixels on every
// machine.
package letter

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Size is the height of letters in pixels that pictures have where nothing asks for larger ones.
const Size = 13

// Font writes text of one size. It is for one goroutine at a time.
type Font struct {
	face font.Face
	Line int // height of a line of text in pixels, from one base line to the next
}

var regular = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // the font is part of the program
	}
	return f
})

// New returns the font in a size, in pixels.
func New(size int) *Font {
	face, err := opentype.NewFace(regular(), &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // as above
	}
	return &Font{face: face, Line: size + (size+3)/4}
}

// Width is that of a text in pixels, all of it.
func (f *Font) Width(text string) int { return font.MeasureString(f.face, plain(text)).Ceil() }

// Write writes a text whose base line begins at a point.
func (f *Font) Write(to draw.Image, text string, at image.Point, ink color.Color) {
	pen := font.Drawer{Dst: to, Src: image.NewUniform(ink), Face: f.face, Dot: fixed.P(at.X, at.Y)}
	pen.DrawString(plain(text))
}

// Begin is as much of a text from its begin on as is no wider than width, with … if there is more.
func (f *Font) Begin(text string, width int) string { return f.cut(text, width, false) }

// End is as much of a text up to its end, likewise: of a path that is the file's name.
func (f *Font) End(text string, width int) string { return f.cut(text, width, true) }

// cut drops runes at one side until the text fits. It measures each once.
func (f *Font) cut(text string, width int, end bool) string {
	if f.Width(text) <= width {
		return text
	}
	const more = "…"
	room := fixed.I(width - f.Width(more))
	r, n := []rune(plain(text)), 0
	for n < len(r) {
		next := r[n]
		if end {
			next = r[len(r)-1-n]
		}
		advance, ok := f.face.GlyphAdvance(next)
		if !ok {
			advance, _ = f.face.GlyphAdvance(unicode.ReplacementChar)
		}
		if room -= advance; room < 0 {
			break
		}
		n++
	}
	if end {
		return more + string(r[len(r)-n:])
	}
	return string(r[:n]) + more
}

// plain is a text in one line.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
