// Package documents has the tests of the Markdown files: their Go code compiles and runs,
// their commands run or at least know their flags, their links lead somewhere, and the
// tests that they name exist.
//
// A block that begins with ```go is Go, one that begins with ```sh is commands; all others
// are text.
package documents

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Document is a Markdown file.
type Document struct {
	Path   string // from the top of the tree, with slashes
	Text   string // without its blocks
	Blocks []Block
}

// Block is a fenced piece of a document.
type Block struct {
	Language string // as after ```; "" is none
	Line     int    // of the file, where its code begins
	Code     string
}

// Read reads all Markdown files below a folder, but for those in testdata and the program's
// own templates.
func Read(top string) ([]Document, error) {
	var all []Document
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name == ".git" || name == "bin" || name == "runs") {
			return filepath.SkipDir
		}
		if filepath.Ext(name) != ".md" || name == "card.md" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(top, path)
		if err != nil {
			return err
		}
		d2, err := parse(string(content))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		d2.Path = filepath.ToSlash(path)
		all = append(all, d2)
		return nil
	})
	return all, err
}

// parse takes a document apart. The text keeps an empty line in the place of each of a
// block's.
func parse(content string) (Document, error) {
	var d Document
	var text strings.Builder
	var open *Block
	for i, line := range strings.Split(content, "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case open == nil && !fence:
			text.WriteString(line)
		case open == nil:
			open = &Block{Language: language, Line: i + 2}
		case fence:
			d.Blocks = append(d.Blocks, *open)
			open = nil
		default:
			open.Code += line + "\n"
		}
		text.WriteByte('\n')
	}
	if open != nil {
		return d, fmt.Errorf("line %d: the block has no end", open.Line-1)
	}
	d.Text = text.String()
	return d, nil
}
