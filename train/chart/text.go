package chart

import (
	"html"
	"strconv"
	"strings"
)

// The height of a line of text, and of letters.
const (
	lineHeight  = 17.0
	titleHeight = 24.0
	fontSize    = 12.0
)

// width is how much room a text needs at most, in one of the common fonts without serifs.
func width(text string) (sum float64) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(" .,:;'|ijlI()[]/-", r):
			sum += 0.42 * fontSize
		case r >= 0x1100: // as wide as they are high
			sum += fontSize
		case strings.ContainsRune("mwMW%@—→", r):
			sum += 0.95 * fontSize
		default:
			sum += 0.64 * fontSize
		}
	}
	return sum
}

// fitted is a text that has room, with what is cut off replaced by …
func fitted(text string, room float64) string {
	r := []rune(text)
	if width(text) <= room {
		return text
	}
	for len(r) > 0 && width(string(r)+"…") > room {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

func escaped(text string) string {
	return html.EscapeString(strings.ToValidUTF8(strings.Map(printable, text), "�"))
}

// printable replaces what XML cannot hold.
func printable(r rune) rune {
	if r < ' ' || r == 0xfffe || r == 0xffff {
		return ' '
	}
	return r
}

func coordinate(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}
