package cli

import (
	"fmt"
	"strings"
	"unicode"
)

// Meant says which of some names was meant by one that is not among them: the end of an
// error, "" if none is like it.
func Meant(name string, names []string) string {
	if best := nearest(name, names); best != "" {
		return fmt.Sprintf("; did you mean %s?", best)
	}
	return ""
}

// nearest is the name that is least different, at most by a third of its length; letters'
// cases and punctuation count for less than a letter.
func nearest(name string, names []string) (best string) {
	least, given := 1.0/3, plainly(name)
	for _, n := range names {
		other := plainly(n)
		if share := float64(distance(given, other)) / float64(max(len(other), len(given), 1)); share < least || share == least && best == "" {
			best, least = n, share
		}
	}
	return best
}

// plainly is a name in small letters and digits alone.
func plainly(name string) []rune {
	return []rune(strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name))
}

// distance is the number of letters to insert, delete, replace or exchange with the next
// one, to make b of a (Damerau 1964; no letter is changed twice).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
