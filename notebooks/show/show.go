// Package show draws for notebooks: grids of images, charts, tables, the course
// of a training run.
//
//	show.NewGrid(digits, digits.Test, 0, 20) // twenty digits with their classes
//	show.History(result.History)             // curves of loss and accuracy
//
// A value of this package that ends a cell is displayed; in a loop
// Display(display.Auto(value)) does the same. That goes by one method,
// SimpleRender, which gophernotes looks for. A value that cannot be drawn shows
// why instead.
package show

import (
	"encoding/base64"
	"fmt"
	"html/template"
)

// The formats that Jupyter knows and this package makes.
const (
	text     = "text/plain"
	html     = "text/html"
	markdown = "text/markdown"
	png      = "image/png"
)

// rendered is content in one format, with what is shown where that is unknown;
// or the error that kept it from being made.
func rendered(format string, content any, plain string, err error) map[string]any {
	if err != nil {
		return map[string]any{text: "show: " + err.Error()}
	}
	return map[string]any{format: content, text: plain}
}

// SVG is a drawing as text, such as draw.SVG of tapenet/graph/draw makes.
type SVG string

// SimpleRender is the drawing as an image in HTML: nbconvert empties a drawing
// that stands by itself, as it might hold a script.
func (s SVG) SimpleRender() map[string]any {
	return s.rendered(fmt.Sprintf("drawing, %d bytes", len(s)), nil)
}

func (s SVG) rendered(plain string, err error) map[string]any {
	img := `<img alt="` + template.HTMLEscapeString(plain) + `" src="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(s)) + `">`
	return rendered(html, img, plain, err)
}

// HTML is text with tags.
type HTML string

// SimpleRender is the text.
func (h HTML) SimpleRender() map[string]any { return rendered(html, string(h), string(h), nil) }

// Markdown is text in Markdown, with formulas between dollars.
type Markdown string

// SimpleRender is the text.
func (m Markdown) SimpleRender() map[string]any {
	return rendered(markdown, string(m), string(m), nil)
}
