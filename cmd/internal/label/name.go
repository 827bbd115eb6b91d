package label

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tapenet/graph/raster/decode"
	"tapenet/train/data"
)

// What names may have: file systems allow 255 bytes of a file's, and a number may follow.
const (
	longestClass = 64  // characters
	longestFile  = 200 // bytes
)

// checkClass returns an error unless a folder of this name can be a class's everywhere.
func checkClass(name string) error {
	switch {
	case name == "" || strings.TrimSpace(name) != name:
		return fmt.Errorf("the class's name %q, want one without spaces around it", name)
	case utf8.RuneCountInString(name) > longestClass:
		return fmt.Errorf("the class's name has %d characters, want at most %d", utf8.RuneCountInString(name), longestClass)
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, "."):
		return fmt.Errorf("the class's name %q, want one without a dot at an end", name)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, forbidden):
		return fmt.Errorf("the class's name %q, want one without / \\ : * ? \" < > | and control characters", name)
	case strings.EqualFold(name, data.Unsorted) || isPart(name):
		return fmt.Errorf("the class's name %q, want another one: a folder of that name is not a class's", name)
	}
	return nil
}

// isPart reports whether a folder of this name makes those beside it something else than
// classes.
func isPart(name string) bool { return strings.EqualFold(name, "train") }

// forbidden are the characters that some file system does not have in names, or shows as
// something else.
func forbidden(r rune) bool {
	return strings.ContainsRune(`/\:*?"<>|`, r) || !unicode.IsPrint(r)
}

// fileName is the name for a picture of some kind that is called so elsewhere: its last
// element, with an ending of pictures. What cannot be in a name becomes a hyphen.
func fileName(called, kind string) string {
	called = path.Base(strings.ReplaceAll(called, `\`, "/"))
	called = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || forbidden(r) {
			return '-'
		}
		return r
	}, called)
	ending := strings.ToLower(path.Ext(called))
	name := strings.Trim(called[:len(called)-len(ending)], ". ")
	if !slices.Contains(decode.Endings, ending) {
		ending = "." + strings.ToLower(kind)
	}
	for len(name) > longestFile {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if strings.Trim(name, "-") == "" {
		name = "picture"
	}
	return name + ending
}

// numbered is a file's name for the nth try: the name itself, then name-2, name-3, …
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	ending := path.Ext(name)
	return name[:len(name)-len(ending)] + "-" + strconv.Itoa(n) + ending
}
