package serve

import (
	"embed"
	"io/fs"
	"path"
)

// The page to try the models with is written by hand and served as it is.
//
//go:embed page
var pages embed.FS

// Page holds the page's files, for one without a server: backend.js says what has to
// take its place.
func Page() fs.FS {
	files, err := fs.Sub(pages, "page")
	if err != nil {
		panic(err) // a bug of ours: the name is valid
	}
	return files
}

// policy lets the page load and ask nothing but this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// page answers with one of the page's files.
func page(file string) handler {
	return func(c *call) ([]byte, error) {
		body, err := pages.ReadFile("page/" + file)
		if err != nil {
			return nil, err
		}
		h := c.w.Header()
		h.Set("Content-Type", contentTypes[path.Ext(file)])
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		return body, nil
	}
}
